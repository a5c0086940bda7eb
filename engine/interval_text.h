// Values of the type interval as text: what interval_to_iso() (engine/time.h) writes for any 64-bit number of
// microseconds, and what people write.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace rideflow {

// "PT1H30M", "-PT0.5S", "P1DT2H", "PT-1H" (Java's), "90s", "-1d12h"; days and weeks have 24 and 168 hours.
// Nothing when the text is none, has months or years, or needs more than 64 bits.
std::optional<int64_t> parse_interval_text(std::string_view text);

}  // namespace rideflow
