#include "runtime/restore_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "runtime/hint.h"

namespace rideflow {
namespace {

std::string step_of(const std::string& node_name) {
  return node_name.substr(0, node_name.rfind('/'));
}

}  // namespace

Status check_drop_step(const std::string& step, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), step) != known.end()) return {};
  std::string names;
  std::set<std::string> told;
  for (const std::string& name : known) {
    if (told.insert(name).second) names += (names.empty() ? "" : ", ") + name;
  }
  return Status::user(
      Code::invalid_argument,
      fmt::format("--drop-state: there is no step '{}'{}: there are {}", step, hint_of(step, known), names));
}

Status check_drop_policy(const DropPolicy& policy, const LogicalPlan& job, const Checkpoint* checkpoint) {
  std::vector<std::string> known;
  for (const LogicalNode& node : job.nodes) known.push_back(node.step);
  if (checkpoint != nullptr) {
    for (const auto& [node, type] : checkpoint->types) known.push_back(step_of(node));
    for (const TaskSnapshot& snapshot : checkpoint->tasks) {
      for (const auto& [node, blob] : snapshot.blobs) known.push_back(step_of(node));
      for (const PreparedEpoch& sink : snapshot.prepared) known.push_back(step_of(sink.sink));
    }
  }
  for (const std::string& step : policy.steps) RF_TRY(check_drop_step(step, known));
  return {};
}

Result<std::unique_ptr<RestorePlan>> RestorePlan::make(const Checkpoint& checkpoint, const JobGraph& graph,
                                                       const StateTypes& now, const DropPolicy& policy) {
  std::unique_ptr<RestorePlan> plan(new RestorePlan(checkpoint, graph, policy));
  RF_TRY(check_drop_policy(policy, *graph.plan().logical, &checkpoint));
  RF_TRY(plan->compare_all(now));
  return plan;
}

Result<std::vector<StateFinding>> RestorePlan::survey(const Checkpoint& checkpoint, const JobGraph& graph,
                                                      const StateTypes& now) {
  std::vector<StateFinding> found;
  RestorePlan plan(checkpoint, graph, {});
  plan.survey_ = &found;
  RF_TRY(plan.compare_all(now));
  return found;
}

Status RestorePlan::compare_all(const StateTypes& now) {
  RF_TRY(find_gone());
  RF_TRY(find_changed_sinks());
  drop_positions();
  for (const auto& [node, type] : now) RF_TRY(compare(node, type));
  return {};
}

// Of what a survey found to be lost no more is said.
void RestorePlan::note(const std::string& step, std::string text) {
  const bool lost =
      survey_ != nullptr && std::any_of(survey_->begin(), survey_->end(), [&](const StateFinding& finding) {
        return finding.step == step && finding.needs_drop;
      });
  if (survey_ != nullptr && !lost) survey_->push_back({step, text, false});
  notes_.push_back(std::move(text));
}

Status RestorePlan::allow(const std::string& step, const std::string& refusal) {
  if (survey_ != nullptr) {
    survey_->push_back({step, refusal, true});
    return {};
  }
  if (policy_.all || std::find(policy_.steps.begin(), policy_.steps.end(), step) != policy_.steps.end())
    return {};
  return Status::user(Code::failed_precondition,
                      fmt::format("{}: run again with --drop-state {} to give it up", refusal, step));
}

// State of nodes that the job no longer has.
Status RestorePlan::find_gone() {
  const LogicalPlan& job = *graph_.plan().logical;
  std::set<std::string> nodes;
  std::set<std::string> steps;
  for (const LogicalNode& node : job.nodes) {
    nodes.insert(node_name(job, node.id));
    steps.insert(node.step);
  }
  const auto look = [&](const std::string& node) {
    if (!nodes.count(node)) gone_.insert(step_of(node));
  };
  for (const auto& [node, type] : checkpoint_.types) look(node);
  for (const TaskSnapshot& snapshot : checkpoint_.tasks) {
    for (const auto& [node, blob] : snapshot.blobs) look(node);
    for (const PreparedEpoch& sink : snapshot.prepared) look(sink.sink);
  }
  for (const std::string& step : gone_) {
    // Sinks of kept rows come and go with what they are kept of: that step is asked about.
    if (step.starts_with('_')) {
      note(step, fmt::format("what '{}' had prepared is dropped: the job no longer has it", step));
      continue;
    }
    const bool changed = steps.count(step) > 0;
    RF_TRY(allow(step,
                 changed
                     ? fmt::format("the checkpoint holds state of '{}' as it was before it became "
                                   "a step of another kind",
                                   step)
                     : fmt::format("the checkpoint holds state of '{}', which the job no longer has", step)));
    note(step, changed ? fmt::format("state of '{}' dropped: it is a step of another kind now", step)
                       : fmt::format("state of '{}' dropped: the job no longer has it", step));
  }
  return {};
}

// Sinks that are there under their name, but would not publish what they had prepared.
Status RestorePlan::find_changed_sinks() {
  const LogicalPlan& job = *graph_.plan().logical;
  for (const LogicalNode& node : job.nodes) {
    const auto* sink = std::get_if<SinkNode>(&node.body);
    if (sink == nullptr) continue;
    const std::string name = node_name(job, node.id);
    const auto stored = checkpoint_.types.find(name);
    if (stored == checkpoint_.types.end() || stored->second == sink_type(*sink)) continue;
    RF_TRY(allow(
        node.step,
        fmt::format("the checkpoint holds what '{}' had prepared as a sink of another kind", node.step)));
    dropped_.insert(name);
    note(node.step,
         fmt::format("what '{}' had prepared is dropped: it is a sink of another kind now", node.step));
  }
  return {};
}

