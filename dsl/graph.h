// A job as a picture: mermaid text, one box per source, step and sink, as the user named them.
#pragma once

#include <string>

#include "engine/plan.h"

namespace rideflow {

// "flowchart LR" …; edges carry the port (late, rejected, a branch).
std::string to_mermaid(const LogicalPlan& plan);

}  // namespace rideflow
