// What the main job's results add up to, counted by a loop of its own over the same bytes.
#pragma once

#include "bench/rows/ride_data.h"

namespace rideflow::bench {

struct RideMetricsTotals {
  int64_t rides = 0;  // events
  double fares = 0;
  int64_t requested = 0;
  int64_t completed = 0;
  int64_t cancelled = 0;
  double revenue = 0;  // fares of completed rides
  int64_t requests_with_place = 0;
  int64_t city_minutes = 0;
  int64_t trips = 0;  // different rides
  int64_t ratings = 0;
  double rating_sum = 0;
};

// Records that can't be read count nowhere, so that the totals would differ.
RideMetricsTotals ride_metrics_totals(const RideData& rides, const RideData& users);

}  // namespace rideflow::bench
