// The two sketches that rollups keep: the engine's own, the same as in windows.
#pragma once

#include "engine/distinct_sketch.h"
#include "engine/quantile_sketch.h"

namespace rideflow::rollup {

using Quantiles = QuantileSketch;
using Distinct = DistinctSketch;

// The share of values at or below v, to within the sketch's error. 0 when it is empty.
double rank_of(const Quantiles& sketch, double v);

}  // namespace rideflow::rollup
