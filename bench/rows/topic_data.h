// The benchmark's events in an embedded topic.
#pragma once

#include <string>

#include "bench/rows/ride_data.h"
#include "engine/env.h"

namespace rideflow::bench {

// Makes the topic ride_events, of one partition, in this directory of topics, and appends all events.
Status write_topic(Env& env, const std::string& dir, const RideData& data);

}  // namespace rideflow::bench
