// Arguments of time functions that must be literals: units, parts, zones.
#pragma once

#include "engine/time.h"
#include "operators/function_kernels.h"

namespace rideflow {

// A text literal in small letters. `what` names it in the message: "the part".
Result<std::string> literal_word(std::string_view function, const ArgInfo& arg, std::string_view what);
// 'second' to 'year' (also plural), or a duration ('15m').
Result<Duration> literal_unit(std::string_view function, const ArgInfo& arg);
// The zone named by args[index]; null, which is UTC, when there is no such argument.
Result<const TimeZone*> literal_zone(std::string_view function, std::span<const ArgInfo> args, size_t index);

}  // namespace rideflow
