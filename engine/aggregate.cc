#include "engine/aggregate.h"

#include <cstring>

namespace rideflow {

void Aggregate::clone(std::byte* to, const std::byte* from) const {
  std::memcpy(to, from, static_cast<size_t>(state_size()));
}

void Aggregate::subtract(std::byte* from, const std::byte* what) const {
  (void)from;
  (void)what;
  RF_CHECK(can_subtract());  // and then it overrides this
}

}  // namespace rideflow
