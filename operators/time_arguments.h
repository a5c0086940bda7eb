// Arguments of time functions that must be literals: units, parts, zones.
#pragma once

#include "engine/civil.h"
#include "engine/time.h"
#include "operators/function_kernels.h"

namespace rideflow {

// A text literal in small letters. `what` names it in the message: "the part".
Result<std::string> literal_word(std::string_view function, const ArgInfo& arg, std::string_view what);
// 'second' to 'year' (also plural), or a duration ('15m').
Result<Duration> literal_unit(std::string_view function, const ArgInfo& arg);
// The zone named by args[index]; null, which is UTC, when there is no such argument.
Result<const TimeZone*> literal_zone(std::string_view function, std::span<const ArgInfo> args, size_t index);

// Beyond the years 1 to 9999, where no result may lie; of a wall clock by its year.
inline bool outside_years(Micros t) {
  return t < kFirstMicros || t > kLastMicros;
}
inline bool outside_years(const CivilTime& local) {
  return local.year < 1 || local.year > 9999;
}
// "extract: 0001-01-01T00:00:00Z in America/New_York is outside the years 1 to 9999"
std::string outside_years_reason(std::string_view function, Micros t, const TimeZone* zone);

}  // namespace rideflow
