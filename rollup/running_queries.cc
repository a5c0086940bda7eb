#include "rollup/running_queries.h"

namespace rideflow {

RunningQueries::Entry::Entry(RunningQueries& queries, const std::string& id) : queries_(queries) {
  const std::lock_guard lock(queries_.mutex_);
  place_ = queries_.entries_.emplace(id, this);
}

RunningQueries::Entry::~Entry() {
  const std::lock_guard lock(queries_.mutex_);
  queries_.entries_.erase(place_);
}

int RunningQueries::cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  int found = 0;
  const auto [begin, end] = entries_.equal_range(id);
  for (auto entry = begin; entry != end; ++entry) {
    entry->second->cancelled_.store(true, std::memory_order_relaxed);
    ++found;
  }
  return found;
}

}  // namespace rideflow
