// What the source tasks of one job tell each other so that an idle one can be left out of the watermark.
//
// "Idle" is a proof of the past. Before one task's watermark may pass what another's rows could need, the
// other, if idle, must have proved anew that it is at its end: else the first task to see a burst after a
// common pause would make the rows of all others late. Rounds number the moments: a task that wants to move
// takes a new one, and an idle task notes which round had begun before its last complete proof.
// Who changes what another may look at wakes it. Thread-safe; waits for nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/waker.h"

namespace rideflow {

class SourcePeers {
 public:
  explicit SourcePeers(size_t tasks) : proven_(tasks), names_(tasks), wakers_(tasks) {
    for (auto& slot : proven_) slot.store(kCounts);
  }

  int64_t round() const { return round_.load(); }
  // The others are to prove their ends anew.
  int64_t begin_round(size_t task) {
    const int64_t round = round_.fetch_add(1) + 1;
    wake_others(task);
    return round;
  }

  // The task holds the watermark itself, where its rows go, or has ended: nobody waits for a proof of it.
  void set_counts(size_t task) { set(task, kCounts); }
  // The task is idle; its last complete proof began after `round` did.
  void set_idle(size_t task, int64_t round) { set(task, round); }
  // An idle task other than this one that has not proved its end since `round` began; none: all have.
  std::optional<size_t> unproven_since(int64_t round, size_t but) const {
    for (size_t i = 0; i < proven_.size(); ++i) {
      if (i != but && proven_[i].load() < round) return i;
    }
    return std::nullopt;
  }

  // What people call a task. Set before any task steps.
  void set_name(size_t task, std::string name) { names_[task] = std::move(name); }
  const std::string& name(size_t task) const { return names_[task]; }
  // Null: it does not sleep. Set before any task steps.
  void set_waker(size_t task, WakerRef waker) { wakers_[task] = std::move(waker); }

 private:
  void set(size_t task, int64_t proven) {
    if (proven_[task].exchange(proven) != proven) wake_others(task);
  }
  void wake_others(size_t task) {
    for (size_t i = 0; i < wakers_.size(); ++i) {
      if (i != task && wakers_[i]) wakers_[i]->wake();
    }
  }

  static constexpr int64_t kCounts = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> round_{0};
  std::vector<std::atomic<int64_t>> proven_;
  std::vector<std::string> names_;
  std::vector<WakerRef> wakers_;
};

}  // namespace rideflow
