// JobEnv: the process's Env as one job sees it: what is logged through it names the job, and the newest lines
// are kept for whoever asks what happened to it.
//
// Thread-safe. Held by shared_ptr; the other Env outlives it. Background work keeps it for as long as it
// takes, since what a job began may end after the job and its host.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/env.h"

namespace rideflow {

struct JobLogLine {
  int64_t number = 0;  // from 1 on, without gaps
  std::string text;    // as in the process's log
};

class JobEnv : public Env, public std::enable_shared_from_this<JobEnv> {
 public:
  static constexpr size_t kKept = 500;
  static constexpr size_t kLongest = 4096;  // bytes of a line; the rest is cut

  JobEnv(Env& env, std::string job) : env_(env), job_(std::move(job)) {}

  Micros now() override { return env_.now(); }
  Micros monotonic() override { return env_.monotonic(); }
  int64_t cpu_nanos() override { return env_.cpu_nanos(); }
  uint64_t random() override { return env_.random(); }
  FileSystem& fs() override { return env_.fs(); }
  using Env::offload;
  std::shared_ptr<Completion> offload(std::function<Status()> work, Lane lane) override {
    return env_.offload([self = shared_from_this(), work = std::move(work)] { return work(); }, lane);
  }
  void log(LogLevel level, std::string_view event, std::span<const LogField> fields) override;
  void kill_point(std::string_view name) override { env_.kill_point(name); }

  // Those behind `number`, oldest first.
  std::vector<JobLogLine> lines(int64_t number = 0) const;

 private:
  Env& env_;
  const std::string job_;
  mutable std::mutex mutex_;
  std::deque<JobLogLine> lines_;
  int64_t newest_ = 0;
};

}  // namespace rideflow
