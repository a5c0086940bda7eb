#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/plan.h"

namespace rideflow {
namespace {

// A node begins a stage when it is a source, has several inputs, or its rows must move to the task of their
// key.
bool begins_stage(const LogicalNode& node, int32_t parallelism) {
  if (std::holds_alternative<SourceNode>(node.body) || node.inputs.size() > 1) return true;
  return !node.exchange_keys.empty() && parallelism > 1;
}

std::string names(const std::vector<NodeId>& nodes, const LogicalPlan& logical) {
  std::string out;
  for (const NodeId id : nodes) {
    const LogicalNode& node = logical.nodes[static_cast<size_t>(id.value)];
    if (!out.empty()) out += ", ";
    out += node.step + "/" + node.role;
  }
  return out;
}

}  // namespace

Result<PhysicalPlan> make_physical_plan(std::shared_ptr<const LogicalPlan> logical, int32_t parallelism,
                                        int32_t key_groups) {
  if (parallelism < 1 || parallelism > key_groups) {
    return Status::user(Code::invalid_argument,
                        fmt::format("parallelism must be 1 to {} (the job's number of key groups), not {}",
                                    key_groups, parallelism));
  }
  PhysicalPlan plan;
  plan.key_groups = key_groups;
  std::map<int32_t, int32_t> stage_of;  // node -> stage
  for (const LogicalNode& node : logical->nodes) {
    if (!begins_stage(node, parallelism)) {
      const int32_t stage = stage_of.at(node.inputs[0].node.value);
      stage_of[node.id.value] = stage;
      plan.stages[static_cast<size_t>(stage)].nodes.push_back(node.id);
      continue;
    }
    Stage stage;
    stage.id = static_cast<int32_t>(plan.stages.size());
    stage.parallelism = parallelism;
    stage.nodes.push_back(node.id);
    for (size_t port = 0; port < node.inputs.size(); ++port) {
      const NodeInput& input = node.inputs[port];
      stage.inputs.push_back({stage_of.at(input.node.value), input.node, input.port, static_cast<int>(port),
                              node.exchange_keys});
    }
    stage_of[node.id.value] = stage.id;
    plan.stages.push_back(std::move(stage));
  }
  plan.logical = std::move(logical);
  return plan;
}

std::string to_string(const PhysicalPlan& plan) {
  std::string out =
      fmt::format("physical plan: {} stages, {} key groups\n", plan.stages.size(), plan.key_groups);
  for (const Stage& stage : plan.stages) {
    out +=
        fmt::format("  stage {} x{}: {}\n", stage.id, stage.parallelism, names(stage.nodes, *plan.logical));
    for (const auto& input : stage.inputs) {
      const LogicalNode& from = plan.logical->nodes[static_cast<size_t>(input.from_node.value)];
      std::string keys;
      for (const int key : input.keys) {
        if (!keys.empty()) keys += ", ";
        keys += from.outputs[static_cast<size_t>(input.from_port)]->field(key).name;
      }
      out += fmt::format("    <- stage {} ({}/{}) {}\n", input.from_stage, from.step, from.role,
                         keys.empty() ? "task to task" : "by key group of (" + keys + ")");
    }
  }
  return out;
}

}  // namespace rideflow
