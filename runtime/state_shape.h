// What the keyed state of each node was made for: its keys, window and aggregates with their types. Stored
// with every checkpoint, so that a changed job is told instead of reading its old state wrongly.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/plan.h"
#include "engine/status.h"

namespace rideflow {

// Node name -> shape, a text that is equal exactly when the state can be read back. Stateless nodes have
// none.
using StateShapes = std::map<std::string, std::string>;

// The small state under which a checkpoint keeps its shapes: no node has this name, since theirs hold a '/'.
inline constexpr std::string_view kStateShapesBlob = "state_shapes";

StateShapes state_shapes(const LogicalPlan& plan);
std::string encode_state_shapes(const StateShapes& shapes);
Result<StateShapes> decode_state_shapes(std::string_view bytes);

}  // namespace rideflow
