// DurableJobStorage: JobStorage over state/. Cells live in one RocksDB per task, checkpoints in a
// CheckpointStore.
//
// Both directories belong to one job and stand on one file system (checkpoints are hard links).
// Thread-safety: as JobStorage asks.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "runtime/job_storage.h"
#include "state/checkpoint_store.h"
#include "state/rocks_restored_state.h"
#include "state/rocks_task_state.h"

namespace rideflow {

class DurableJobStorage : public JobStorage {
 public:
  // What an earlier process left in `state_dir` is removed: only checkpoints count. `shared` may serve all
  // jobs of a process.
  static Result<std::shared_ptr<DurableJobStorage>> open(Env& env, const std::string& checkpoints_dir,
                                                         const std::string& state_dir,
                                                         std::shared_ptr<RocksShared> shared);

  Result<std::optional<Checkpoint>> load() override;
  Result<Epoch> begin_attempt(const std::string& lineage) override {
    return checkpoints_->begin_attempt(lineage);
  }
  // Newer checkpoints that the last load() passed over because they are damaged, with the reason each.
  const std::vector<std::string>& passed_over() const { return passed_over_; }
  Result<bool> resume(const std::vector<TaskCells>& tasks) override;
  Result<StateTable*> restored_cells(TaskId task, const std::string& node_name) override;
  void finish_restore() override;
  Result<std::shared_ptr<TaskStateBackend>> backend(TaskId task) override;
  Result<int64_t> publish(const Checkpoint& checkpoint) override;

 private:
  DurableJobStorage(Env& env, std::string state_dir) : env_(env), state_dir_(std::move(state_dir)) {}

  Env& env_;
  std::string state_dir_;
  std::shared_ptr<RocksShared> shared_;
  std::shared_ptr<CheckpointStore> checkpoints_;
  std::mutex mutex_;
  std::optional<Checkpoint> loaded_;
  std::unique_ptr<RocksRestoredState> restored_;
  std::map<TaskId, std::weak_ptr<RocksTaskState>> backends_;  // of the attempt
  bool resumed_ = false;                                      // they hold the cells of loaded_
  std::vector<std::string> passed_over_;
};

}  // namespace rideflow
