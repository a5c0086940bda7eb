#include "runtime/hosted_jobs.h"

#include <set>

namespace rideflow {

std::vector<std::string> HostedJobs::jobs() const {
  std::set<std::string> names;
  for (const HostedJob& hosted : host_->jobs()) names.insert(hosted.name);
  for (std::string& name : errors_.jobs()) names.insert(std::move(name));
  return {names.begin(), names.end()};
}

std::optional<JobEntry> HostedJobs::find(const std::string& job) const {
  std::optional<JobEntry> entry = errors_.find(job);
  const std::optional<HostedJob> hosted = host_->find(job);
  if (!hosted) return entry;
  if (!entry) entry = JobEntry{job, nullptr, ""};
  describe(*hosted, *entry);
  return entry;
}

void describe(const HostedJob& hosted, JobEntry& entry) {
  entry.execution = hosted.job->execution();
  entry.state = hosted.job->state();
  entry.attempts = hosted.job->attempts();
  if (entry.error.empty()) entry.error = hosted.job->error();
}

}  // namespace rideflow
