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
// An instance of the node's operator that can read earlier cells; null when it can't.
const MigratesState* find_migrating(const JobGraph& graph, const std::string& node_name);

}  // namespace rideflow
