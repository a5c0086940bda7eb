// What queries may cost: one of them, and all of them together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/ids.h"

namespace rideflow {

struct QueryLimits {
  size_t body_bytes = size_t{1} << 20;
  int64_t timeout_us = 30 * kMicrosPerSecond;  // also the most that a query's own timeout may ask for
  size_t max_groups = 2'000'000;
  size_t max_result_bytes = size_t{256} << 20;
  // Groups, aggregator states, dictionaries' tables, rows that wait and the answer's text.
  size_t max_memory_bytes = size_t{1} << 30;  // of one query
  size_t all_memory_bytes = size_t{3} << 29;  // of all that run, and of answers that are still being sent
};

}  // namespace rideflow
