#include "engine/held_batches.h"

#include <algorithm>
#include <vector>

namespace rideflow {

bool HeldBatches::holds(int node) const {
  return std::any_of(held_.begin(), held_.end(), [node](const HeldBatch& h) { return h.node == node; });
}

bool HeldBatches::run(const std::function<bool(int)>& ready, const std::function<bool(HeldBatch&)>& give) {
  bool worked = false;
  std::vector<int> stuck;
  for (size_t i = 0; i < held_.size();) {
    const int node = held_[i].node;
    const bool is_stuck = std::find(stuck.begin(), stuck.end(), node) != stuck.end();
    if (is_stuck || !ready(node)) {
      if (!is_stuck) stuck.push_back(node);
      ++i;
      continue;
    }
    // Not among the held while it is given: what it emits finds room, and goes behind all of them.
    HeldBatch held = std::move(held_[i]);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
    if (give(held)) {
      worked = true;
      continue;
    }
    stuck.push_back(node);
    held_.insert(held_.begin() + static_cast<std::ptrdiff_t>(i++), std::move(held));
  }
  return worked;
}

}  // namespace rideflow
