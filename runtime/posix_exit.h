// ExitWatch: a process that was told to end ends, whatever holds it: a library that joins a thread of its
// own, a pipe that nobody reads, a lock that somebody keeps.
//
// Whoever runs the process says what it is doing and how long that may take; when it takes longer, the
// process says so and is gone, as by kill -9: what it acknowledged is on disk. Calls from one thread.
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
  // From a stop signal on, the process has `ms` until the next call of expect().
  explicit ExitWatch(int ms);
  ~ExitWatch();
  ExitWatch(const ExitWatch&) = delete;
  ExitWatch& operator=(const ExitWatch&) = delete;

  // From now on: `doing` ends within `ms`, or the process with `code`. With `progress`, which is asked from
  // another thread, the time begins anew whenever its value changes.
  void expect(std::string doing, int ms, int code, std::function<int64_t()> progress = {});

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
  bool at_signal_ = true;  // the time begins with a stop signal
  std::string doing_;
  int ms_;
  int code_;
  int64_t left_ms_;
  std::function<int64_t()> progress_;
  int64_t seen_ = 0;
  std::thread thread_;
};

}  // namespace rideflow
