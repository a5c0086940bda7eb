// What an option's limits allow, as a check and in words: for the linter, the JSON Schema and the reference.
#pragma once

#include <string>

#include "engine/catalog.h"

namespace rideflow {

// "from 1 to 1024", "0 or more", "above 0", "at most 1"; empty without a range.
std::string range_text(const OptionSpec& spec);
// What an option takes beyond its type: its choices, range or rule. Empty: anything of the type.
std::string limits_text(const OptionSpec& spec);

// `value` in the unit of the limits.
bool in_range(const OptionLimits& limits, double value);
// Whether the whole text fits the pattern; longer texts than 4 KiB fit none.
bool fits_pattern(const OptionLimits& limits, const std::string& text);

}  // namespace rideflow
