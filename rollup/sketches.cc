#include "rollup/sketches.h"

namespace rideflow::rollup {

double rank_of(const Quantiles& sketch, double v) {
  const int64_t n = sketch.count();
  // The number of values up to v: quantile(k / n) is the k-th value, ascending.
  int64_t low = 0;
  int64_t high = n;
  while (low < high) {
    const int64_t k = low + (high - low + 1) / 2;
    const auto value = sketch.quantile(static_cast<double>(k) / static_cast<double>(n));
    if (value && *value <= v) {
      low = k;
    } else {
      high = k - 1;
    }
  }
  return n == 0 ? 0 : static_cast<double>(low) / static_cast<double>(n);
}

}  // namespace rideflow::rollup
