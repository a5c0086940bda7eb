// TaskBell: what others hold of a task, to have it stepped. It outlives the task, so that a late wake-up is
// harmless.
#pragma once

#include <atomic>
#include <utility>

#include "engine/waker.h"

namespace rideflow {

class TaskBell : public Waker {
 public:
  // Any thread. Wakes the worker once for all that happens before the next step.
  void wake() override {
    if (rung_.exchange(true)) return;  // it will be seen
    if (Waker* worker = worker_.load()) worker->wake();
  }
  // Any thread: whether the next step is due.
  bool rung() const { return rung_.load(); }

  // By who steps the task. What is seen from answer() on is seen by the step, or rings again.
  void answer() { rung_.exchange(false); }
  void ring() { rung_.store(true); }  // there is more to do; who steps the task need not be told
  // At most once, before the first step.
  void set_worker(WakerRef worker) {
    owned_ = std::move(worker);
    worker_.store(owned_.get());
  }

 private:
  std::atomic<bool> rung_{true};  // the first step is due
  std::atomic<Waker*> worker_{nullptr};
  WakerRef owned_;
};

}  // namespace rideflow
