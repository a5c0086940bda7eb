// The limit of ride_window: what one would write by hand for this job alone.
#pragma once

#include <functional>
#include <string_view>

#include "bench/rows/ride_data.h"
#include "bench/rows/window_result.h"

namespace rideflow::bench {

struct LoopResult {
  std::vector<WindowRow> rows;
  int64_t rejected = 0;  // records that could not be read
};

// simdjson On-Demand and one flat hash table per window, in one pass; windows are closed 5 s behind the
// largest event time, as the job says. REQUIRES: a CPU with AVX2.
LoopResult ride_loop(const RideData& data);
// The same of ride_keys: every event counts, not completed rides alone.
LoopResult ride_keys_loop(const RideData& data);
// REQUIRES of ride_loop().
bool ride_loop_runs();

}  // namespace rideflow::bench
