#include "runtime/durable_job_storage.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {
namespace {

Result<Manifest> to_manifest(const JobCheckpoint& checkpoint) {
  Manifest manifest;
  manifest.job = checkpoint.job;
  manifest.lineage = checkpoint.lineage;
  manifest.epoch = checkpoint.epoch;
  manifest.key_groups = checkpoint.key_groups;
  manifest.created_at = checkpoint.created_at;
  manifest.types = checkpoint.types;
  for (const TaskSnapshot& snapshot : checkpoint.snapshots) {
    ManifestTask task;
    task.task = snapshot.task;
    task.shard = snapshot.shard;
    task.watermark = snapshot.watermark;
    task.blobs = snapshot.blobs;
    for (const PreparedSink& prepared : snapshot.prepared) {
      ManifestSink sink;
      sink.sink = prepared.sink;
      sink.shard = prepared.shard;
      sink.epoch = snapshot.epoch;
      sink.handle = prepared.handle;
      task.prepared.push_back(std::move(sink));
    }
    if (!snapshot.state_files.empty()) {
      RF_ASSIGN(task.files, decode_state_files(snapshot.state_files));
    }
    manifest.parallelism = std::max(manifest.parallelism, snapshot.shard.value + 1);
    manifest.tasks.push_back(std::move(task));
  }
  return manifest;
}

JobCheckpoint to_checkpoint(const Manifest& manifest) {
  JobCheckpoint checkpoint;
  checkpoint.job = manifest.job;
  checkpoint.lineage = manifest.lineage;
  checkpoint.epoch = manifest.epoch;
  checkpoint.key_groups = manifest.key_groups;
  checkpoint.created_at = manifest.created_at;
  checkpoint.types = manifest.types;
  for (const ManifestTask& task : manifest.tasks) {
    TaskSnapshot snapshot;
    snapshot.task = task.task;
    snapshot.epoch = manifest.epoch;
    snapshot.shard = task.shard;
    snapshot.watermark = task.watermark;
    snapshot.blobs = task.blobs;
    for (const ManifestSink& sink : task.prepared) {
      PreparedSink prepared;
      prepared.sink = sink.sink;
      prepared.shard = sink.shard;
      prepared.handle = sink.handle;
      snapshot.prepared.push_back(std::move(prepared));
    }
    if (!task.files.empty()) snapshot.state_files = encode_state_files(task.files);
    checkpoint.snapshots.push_back(std::move(snapshot));
  }
  return checkpoint;
}

}  // namespace

Result<std::shared_ptr<DurableJobStorage>> DurableJobStorage::open(Env& env,
                                                                   const std::string& checkpoints_dir,
                                                                   const std::string& state_dir,
                                                                   std::shared_ptr<RocksShared> shared) {
  std::shared_ptr<DurableJobStorage> storage(new DurableJobStorage(env, state_dir));
  storage->shared_ = std::move(shared);
  RF_ASSIGN(storage->checkpoints_, CheckpointStore::open(env, checkpoints_dir));
  RF_TRY(env.fs().make_dirs(state_dir));
  RF_ASSIGN(const auto entries, env.fs().list(state_dir));
  for (const DirEntry& entry : entries) {
    const std::string path = join_path(state_dir, entry.name);
    if (!storage->shared_->is_open(path)) RF_TRY(env.fs().remove_tree(path));
  }
  return storage;
}

Result<std::optional<JobCheckpoint>> DurableJobStorage::load() {
  const std::lock_guard lock(mutex_);
  restored_.reset();
  manifest_.reset();
  backends_.clear();
  resumed_ = false;
  RF_ASSIGN(auto loaded, checkpoints_->load());
  if (!loaded) return std::optional<JobCheckpoint>();
  passed_over_ = std::move(loaded->passed_over);
  manifest_ = std::move(loaded->manifest);
  return std::optional<JobCheckpoint>(to_checkpoint(*manifest_));
}

Result<bool> DurableJobStorage::resume(const std::vector<TaskCells>& tasks) {
  const std::lock_guard lock(mutex_);
  if (!manifest_ || manifest_->tasks.size() != tasks.size()) return false;
  resumed_ = true;
  for (size_t i = 0; i < tasks.size() && resumed_; ++i) {
    const std::vector<StateFile>& files = manifest_->tasks[i].files;
    const auto backend = backends_[tasks[i].task].lock();
    if (files.empty()) continue;  // a task without keyed state has no backend
    resumed_ = backend != nullptr && manifest_->tasks[i].task == tasks[i].task;
    if (resumed_) {
      RF_ASSIGN(resumed_, backend->resume(files, tasks[i].groups, tasks[i].nodes));
    }
  }
  if (resumed_) return true;
  for (const TaskCells& task : tasks) {
    if (const auto backend = backends_[task.task].lock()) RF_TRY(backend->clear());
  }
  return false;
}

Result<StateTable*> DurableJobStorage::restored_cells(TaskId task, const std::string& node_name) {
  const std::lock_guard lock(mutex_);
  if (!manifest_) return static_cast<StateTable*>(nullptr);
  if (resumed_) {
    const auto backend = backends_[task].lock();
    const bool has_cells = backend && backend->resumed() && manifest_->types.count(node_name) > 0;
    if (!has_cells) return static_cast<StateTable*>(nullptr);
    return backend->table(node_name);
  }
  if (!restored_) {
    const std::string dir = join_path(state_dir_, fmt::format("restore-{:016x}", env_.random()));
    RF_ASSIGN(restored_, RocksRestoredState::open(env_, *checkpoints_, shared_, *manifest_, dir));
  }
  return restored_->cells(node_name);
}

void DurableJobStorage::finish_restore() {
  const std::lock_guard lock(mutex_);
  restored_.reset();
  // The sinks agreed: the job goes on from what load() gave. What can't be set aside now is older than what
  // comes.
  const Status settled = checkpoints_->settle();
  if (!settled.ok()) env_.warn("checkpoint_cleanup_failed", {{"error", settled.to_string()}});
}

Result<std::shared_ptr<TaskStateBackend>> DurableJobStorage::backend(TaskId task) {
  const std::lock_guard lock(mutex_);
  const int32_t key_groups = manifest_ ? manifest_->key_groups : kDefaultKeyGroups;
  const std::string dir = join_path(state_dir_, fmt::format("task-{}-{:016x}", task.value, env_.random()));
  RF_ASSIGN(auto state, RocksTaskState::open(env_, checkpoints_, shared_, dir, key_groups));
  backends_[task] = state;
  return std::shared_ptr<TaskStateBackend>(std::move(state));
}

Result<int64_t> DurableJobStorage::publish(const JobCheckpoint& checkpoint) {
  RF_ASSIGN(const Manifest manifest, to_manifest(checkpoint));
  return checkpoints_->publish(manifest);
}

}  // namespace rideflow
