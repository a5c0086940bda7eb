// Druid's intervals and granularities.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/time.h"
#include "rollup/query/json.h"

namespace rideflow::rollup {

struct Interval {
  Micros start = 0;
  Micros end = 0;  // exclusive
};

inline constexpr Interval kEternity = {INT64_MIN / 4, INT64_MAX / 4};

// A moment as clients write it: a year, a date, hours without minutes, any offset; UTC by default. Beyond the
// range of Micros it is cut to eternity.
std::optional<Micros> parse_moment(std::string_view text);
// "start/end", "start/period" or "period/end".
Result<Interval> parse_interval(std::string_view text);
// Text, array, or {"type": "intervals", "intervals": …}; sorted, overlapping ones merged.
Result<std::vector<Interval>> parse_intervals(const Json* json);

// Cuts time into buckets, each a run of time of its own: next(start_of(t)) > t, and nothing lies between
// them. "all" is one bucket.
class Granularity {
 public:
  // Text, {"type": "period", …}, {"type": "duration", …}, {"type": "all" | "none"}.
  static Result<Granularity> parse(const Json& json);
  bool is_all() const { return all_; }
  bool is_none() const { return none_; }
  Micros start_of(Micros t) const;  // REQUIRES: not all
  Micros next(Micros start) const;  // REQUIRES: not all
  const TimeZone* zone() const { return zone_; }
  // A bucket's start as the answer shows it.
  std::string format(Micros t) const { return format_timestamp_millis(t, zone_); }

 private:
  static Result<Granularity> parse_period(const JsonObject& json);
  int64_t grid_offset(Micros t) const;
  Micros clock_start(Micros t) const;
  int64_t periods_from_origin(Micros t) const;
  bool all_ = false;
  bool none_ = false;
  Duration period_;
  const TimeZone* zone_ = TimeZone::utc();
  std::optional<Micros> origin_;
};

}  // namespace rideflow::rollup