void RestorePlan::drop_positions() {
  const LogicalPlan& job = *graph_.plan().logical;
  for (const LogicalNode& node : job.nodes) {
    const bool source = std::holds_alternative<SourceNode>(node.body);
    if (!source && !std::holds_alternative<SinkNode>(node.body)) continue;
    if (std::find(policy_.steps.begin(), policy_.steps.end(), node.step) == policy_.steps.end()) continue;
    dropped_.insert(node_name(job, node.id));
    note(node.step,
         source
             ? fmt::format("positions of source '{}' dropped: it begins anew, as its 'start' says", node.step)
             : fmt::format("what '{}' had prepared and not published is dropped", node.step));
  }
}

Status RestorePlan::compare(const std::string& node, const StateType& now) {
  const auto stored = checkpoint_.types.find(node);
  if (stored == checkpoint_.types.end()) {
    // A node that is new; or cells that nothing describes, which are not read on a guess.
    dropped_.insert(node);
    const bool known = std::any_of(checkpoint_.tasks.begin(), checkpoint_.tasks.end(),
                                   [&](const TaskSnapshot& s) { return s.blobs.count(node) > 0; });
    return known ? give_up(node, "the checkpoint does not describe it") : Status();
  }
  RF_ASSIGN(const StateType before, decode_state_type(stored->second));
  RF_ASSIGN(StateChange change, compare_state_types(before, now));
  if (change.kind == StateChange::Kind::none) return {};
  if (change.kind == StateChange::Kind::migrate && find_migrating(graph_, node))
    return migrate(node, std::move(change));
  if (change.why.empty()) change.why = "its aggregates changed";
  dropped_.insert(node);
  return give_up(node, change.why);
}

Status RestorePlan::give_up(const std::string& node, const std::string& why) {
  const std::string step = step_of(node);
  RF_TRY(allow(step,
               fmt::format("the checkpoint holds state of '{}' that can't be used any more: {}", step, why)));
  note(step, fmt::format("state of '{}' dropped: {}", step, why));
  return {};
}

Status RestorePlan::migrate(const std::string& node, StateChange change) {
  const std::string step = step_of(node);
  if (!change.lost.empty())
    RF_TRY(allow(step, fmt::format("the checkpoint holds state of '{}' that would be lost: {}", step,
                                   fmt::join(change.lost, "; "))));
  // What starts empty under its old name says both.
  std::vector<std::string> told = change.starting;
  for (const std::string& lost : change.lost) {
    if (lost.ends_with("no longer computed")) told.push_back(lost);
  }
  if (!told.empty()) note(step, fmt::format("state of '{}' kept, but: {}", step, fmt::join(told, "; ")));
  migrations_[node] = std::move(change.migration);
  return {};
}

Status RestorePlan::resume(JobStorage& storage) {
  if (!gone_.empty() || !dropped_.empty() || !migrations_.empty()) return {};
  std::vector<TaskCells> tasks;
  for (const auto& task : graph_.tasks()) {
    const TaskCounters& counters = *graph_.counters()[static_cast<size_t>(task->id().value)];
    const int32_t parallelism = graph_.plan().stages[static_cast<size_t>(counters.stage)].parallelism;
    TaskCells& cells = tasks.emplace_back();
    cells.task = task->id();
    cells.groups = key_group_range(graph_.plan().key_groups, parallelism, counters.shard.value);
    for (const Task::Node& node : task->nodes()) cells.nodes.push_back(node.name);
  }
  RF_ASSIGN(resumed_, storage.resume(tasks));
  return {};
}

Result<StateTable*> RestorePlan::cells_of(TaskId task, const std::string& node, JobStorage& storage) {
  if (dropped_.count(node)) return static_cast<StateTable*>(nullptr);
  RF_ASSIGN(StateTable * stored, storage.restored_cells(task, node));
  const auto migration = migrations_.find(node);
  if (!stored || migration == migrations_.end()) return stored;
  auto& cells = migrated_[node];
  if (!cells) {
    cells = std::make_unique<MigratedCells>(
        *stored,
        [op = find_migrating(graph_, node), how = &migration->second](
            const CellKey& cell, std::string_view value) { return op->migrate_cell(cell, value, *how); });
  }
  return static_cast<StateTable*>(cells.get());
}

TaskRestore RestorePlan::for_task(const Task& task, JobStorage& storage) {
  TaskRestore from;
  from.epoch = checkpoint_.epoch;
  const auto& counters = *graph_.counters()[static_cast<size_t>(task.id().value)];
  const int32_t parallelism = graph_.plan().stages[static_cast<size_t>(counters.stage)].parallelism;
  for (const Task::Node& node : task.nodes()) {
    if (dropped_.count(node.name)) continue;
    for (const TaskSnapshot& snapshot : checkpoint_.tasks) {
      const auto blob = snapshot.blobs.find(node.name);
      if (blob != snapshot.blobs.end()) from.blobs[node.name].push_back(blob->second);
      // What a shard prepared is settled under its own id; shards that are gone fall to the remaining ones.
      for (const PreparedEpoch& sink : snapshot.prepared) {
        if (sink.sink == node.name && sink.shard.value % parallelism == counters.shard.value)
          from.pending[node.name].emplace_back(sink.epoch, sink.handle);
      }
    }
  }
  // Shards that came together: the order of epochs is that of all of them.
  for (auto& [node, pending] : from.pending) {
    std::stable_sort(pending.begin(), pending.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  from.cells = [this, &storage, id = task.id()](const std::string& node) {
    return cells_of(id, node, storage);
  };
  from.resumed = resumed_;
  return from;
}

}  // namespace rideflow
