// Sleeper: how a thread of the runtime waits until somebody wakes it or a time comes.
//
// One thread sleeps; any wakes. A wake since the last sleep ends the next one at once, so that nothing that
// happened between a last look and the sleep is slept over.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "engine/ids.h"
#include "engine/waker.h"

namespace rideflow {

class Sleeper : public Waker {
 public:
  void wake() override;
  // At most so long; returns at once where it is not above 0.
  void sleep(Micros at_most);

 private:
  std::atomic<bool> woken_{false};
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace rideflow
