// The comparisons that other functions are made of.
#pragma once

#include "engine/catalog.h"

namespace rideflow {

Result<BoundFunction> bind_equals(std::span<const ArgInfo> args);
Result<BoundFunction> bind_less(std::span<const ArgInfo> args);

}  // namespace rideflow
