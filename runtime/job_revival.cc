#include "runtime/job_revival.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {
namespace {

constexpr int64_t kFirstPause = kMicrosPerSecond;
constexpr int64_t kLongestPause = 60 * kMicrosPerSecond;
// A job that ran for so long has outlived what failed it.
constexpr int64_t kHealthy = 60 * kMicrosPerSecond;

}  // namespace

bool may_pass(const Status& failure) {
  if (failure.ok()) return false;
  if (failure.retry() == Retry::backoff) return true;
  return failure.blame() == Blame::external &&
         (failure.code() == Code::unavailable || failure.code() == Code::resource_exhausted);
}

std::vector<std::string> JobRevival::look(const RunOptions& options) {
  const Micros now = env_->monotonic();
  std::vector<std::string> told;
  for (const HostedJob& hosted : host_->jobs()) {
    const auto waiting = waiting_.find(hosted.name);
    if (!hosted.job->over()) {
      // Somebody's edit may have started it meanwhile.
      if (waiting != waiting_.end()) waiting_.erase(waiting);
      const auto started = started_.find(hosted.name);
      if (started != started_.end() && now - started->second >= kHealthy) {
        pause_.erase(hosted.name);
        started_.erase(started);
      }
      continue;
    }
    if (waiting != waiting_.end()) {
      if (now >= waiting->second.at) told.push_back(start(hosted, options));
      continue;
    }
    const JobExecution& execution = hosted.job->execution();
    if (execution.phase() != JobPhase::failed || !may_pass(execution.result())) continue;
    told.push_back(schedule(hosted.name, execution.result()));
  }
  return told;
}

std::string JobRevival::schedule(const std::string& job, const Status& failure) {
  int64_t& pause = pause_[job];
  pause = pause == 0 ? kFirstPause : std::min(2 * pause, kLongestPause);
  waiting_[job] = {env_->monotonic() + pause, failure.to_string()};
  const std::string text = fmt::format("{}; it is started again from its newest checkpoint in {} s",
                                       failure.to_string(), pause / kMicrosPerSecond);
  jobs_->set_error(job, text);
  return fmt::format("{} failed: {}", job, text);
}

std::string JobRevival::start(const HostedJob& job, const RunOptions& options) {
  waiting_.erase(job.name);
  const Status status = host_->start(job.plan, options);
  if (status.ok()) {
    started_[job.name] = env_->monotonic();
    jobs_->set_error(job.name, {});
    return fmt::format("{} was started again", job.name);
  }
  if (may_pass(status)) return schedule(job.name, status);
  jobs_->set_error(job.name, status.to_string());
  return fmt::format("{} can't be started again: {}", job.name, status.to_string());
}

}  // namespace rideflow
