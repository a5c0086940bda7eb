#include "runtime/job_evolution.h"

#include <algorithm>

#include "engine/job_graph.h"
#include "runtime/memory_job_storage.h"
#include "runtime/state_types.h"

namespace rideflow {
namespace {

// The tasks of a job that are never opened.
class IdleJob : public TaskEvents {
 public:
  Status build(Env& env, std::shared_ptr<const LogicalPlan> plan, int32_t key_groups) {
    RF_ASSIGN(PhysicalPlan physical, make_physical_plan(std::move(plan), 1, key_groups));
    GraphContext context;
    context.env = &env;
    context.events = this;
    context.state = [this](TaskId task) { return storage_.backend(task); };
    RF_ASSIGN(graph_, JobGraph::build(std::make_shared<PhysicalPlan>(std::move(physical)), context));
    return {};
  }
  const JobGraph& graph() const { return *graph_; }
  StateTypes types() const { return state_types(*graph_->plan().logical, *graph_); }

  void on_snapshot(TaskSnapshot) override {}
  void on_ended(TaskId) override {}
  void on_failed(TaskId, Status) override {}

 private:
  MemoryJobStorage storage_;
  std::unique_ptr<JobGraph> graph_;
};

}  // namespace

Result<std::vector<StateFinding>> survey_state(Env& env, const Checkpoint& before,
                                               std::shared_ptr<const LogicalPlan> now) {
  IdleJob job;
  RF_TRY(job.build(env, std::move(now), before.key_groups));
  return RestorePlan::survey(before, job.graph(), job.types());
}

Result<Checkpoint> describe_state(Env& env, std::shared_ptr<const LogicalPlan> plan) {
  IdleJob job;
  RF_TRY(job.build(env, plan, kDefaultKeyGroups));
  Checkpoint checkpoint;
  checkpoint.job = plan->job;
  checkpoint.text = plan->text;
  checkpoint.types = described_types(*plan, job.types());
  TaskSnapshot& positions = checkpoint.tasks.emplace_back();
  for (const LogicalNode& node : plan->nodes) {
    if (std::holds_alternative<SourceNode>(node.body)) positions.blobs[node_name(*plan, node.id)] = {};
  }
  return checkpoint;
}

std::vector<StepEvolution> job_evolution(const std::vector<StepChange>& steps,
                                         const std::vector<StateFinding>& findings) {
  std::vector<StepEvolution> all;
  for (const StepChange& step : steps) all.push_back({step, {}, false});
  for (const StateFinding& finding : findings) {
    auto at = std::find_if(all.begin(), all.end(),
                           [&](const StepEvolution& one) { return one.change.name == finding.step; });
    if (at == all.end()) {
      all.push_back({{"", finding.step, StepChange::Kind::removed}, {}, false});
      at = all.end() - 1;
    }
    at->state.push_back(finding.text);
    at->needs_drop = at->needs_drop || finding.needs_drop;
  }
  return all;
}

}  // namespace rideflow
