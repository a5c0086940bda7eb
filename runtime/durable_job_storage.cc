#include "runtime/durable_job_storage.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {
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

Result<std::optional<Checkpoint>> DurableJobStorage::load() {
  const std::lock_guard lock(mutex_);
  restored_.reset();
  loaded_.reset();
  backends_.clear();
  resumed_ = false;
  RF_ASSIGN(auto loaded, checkpoints_->load());
  if (!loaded) return std::optional<Checkpoint>();
  passed_over_ = std::move(loaded->passed_over);
  loaded_ = std::move(loaded->checkpoint);
  return loaded_;
}

Result<bool> DurableJobStorage::resume(const std::vector<TaskCells>& tasks) {
  const std::lock_guard lock(mutex_);
  if (!loaded_ || loaded_->tasks.size() != tasks.size()) return false;
  resumed_ = true;
  for (size_t i = 0; i < tasks.size() && resumed_; ++i) {
    const std::vector<StateFile>& files = loaded_->tasks[i].files;
    const auto backend = backends_[tasks[i].task].lock();
    if (files.empty()) continue;  // a task without keyed state has no backend
    resumed_ = backend != nullptr && loaded_->tasks[i].task == tasks[i].task;
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
  if (!loaded_) return static_cast<StateTable*>(nullptr);
  if (resumed_) {
    const auto backend = backends_[task].lock();
    const bool has_cells = backend && backend->resumed() && loaded_->types.count(node_name) > 0;
    if (!has_cells) return static_cast<StateTable*>(nullptr);
    return backend->table(node_name);
  }
  if (!restored_) {
    const std::string dir = join_path(state_dir_, fmt::format("restore-{:016x}", env_.random()));
    RF_ASSIGN(restored_, RocksRestoredState::open(env_, *checkpoints_, shared_, *loaded_, dir));
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
  const int32_t key_groups = loaded_ ? loaded_->key_groups : kDefaultKeyGroups;
  const std::string dir = join_path(state_dir_, fmt::format("task-{}-{:016x}", task.value, env_.random()));
  RF_ASSIGN(auto state, RocksTaskState::open(env_, checkpoints_, shared_, dir, key_groups));
  backends_[task] = state;
  return std::shared_ptr<TaskStateBackend>(std::move(state));
}

Result<int64_t> DurableJobStorage::publish(const Checkpoint& checkpoint) {
  return checkpoints_->publish(checkpoint);
}

}  // namespace rideflow
