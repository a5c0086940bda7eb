// The rows of bench/report, by what they measure. Each adds its rows to the report, or says why it cannot.
#pragma once

#include "bench/rows/report.h"
#include "engine/catalog.h"

namespace rideflow::bench {

// ride_window_1k, ride_window_1m: the same job by the engine and by a plain loop; and, of the same runs,
// allocations per event, bytes of state per key and the longest step.
Status ride_window(const Catalog& catalog, Report& report);
// The same where a tenth of the events is spelt in another way.
Status ride_window_shapes(const Catalog& catalog, Report& report);
// The same by size of batch and by number of keys: cost per event must stay flat.
Status ride_window_batches(const Catalog& catalog, Report& report);

}  // namespace rideflow::bench
