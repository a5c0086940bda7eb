#include "runtime/job_host.h"

#include <fmt/format.h>

#include <set>

#include "runtime/durable_job_storage.h"
#include "runtime/posix_process.h"
#include "state/manifest_reader.h"
#include "state/savepoint.h"

namespace rideflow {

Result<std::unique_ptr<JobHost>> JobHost::open(Env& env, const std::string& data_dir,
                                               const std::shared_ptr<const JobAccess>& access,
                                               const QueryLimits& limits) {
  RF_ASSIGN(auto dir, DataDir::open(env, data_dir, process_id()));
  auto host = std::unique_ptr<JobHost>(new JobHost(env, std::move(dir)));
  RF_TRY(host->open_stores(*access, limits).with(data_dir));
  return host;
}

JobHost::~JobHost() {
  const bool answered = answered_;
  const Status stopped = stop_all();
  if (!stopped.ok() && !answered) env_.warn("stop_failed", {{"why", stopped.to_string()}});
}

Status JobHost::open_stores(const JobAccess& access, const QueryLimits& limits) {
  RF_TRY(env_.fs().remove_tree(dir_->savepoint_work()));  // of a process that died
  rocks_ = std::make_shared<RocksShared>();
  RF_ASSIGN(topics_, TopicStore::open(env_, dir_->topics()));
  RF_ASSIGN(const std::vector<StoredJob> stored, stored_jobs(env_, *dir_));
  hold_unread(*topics_, stored);
  RF_ASSIGN(rollups_, RollupStore::open(&env_, dir_->rollups()));
  queries_ = std::make_shared<RollupQueries>(&env_, rollups_, limits);
  resources_.add<TopicStore>("", topics_);
  resources_.add<RollupStore>("rollups", rollups_);
  access.add_to(resources_);
  return {};
}

Status JobHost::check_free(const std::string& job) const {
  const std::optional<HostedJob> hosted = find(job);
  if (!hosted || hosted->job->over()) return {};
  return Status::user(Code::already_exists, fmt::format("a job named '{}' is already running", job));
}

JobEnv& JobHost::env_of(const std::string& job) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<JobEnv>& env = envs_[job];
  if (!env) env = std::make_shared<JobEnv>(env_, job);
  return *env;
}

Status JobHost::start(std::shared_ptr<const LogicalPlan> plan, const RunOptions& options) {
  RF_TRY(check_free(plan->job));
  auto notes = notes_of(plan->job);
  auto build = builder(plan, options, notes.get());
  RF_ASSIGN(auto job,
            AttemptedJob::start(env_of(plan->job), plan->job, with_job(options.restart, plan->restart),
                                std::move(build), std::move(notes)));
  const std::lock_guard lock(mutex_);
  jobs_[plan->job] = {plan->job, plan, std::move(job)};
  answered_ = false;
  return {};
}

Status JobHost::start_soon(std::shared_ptr<const LogicalPlan> plan, const RunOptions& options) {
  RF_TRY(check_free(plan->job));
  forget(plan->job);  // what the last attempt held is given back before the next one takes the same
  auto notes = notes_of(plan->job);
  auto build = builder(plan, options, notes.get());
  auto job = AttemptedJob::start_soon(env_of(plan->job), plan->job, with_job(options.restart, plan->restart),
                                      std::move(build), std::move(notes));
  const std::lock_guard lock(mutex_);
  jobs_[plan->job] = {plan->job, plan, std::move(job)};
  answered_ = false;
  return {};
}

void JobHost::forget(const std::string& job) {
  HostedJob gone;  // destroyed behind the lock
  const std::lock_guard lock(mutex_);
  const auto it = jobs_.find(job);
  if (it == jobs_.end() || !it->second.job->over()) return;
  gone = std::move(it->second);
  jobs_.erase(it);
}

Status JobHost::begin_with(ObjectStore& from, const std::string& job) {
  RF_ASSIGN(const Checkpoint savepoint, read_savepoint(from));
  RF_ASSIGN(const auto checkpoints, CheckpointStore::open(env_, dir_->checkpoints(job)));
  return adopt_savepoint(env_, savepoint, from, job, *checkpoints).with(from.describe());
}

Result<std::optional<Checkpoint>> JobHost::newest_checkpoint(const std::string& job) const {
  RF_ASSIGN(std::vector<Checkpoint> found, read_manifests(env_.fs(), dir_->checkpoints(job)));
  return found.empty() ? std::nullopt : std::optional<Checkpoint>(std::move(found.back()));
}

std::unique_ptr<AttemptNotes> JobHost::notes_of(const std::string& job) {
  return std::make_unique<AttemptNotes>(env_, join_path(dir_->jobs(), job));
}

