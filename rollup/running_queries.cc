#include "rollup/running_queries.h"

namespace rideflow {
namespace {

constexpr size_t kMostRemembered = 1024;

}  // namespace

RunningQueries::Entry::Entry(RunningQueries& queries, const std::string& id, QueryControl& control,
                             Micros came)
    : queries_(queries), control_(control) {
  const std::lock_guard lock(queries_.mutex_);
  place_ = queries_.entries_.emplace(id, this);
  for (const Cancelled& cancelled : queries_.cancelled_) {
    if (!id.empty() && cancelled.id == id && cancelled.at > came) control_.cancel();
  }
}

RunningQueries::Entry::~Entry() {
  const std::lock_guard lock(queries_.mutex_);
  queries_.entries_.erase(place_);
}

int RunningQueries::cancel(const std::string& id, Micros now) {
  const std::lock_guard lock(mutex_);
  int found = 0;
  const auto [begin, end] = entries_.equal_range(id);
  for (auto entry = begin; entry != end; ++entry) {
    entry->second->control_.cancel();
    ++found;
  }
  cancelled_.push_back({id, now});
  if (cancelled_.size() > kMostRemembered) cancelled_.pop_front();
  return found;
}

}  // namespace rideflow
