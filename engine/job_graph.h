// From a physical plan to runnable tasks: operators made by their factories, channels between them, counters.
//
// The graph owns its tasks and everything they refer to; the plan is shared. It is built by one thread;
// afterwards each task is stepped by one thread at a time, and the metrics are read by any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "engine/task.h"

namespace rideflow {

// Identity of a node over restarts and edits of the job: "city_minute/window", "rides/source". Nodes of the
// same step and role are told apart by "#2", "#3" in plan order.
std::string node_name(const LogicalPlan& plan, NodeId id);

struct TaskCounters {
  TaskId id;
  int32_t stage = 0;
  Shard shard;
  TaskMetrics task;
  SourceMetrics source;  // source tasks only
  std::vector<NodeId> nodes;
  std::vector<std::unique_ptr<OperatorMetrics>> operators;  // as `nodes`
};

struct GraphContext {
  Env* env = nullptr;
  const Resources* resources = nullptr;
  std::string lineage;
  std::string data_dir;
  int32_t batch_rows = 2048;
  size_t channel_bytes = size_t{4} << 20;
  bool job_test = false;
  TaskEvents* events = nullptr;
  // Makes the backend of one task's keyed state; null where the job keeps none.
  std::function<Result<std::shared_ptr<TaskStateBackend>>(TaskId)> state;
};

class JobGraph {
 public:
  static Result<std::unique_ptr<JobGraph>> build(std::shared_ptr<const PhysicalPlan> plan,
                                                 const GraphContext& context);

  const PhysicalPlan& plan() const { return *plan_; }
  const std::vector<std::unique_ptr<Task>>& tasks() const { return tasks_; }
  const std::vector<std::unique_ptr<TaskCounters>>& counters() const { return counters_; }
  // The tap of a logical node; all its parallel instances write to it.
  TapBuffer& tap(NodeId node) { return *taps_[static_cast<size_t>(node.value)]; }
  // Tasks of one stage, by shard.
  std::vector<Task*> stage_tasks(int32_t stage) const;

 private:
  JobGraph() = default;
  std::shared_ptr<const PhysicalPlan> plan_;
  std::vector<std::unique_ptr<TapBuffer>> taps_;
  std::vector<std::unique_ptr<TaskCounters>> counters_;
  std::vector<std::unique_ptr<Task>> tasks_;  // last: destroyed first
};

}  // namespace rideflow
