// The real world behind Env: the machine's clocks, its disk, a small pool of threads for background work,
// logs on standard error.
//
// A log line is one write: `2026-01-01T12:00:00.000Z info event key=value`; values with blanks or quotes are
// quoted; the value of a key that names a secret ("password", "token", …) is never written. One PosixEnv per
// process; the destructor finishes the background work that was handed over. Work of Lane::others has a
// thread for each piece and may never end: settle() says whether it has, and a process whose work has not
// ends by _exit() without this destructor. Thread-safety: as Env.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/env.h"
#include "runtime/posix_cycles.h"

namespace rideflow {

struct PosixEnvOptions {
  LogLevel log_level = LogLevel::info;  // what is below it is dropped
  int offload_threads = 2;
  // Where finished lines go, newline included; null: file descriptor 2.
  std::function<void(std::string_view line)> log_sink;
};

class PosixEnv : public Env {
 public:
  // RIDEFLOW_KILL_AT=point:n in the environment makes the n-th pass of kill_point(point) end the process with
  // _exit(137), as kill -9 would. A value that is not of that form ends it at once with exit code 2.
  explicit PosixEnv(PosixEnvOptions options = {});
  ~PosixEnv() override;

  Micros now() override;
  Micros monotonic() override;
  int64_t cpu_nanos() override;
  uint64_t random() override;
  FileSystem& fs() override { return *fs_; }
  using Env::offload;
  std::shared_ptr<Completion> offload(std::function<Status()> work, Lane lane) override;
  // Waits at most this long for the work of Lane::others; true when none is under way.
  bool settle(int timeout_ms);
  // Another value whenever work of Lane::disk went on since the last call.
  int64_t disk_progress();
  void log(LogLevel level, std::string_view event, std::span<const LogField> fields) override;
  void kill_point(std::string_view name) override;

 private:
  class Pool;
  class Waiters;
  PosixEnvOptions options_;
  CycleClock cycles_;
  std::unique_ptr<FileSystem> fs_;
  std::unique_ptr<Pool> pool_;
  std::shared_ptr<Waiters> waiters_;
  std::string kill_name_;
  std::atomic<int64_t> kill_passes_left_{0};
};

// One line without its newline; for PosixEnv and for tests.
std::string format_log_line(Micros time, LogLevel level, std::string_view event,
                            std::span<const LogField> fields);

}  // namespace rideflow
