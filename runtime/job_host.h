// JobHost: what one process holds to run jobs: the data directory, its topics and rollups, and the jobs
// themselves.
//
// `run`, `dev` and embedding programs stand on it. Thread-safe where HTTP handlers need it: jobs(), find().
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/plan.h"
#include "objects/object_store.h"
#include "rollup/rollup_queries.h"
#include "rollup/rollup_store.h"
#include "runtime/job_access.h"
#include "runtime/job_env.h"
#include "runtime/topic_users.h"
#include "runtime/worker_attempts.h"
#include "state/data_dir.h"
#include "state/rocks_support.h"
#include "topics/topic_store.h"

namespace rideflow {

struct RunOptions {
  int32_t parallelism = 1;
  int32_t batch_rows = 2048;
  int64_t checkpoint_interval = 10 * kMicrosPerSecond;
  std::vector<std::string> drop_state;
  bool drop_changed_state = false;
  // What `drop_state` names is dropped of older checkpoints only, which an earlier process may have done; 0:
  // not yet. `begun` is told from which epoch on it will have been.
  Epoch drop_before = {};
  std::function<Status(Epoch first)> begun = {};
  RestartPolicy restart;  // where the job's own `restart:` says nothing else
  // The first attempt begins with this savepoint (state/savepoint.h); null: with the job's own checkpoints.
  std::shared_ptr<ObjectStore> from = {};
};

// One job of the host. The execution changes with every attempt; the name stays.
struct HostedJob {
  std::string name;
  std::shared_ptr<const LogicalPlan> plan;
  std::shared_ptr<AttemptedJob> job;
};

class JobHost {
 public:
  // Takes the data directory, which it makes when it is missing. `access`: what its jobs may reach.
  static Result<std::unique_ptr<JobHost>> open(Env& env, const std::string& data_dir,
                                               const std::shared_ptr<const JobAccess>& access,
                                               const QueryLimits& limits = {});
  ~JobHost();

  // already_exists when a job of this name runs.
  Status start(std::shared_ptr<const LogicalPlan> plan, const RunOptions& options);
  // The same without waiting for the first attempt, which is tried again like any other.
  Status start_soon(std::shared_ptr<const LogicalPlan> plan, const RunOptions& options);
  // Stops the job of the plan's name with a checkpoint, then starts it from there with this plan.
  Status restart(std::shared_ptr<const LogicalPlan> plan, const RunOptions& options);
  // A job that is over is known no more.
  void forget(const std::string& job);
  // Says where this process can be reached, for commands that find the data directory taken.
  Status publish_address(const std::string& address);
  // Asks every job for a last checkpoint and a pause, and waits.
  Status stop_all();

  // Another value whenever a task of a job has done something since the last call. Any thread.
  int64_t progress() const;

  std::vector<HostedJob> jobs() const;
  std::optional<HostedJob> find(const std::string& name) const;
  // What the job logged since this process began, behind line `from`; the newest lines only.
  std::vector<JobLogLine> log_lines(const std::string& job, int64_t from) const;
  // Who reads or writes a topic of the data directory: jobs that run, and jobs whose checkpoints say so.
  Result<std::vector<TopicUser>> topic_users(const std::string& topic) const;

  // Of a job that has run here, whether or not it runs now, as it stands on the disk.
  Result<std::optional<Checkpoint>> newest_checkpoint(const std::string& job) const;

  Env& env() { return env_; }
  const std::string& data_dir() const { return data_dir_; }
  const DataDir& dir() const { return *dir_; }
  std::string jobs_dir() const { return dir_->jobs(); }
  const std::shared_ptr<TopicStore>& topics() const { return topics_; }
  const std::shared_ptr<RollupStore>& rollups() const { return rollups_; }
  const std::shared_ptr<RollupQueries>& queries() const { return queries_; }
  const Resources& resources() const { return resources_; }

 private:
  JobHost(Env& env, std::unique_ptr<DataDir> dir)
      : env_(env), dir_(std::move(dir)), data_dir_(dir_->path()) {}
  Status open_stores(const JobAccess& access, const QueryLimits& limits);
  Status check_free(const std::string& job) const;
  JobEnv& env_of(const std::string& job);
  Status begin_with(ObjectStore& from, const std::string& job);
  Result<std::unique_ptr<LocalJob>> build(const std::shared_ptr<const LogicalPlan>& plan,
                                          const RunOptions& options, Epoch first, const Care& care,
                                          AttemptNotes* notes);
  AttemptedJob::Build builder(const std::shared_ptr<const LogicalPlan>& plan, const RunOptions& options,
                              AttemptNotes* notes);
  std::unique_ptr<AttemptNotes> notes_of(const std::string& job);

  Env& env_;
  std::unique_ptr<DataDir> dir_;
  std::string data_dir_;
  std::shared_ptr<RocksShared> rocks_;
  std::shared_ptr<TopicStore> topics_;
  std::shared_ptr<RollupStore> rollups_;
  std::shared_ptr<RollupQueries> queries_;
  Resources resources_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<JobEnv>> envs_;  // of all jobs that there were
  std::map<std::string, HostedJob> jobs_;
  bool answered_ = false;  // stop_all() has told how the jobs ended
};

}  // namespace rideflow
