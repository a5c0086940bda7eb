#include "runtime/job_directory.h"

namespace rideflow {

std::string state_of(const JobEntry& entry) {
  if (!entry.state.empty()) return entry.state;
  if (entry.execution) return std::string(to_string(entry.execution->phase()));
  return entry.error.empty() ? "starting" : "failed";
}

std::vector<JobLogLine> JobDirectory::log_lines(const std::string&, int64_t) const {
  return {};
}

void JobTable::set(JobEntry entry) {
  const std::lock_guard lock(mutex_);
  const std::string name = entry.job;
  entries_[name] = std::move(entry);
}

void JobTable::set_error(const std::string& job, std::string error) {
  const std::lock_guard lock(mutex_);
  JobEntry& entry = entries_[job];
  entry.job = job;
  entry.error = std::move(error);
}

void JobTable::remove(const std::string& job) {
  const std::lock_guard lock(mutex_);
  entries_.erase(job);
}

std::vector<std::string> JobTable::jobs() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

std::optional<JobEntry> JobTable::find(const std::string& job) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(job);
  return found == entries_.end() ? std::nullopt : std::optional<JobEntry>(found->second);
}

}  // namespace rideflow
