// JobStorage without a disk: a checkpoint is kept as values. It survives a restart of the job in this process
// (`- restart` in job tests, crashes in simulation), not the process.
#pragma once

#include <map>
#include <mutex>

#include "engine/memory_state_table.h"
#include "runtime/job_storage.h"

namespace rideflow {

class MemoryJobStorage : public JobStorage {
 public:
  MemoryJobStorage();
  ~MemoryJobStorage() override;
  Result<std::optional<Checkpoint>> load() override;
  Result<Epoch> begin_attempt(const std::string& lineage) override;
  Result<StateTable*> restored_cells(TaskId task, const std::string& node_name) override;
  void finish_restore() override { restored_.clear(); }
  Result<std::shared_ptr<TaskStateBackend>> backend(TaskId task) override;
  Result<int64_t> publish(const Checkpoint& checkpoint) override;

 private:
  class Files;
  class Backend;
  std::shared_ptr<Files> files_;  // what the checkpoints' state files hold
  std::mutex mutex_;
  std::optional<Checkpoint> newest_;
  std::string lineage_;
  Epoch attempt_{0};  // first epoch of the last attempt
  std::map<std::string, std::unique_ptr<MemoryStateTable>> restored_;
};

}  // namespace rideflow
