// The data sources behind the recordings of a real Druid 33, loaded into a store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rollup/rollup_store.h"

namespace rideflow::test {

// Loads events, raw and users. `watermark`: of the one committed epoch; far enough ahead seals all chunks.
Status load_druid_data(RollupStore& store, Micros watermark);

// The latencies of all events, sorted: the truth behind latency_q.
std::vector<double> event_latencies();

}  // namespace rideflow::test
