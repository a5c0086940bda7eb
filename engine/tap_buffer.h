// TapBuffer: the latest rows of a step, for `tap` and the console. Costs one relaxed load per batch while
// nobody looks. Thread-safety: any thread.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <string>

#include "engine/batch.h"

namespace rideflow {

class TapBuffer {
 public:
  void enable(bool on) { enabled_.store(on, std::memory_order_relaxed); }
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }
  void add(const Batch& batch);
  // JSON lines of what came since the last call, at most `limit`, oldest first.
  std::string drain(int32_t limit);

 private:
  std::atomic<bool> enabled_{false};
  std::mutex mutex_;
  std::deque<std::string> rows_;
};

}  // namespace rideflow
