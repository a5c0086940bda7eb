// A job as a picture: mermaid text or JSON, one box per source, step and sink, as the user named them.
#pragma once

#include <string>

#include "engine/plan.h"

namespace rideflow {

// "flowchart LR" …; edges carry the port (late, rejected, a branch).
std::string to_mermaid(const LogicalPlan& plan);
// The same for programs: {"job", "steps": [{"id", "name", "kind"}], "edges": [{"from", "to", "port"}]}, one
// line.
std::string graph_json(const LogicalPlan& plan);

}  // namespace rideflow
