// The state types of a job's nodes, from its plan: what a checkpoint says that their cells hold, and what an
// edited job compares with it.
#pragma once

#include <map>
#include <string>

#include "engine/job_graph.h"
#include "engine/state_migration.h"

namespace rideflow {

// Node name -> type, of nodes with keyed state.
using StateTypes = std::map<std::string, StateType>;

StateTypes state_types(const LogicalPlan& plan, const JobGraph& graph);
// What a checkpoint of the job says of its nodes (Checkpoint::types): the same, and its sinks that publish by
// epochs.
std::map<std::string, std::string> described_types(const LogicalPlan& plan, const StateTypes& types);
// What stands there for a sink that publishes by epochs; empty for others. So a sink is missed when it is
// gone, whether or not its last epoch had rows.
std::string sink_type(const SinkNode& sink);
// An instance of the node's operator that can read earlier cells; null when it can't.
const MigratesState* find_migrating(const JobGraph& graph, const std::string& node_name);

}  // namespace rideflow
