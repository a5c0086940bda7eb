#include "bench/rows/ride_loop.h"

namespace rideflow::bench {

bool ride_loop_runs() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
}

}  // namespace rideflow::bench
