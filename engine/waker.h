// Waker: how what happened elsewhere gets a sleeping task stepped.
//
// Whoever sees that a task may go on (an appender to a topic it reads, the thread that ran its background
// work, a client library's callback) calls wake(). It says "look again" and no more: a wake too many costs a
// step that finds nothing to do, one too few costs time. Thread-safety: any thread, often, also while holding
// a lock; it takes none but the sleeper's own.
#pragma once

#include <memory>

namespace rideflow {

class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() = 0;
};

// Shared, since who wakes may outlive who slept.
using WakerRef = std::shared_ptr<Waker>;

}  // namespace rideflow
