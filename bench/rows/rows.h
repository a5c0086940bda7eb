// The rows of bench/report, by what they measure. Each adds its rows to the report, or says why it cannot.
#pragma once

#include "bench/rows/report.h"
#include "engine/catalog.h"

namespace rideflow::bench {

// ride_window_1k, ride_window_1m: the same job by the engine and by a plain loop.
Status ride_window(const Catalog& catalog, Report& report);

}  // namespace rideflow::bench