AttemptedJob::Build JobHost::builder(const std::shared_ptr<const LogicalPlan>& plan,
                                     const RunOptions& options, AttemptNotes* notes) {
  return [this, plan, options, notes](Epoch first, const Care& care) {
    return build(plan, options, first, care, notes);
  };
}

// One attempt.
Result<std::unique_ptr<LocalJob>> JobHost::build(const std::shared_ptr<const LogicalPlan>& plan,
                                                 const RunOptions& options, Epoch first, const Care& care,
                                                 AttemptNotes* notes) {
  if (options.from && first.value == 0) RF_TRY(begin_with(*options.from, plan->job));
  ExecutionOptions execution;
  execution.env = &env_of(plan->job);
  execution.resources = &resources_;
  RF_ASSIGN(execution.storage,
            DurableJobStorage::open(env_, dir_->checkpoints(plan->job), dir_->state(plan->job), rocks_));
  RF_ASSIGN(std::optional<StoredJob> stored, stored_job(env_, *dir_, plan->job));
  execution.storage = holding_storage(std::move(execution.storage), topics_,
                                      stored ? std::move(stored->holds) : std::vector<ReadPosition>());
  execution.data_dir = data_dir_;
  execution.parallelism = options.parallelism;
  execution.batch_rows = options.batch_rows;
  execution.checkpoint_interval = options.checkpoint_interval;
  execution.drop_state = {options.drop_state, options.drop_changed_state};
  execution.drop_before = options.drop_before.value > 0 ? options.drop_before : first;
  if (execution.drop_before.value == 0) execution.begun = options.begun;
  execution.care = care;
  execution.read_again = [notes] { notes->on_read_again(); };
  execution.note = [notes](size_t sources) { return notes->begin(sources); };
  return LocalJob::start(plan, execution);
}

Status JobHost::restart(std::shared_ptr<const LogicalPlan> plan, const RunOptions& options) {
  const std::optional<HostedJob> old = find(plan->job);
  if (old && !old->job->over()) {
    old->job->stop();
    // One that stopped without a last checkpoint goes on from the one before, and so does one that waited for
    // its next attempt.
    const Status stopped = old->job->wait();
    if (old->job->state() == "failed" && !may_pass(stopped)) return stopped;
  }
  Status status = start(std::move(plan), options);
  if (status.ok() || !old) return status;
  // The job as it was is better than none: its checkpoint is untouched.
  Status back = start(old->plan, options);
  return back.ok() ? std::move(status) : std::move(back.with("neither the new job nor the old one starts"));
}

Status JobHost::publish_address(const std::string& address) {
  return dir_->set_address(address);
}

Status JobHost::stop_all() {
  Status first;
  const std::vector<HostedJob> all = jobs();
  for (const HostedJob& hosted : all) hosted.job->stop();
  for (const HostedJob& hosted : all) {
    Status status = hosted.job->wait();
    if (first.ok() && !status.ok()) first = std::move(status.with(hosted.name));
  }
  answered_ = true;
  return first;
}

int64_t JobHost::progress() const {
  int64_t sum = 0;
  for (const HostedJob& hosted : jobs()) {
    sum += hosted.job->over() ? 1 : 0;
    const auto execution = hosted.job->execution();
    if (!execution) continue;
    for (const auto& task : execution->graph().counters()) sum += task->task.busy_nanos.get();
  }
  return sum;
}

std::vector<HostedJob> JobHost::jobs() const {
  const std::lock_guard lock(mutex_);
  std::vector<HostedJob> all;
  for (const auto& [name, job] : jobs_) all.push_back(job);
  return all;
}

Result<std::vector<TopicUser>> JobHost::topic_users(const std::string& topic) const {
  std::vector<TopicUser> users;
  std::set<std::string> running;
  for (const HostedJob& hosted : jobs()) {
    if (hosted.job->over()) continue;
    running.insert(hosted.name);
    for (TopicUser& user : users_in_plan(*hosted.plan, topic)) users.push_back(std::move(user));
  }
  RF_ASSIGN(const std::vector<StoredJob> stored, stored_jobs(env_, *dir_));
  for (TopicUser& user : stored_users(stored, *topics_, topic)) {
    if (running.count(user.job) == 0) users.push_back(std::move(user));
  }
  return users;
}

std::vector<JobLogLine> JobHost::log_lines(const std::string& job, int64_t from) const {
  const std::lock_guard lock(mutex_);
  const auto it = envs_.find(job);
  return it == envs_.end() ? std::vector<JobLogLine>() : it->second->lines(from);
}

std::optional<HostedJob> JobHost::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto it = jobs_.find(name);
  return it == jobs_.end() ? std::nullopt : std::optional<HostedJob>(it->second);
}

}  // namespace rideflow
