// What the source tasks of one job tell each other so that an idle one can be left out of the watermark.
//
// "Idle" is a proof of the past. Before one task's watermark may pass what another's rows could need, the
// other, if idle, must have proved anew that it is at its end: else the first task to see a burst after a
// common pause would make the rows of all others late. Rounds number the moments: a task that wants to move
// takes a new one, and an idle task notes which round had begun before its last complete proof.
// Thread-safe; waits for nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rideflow {

class SourcePeers {
 public:
  explicit SourcePeers(size_t tasks) : proven_(tasks), names_(tasks) {
    for (auto& slot : proven_) slot.store(kCounts);
  }

  int64_t round() const { return round_.load(); }
  int64_t begin_round() { return round_.fetch_add(1) + 1; }

  // The task holds the watermark itself, where its rows go, or has ended: nobody waits for a proof of it.
  void set_counts(size_t task) { proven_[task].store(kCounts); }
  // The task is idle; its last complete proof began after `round` did.
  void set_idle(size_t task, int64_t round) { proven_[task].store(round); }
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

 private:
  static constexpr int64_t kCounts = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> round_{0};
  std::vector<std::atomic<int64_t>> proven_;
  std::vector<std::string> names_;
};

}  // namespace rideflow
