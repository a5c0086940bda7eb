// The overloads of + - * / for times and intervals, asked by the arithmetic operators first; and the division
// that try_divide is made of.
#pragma once

#include <optional>
#include <string_view>

#include "engine/catalog.h"

namespace rideflow {

// Nothing when neither argument is a timestamp, date or interval that `op` takes.
std::optional<BoundFunction> bind_time_arithmetic(std::string_view op, std::span<const ArgInfo> args);

Result<BoundFunction> bind_divide(std::span<const ArgInfo> args);

}  // namespace rideflow
