// Scalars of a job file that are neither names nor expressions: durations, sizes, rates, truth, numbers.
//
// Each says in its error what would have been right.
#pragma once

#include <string_view>

#include "engine/status.h"
#include "engine/time.h"

namespace rideflow {

Result<bool> parse_boolean(std::string_view text);
Result<int64_t> parse_integer(std::string_view text);
Result<double> parse_number(std::string_view text);
// "30s", "1h30m", "0".
Result<Duration> parse_span(std::string_view text);
// "64MiB", "10 GiB", "1500", "1kB": bytes.
Result<int64_t> parse_size(std::string_view text);
// "5000/s", "2.5k/s", "100/m", "300": events per second. "max" is 0: as fast as it goes.
Result<double> parse_rate(std::string_view text);
Result<Micros> parse_time(std::string_view text);

}  // namespace rideflow
