// JobStorage: where one job's checkpoints and keyed state live. A durable version stands over state/, one in
// memory serves job tests and simulation; the execution of a job cannot tell them apart.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/task.h"

namespace rideflow {

// Where one task of an attempt stands: the nodes whose cells it has, in these key groups.
struct TaskCells {
  TaskId task;
  KeyGroupRange groups;
  std::vector<std::string> nodes;
};

class JobStorage {
 public:
  virtual ~JobStorage() = default;

  // The newest checkpoint that can be read; nothing at a first start. data_loss when there are only damaged
  // ones.
  virtual Result<std::optional<Checkpoint>> load() = 0;
  // Begins an attempt after load(): the first epoch that it may use, durably above all that were used in the
  // lineage, be it by a damaged checkpoint or by one that died before it was published.
  virtual Result<Epoch> begin_attempt(const std::string& lineage) = 0;
  // After backend() for all tasks: true when each of their backends now holds the cells that its task has in
  // the loaded checkpoint, because they stand as they stood then. False: all are empty as before.
  virtual Result<bool> resume(const std::vector<TaskCells>& tasks) {
    (void)tasks;
    return false;
  }
  // The keyed cells of a node in the loaded checkpoint, for this task: of all its shards together, or its own
  // after resume(). Null when it had none. Valid until finish_restore().
  virtual Result<StateTable*> restored_cells(TaskId task, const std::string& node_name) = 0;
  virtual void finish_restore() = 0;

  // Where a task of the new attempt keeps its cells; empty at first. One call per task, before it runs.
  virtual Result<std::shared_ptr<TaskStateBackend>> backend(TaskId task) = 0;
  // Makes the checkpoint durable and the newest, and drops what no retained one needs. Returns its size in
  // bytes. Runs in the background, one at a time.
  virtual Result<int64_t> publish(const Checkpoint& checkpoint) = 0;
};

}  // namespace rideflow
