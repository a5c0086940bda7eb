#include "runtime/worker_sleep.h"

#include <algorithm>
#include <chrono>

namespace rideflow {
namespace {
constexpr Micros kLongest = 3'600 * kMicrosPerSecond;  // what a clock can be told
}  // namespace

void Sleeper::wake() {
  woken_.store(true);
  if (!asleep_.load()) return;  // it looks at woken_ once more before it sleeps
  { const std::lock_guard lock(mutex_); }
  wake_.notify_one();
}

void Sleeper::sleep(Micros at_most) {
  if (at_most > 0) {
    asleep_.store(true);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::microseconds(std::min(at_most, kLongest)),
                   [this] { return woken_.load(); });
    asleep_.store(false);
  }
  woken_.store(false);
}

}  // namespace rideflow
