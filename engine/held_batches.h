// HeldBatches: what the operators of a task could not take yet.
//
// An operator that answers "not now" keeps its place: what is left of its batch is given to it again before
// any later one. One that can't go on does not hold up the others. The task lets no signal pass while
// anything is held. One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

#include "engine/batch.h"

namespace rideflow {

struct HeldBatch {
  int node = 0;
  int port = 0;
  Batch batch;
};

class HeldBatches {
 public:
  bool empty() const { return held_.empty(); }
  bool holds(int node) const;
  void add(HeldBatch held) { held_.push_back(std::move(held)); }

  // Gives each node its batches in their order for as long as it is ready and takes them whole. `give`
  // answers false for "not now" and may add() what it led to. True: something was taken.
  bool run(const std::function<bool(int node)>& ready, const std::function<bool(HeldBatch&)>& give);

 private:
  std::deque<HeldBatch> held_;
};

}  // namespace rideflow
