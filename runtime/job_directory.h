// JobDirectory: the jobs of this process as the HTTP API sees them, whoever starts, restarts and ends them.
//
// A job keeps its name while `dev --watch` swaps its execution; an entry holds the execution of the moment
// alive. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/job_attempts.h"
#include "runtime/job_env.h"
#include "runtime/job_execution.h"

namespace rideflow {

struct JobEntry {
  std::string job;
  std::shared_ptr<JobExecution> execution;  // null: it has not started, or could not
  std::string error;            // why the last start or edit failed, beside what the execution itself says
  std::string state = {};       // what it is doing; empty: as the execution says
  int64_t version = 0;          // of a job that was submitted; 0: it was not
  int64_t started_version = 0;  // the one that was started last; 0: none by this process
  std::string wanted = {};      // of such a job: "running", "stopped", "cancelled"
  std::vector<AttemptRecord> attempts = {};  // newest first
};
// "running", "failed", …
std::string state_of(const JobEntry& entry);

class JobDirectory {
 public:
  virtual ~JobDirectory() = default;
  virtual std::vector<std::string> jobs() const = 0;  // names, sorted
  virtual std::optional<JobEntry> find(const std::string& job) const = 0;
  // What it logged behind line `from`.
  virtual std::vector<JobLogLine> log_lines(const std::string& job, int64_t from) const;
};

// The directory as a table that its owner keeps up to date.
class JobTable : public JobDirectory {
 public:
  void set(JobEntry entry);
  // An edit that could not be started: the execution, if any, goes on. Empty: all is well again.
  void set_error(const std::string& job, std::string error);
  void remove(const std::string& job);

  std::vector<std::string> jobs() const override;
  std::optional<JobEntry> find(const std::string& job) const override;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, JobEntry> entries_;
};

}  // namespace rideflow
