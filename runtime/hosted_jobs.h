// HostedJobs: the jobs of a JobHost for the HTTP API, and why the last edit of one could not be started.
#pragma once

#include "runtime/job_directory.h"
#include "runtime/job_host.h"

namespace rideflow {

// What the host knows of it. An error that `entry` has already stays.
void describe(const HostedJob& hosted, JobEntry& entry);

// `host` must outlive it.
class HostedJobs : public JobDirectory {
 public:
  explicit HostedJobs(const JobHost* host) : host_(host) {}
  // A job that is about to start: it is listed as starting until the host has it.
  void announce(const std::string& job) { errors_.set_error(job, {}); }
  void set_error(const std::string& job, std::string error) { errors_.set_error(job, std::move(error)); }

  std::vector<std::string> jobs() const override;
  std::optional<JobEntry> find(const std::string& job) const override;
  std::vector<JobLogLine> log_lines(const std::string& job, int64_t from) const override {
    return host_->log_lines(job, from);
  }

 private:
  const JobHost* host_;
  JobTable errors_;
};

}  // namespace rideflow
