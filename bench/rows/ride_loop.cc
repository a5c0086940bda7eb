#include "bench/rows/ride_loop.h"

#include "engine/cpu.h"

namespace rideflow::bench {

bool ride_loop_runs() {
  return cpu_has_v3();
}

}  // namespace rideflow::bench
