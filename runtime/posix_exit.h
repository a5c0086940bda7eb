// ExitWatch: a process that was told to end ends, whatever holds it: a library that joins a thread of its
// own, a pipe that nobody reads, a lock that somebody keeps.
//
// There is one deadline for all of it: what one stage has used up is not there for the next. Whoever runs the
// process says what it is doing; when the time is over, the process says what it was and is gone, as by kill
// -9: what it acknowledged is on disk. Calls from one thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace rideflow {

class ExitWatch {
 public:
  // From a stop signal, or the first call of expect(), on the process has `ms` until this is destroyed; and
  // `progress_ms` more in which something goes on.
  ExitWatch(int ms, int progress_ms);
  ~ExitWatch();
  ExitWatch(const ExitWatch&) = delete;
  ExitWatch& operator=(const ExitWatch&) = delete;

  // What is being done from now on, and the exit code should it not end in time. With `progress`, which is
  // asked from another thread, no time passes while its value changes: a last checkpoint that is being
  // written is waited for.
  void expect(std::string doing, int code, std::function<int64_t()> progress = {});
  // Of the time, what is left.
  int left_ms();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
  bool begun_ = false;  // by expect(); else the time begins with a stop signal
  std::string doing_;
  const int ms_;
  int code_;
  int left_ms_;
  int progress_left_ms_;
  std::function<int64_t()> progress_;
  int64_t seen_ = 0;
  std::thread thread_;
};

}  // namespace rideflow
