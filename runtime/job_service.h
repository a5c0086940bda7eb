// JobService: jobs that are submitted, kept in a registry and run by a host until they are told to stop.
//
// What is wanted is written down first, durably; look() then makes the host do it, step by step, without ever
// waiting: after a process was killed the same call brings back every job that should run. Whoever submits
// sends a job's text and its variables: nothing of this process but what `access` allows is reached by it.
//
// Thread-safe; look() is called by one thread, often.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/job_directory.h"
#include "runtime/job_evolution.h"
#include "runtime/job_host.h"
#include "runtime/job_registry.h"

namespace rideflow {

struct JobSubmission {
  std::string text;
  std::map<std::string, std::string> variables;
  std::optional<int32_t> parallelism;   // nothing: the job's, or the process's
  std::vector<std::string> drop_state;  // steps whose state may be given up where it doesn't fit
  bool dry_run = false;
};

struct SubmissionAnswer {
  std::string job;      // empty: the text does not name one
  int64_t version = 0;  // that counts now; of a dry run the one that it would become
  bool changed = false;
  std::vector<StepEvolution> steps;  // against the version that counted before; of a dry run with the state
  std::vector<Diagnostic> errors;    // then nothing was changed
  std::vector<Diagnostic> warnings;
};

class JobService : public JobDirectory {
 public:
  // `host` and `catalog` outlive it. `options`: what jobs are started with.
  JobService(JobHost* host, const Catalog* catalog, std::shared_ptr<const JobAccess> access,
             std::unique_ptr<JobRegistry> registry, RunOptions options);

  // Reads the registry. What is damaged in it is listed with its error and stays as it is.
  Status open();
  // Makes the host do what is wanted.
  void look();
  // From now on look() starts nothing: the process ends, and what is wanted stays wanted.
  void close();

  // The same text, variables and parallelism as the version that counts change nothing, but the job is wanted
  // to run.
  Result<SubmissionAnswer> submit(const JobSubmission& submission);
  // not_found: no such job, as everywhere here.
  Status want(const std::string& job, WantedState wanted);
  // Ends the job without a last checkpoint and takes it off the registry; what it wrote stays, its
  // checkpoints too.
  Status cancel(const std::string& job);
  // Makes an earlier version the one that counts: `version`, or the one before. `drop_state`: as of a
  // submission.
  Result<int64_t> rollback(const std::string& job, std::optional<int64_t> version,
                           const std::vector<std::string>& drop_state = {});
  Result<RegisteredJob> registered(const std::string& job) const;

  std::vector<std::string> jobs() const override;
  std::optional<JobEntry> find(const std::string& job) const override;
  std::vector<JobLogLine> log_lines(const std::string& job, int64_t from) const override;

 private:
  struct Entry {
    RegisteredJob job;
    Status damage;        // not ok: the registry's entry can't be read
    int64_t started = 0;  // the version that the host has; 0: none, or another attempt is wanted
    int64_t worked = 0;   // the last one that could be built in this process
    bool asked_to_stop = false;
    bool cancelled = false;
    bool told = false;  // that the version that was started has failed
    std::string error;  // why the version that counts does not run
  };
  using Entries = std::map<std::string, Entry>;

  LoadedJob load(const JobVersion& version) const;
  Result<std::vector<StateFinding>> survey(const LoadedJob& job) const;
  Result<Entries::iterator> find_entry(const std::string& job);
  Status store(Entry& entry, const RegisteredJob& next);
  void look_at(Entry& entry, const std::optional<HostedJob>& hosted);
  void start(Entry& entry);
  Status note_drop(const std::string& job, int64_t version, Epoch first);
  bool fall_back(Entry& entry, const HostedJob& failed);

  JobHost* host_;
  const Catalog* catalog_;
  const std::shared_ptr<const JobAccess> access_;
  const std::unique_ptr<JobRegistry> registry_;
  const RunOptions options_;
  mutable std::mutex mutex_;
  Entries entries_;
  bool closed_ = false;
};

}  // namespace rideflow
