// What one node of a logical plan does, as `rideflow explain` says it.
#pragma once

#include <string>

#include "engine/plan.h"

namespace rideflow {

// "filter fare > 10", "window by city tumbling size 1m emit final …".
std::string text_of(const LogicalNode& node);

// The columns of its input by which rows are sent to tasks; empty: they stay in theirs.
std::vector<std::string> exchange_columns(const LogicalPlan& plan, const LogicalNode& node);

}  // namespace rideflow
