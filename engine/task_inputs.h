// TaskInputs: what a task knows of its inputs: how far each has come, which are idle or have ended, and which
// have brought the barrier at hand. Decides, and touches no channel. One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/ids.h"

namespace rideflow {

class TaskInputs {
 public:
  explicit TaskInputs(size_t n) : inputs_(n) {}
  size_t size() const { return inputs_.size(); }

  void on_rows(size_t input) { inputs_[input].idle = false; }
  void on_watermark(size_t input, Micros watermark);
  void on_idle(size_t input);
  void on_end(size_t input);
  // True when all barriers are there; then none is aligned any more.
  bool on_barrier(size_t input);

  // Its barrier is there: what comes behind waits for the others'.
  bool aligned(size_t input) const { return inputs_[input].aligned; }
  bool idle(size_t input) const { return inputs_[input].idle && !inputs_[input].ended; }
  bool any_idle() const;
  bool all_ended() const;

  // Something came since the last settle() that may move the watermark.
  bool due() const { return due_; }
  // The least watermark of the inputs that count, kEndOfTime once all have ended. Nullopt: all that go on are
  // idle.
  std::optional<Micros> settle();

 private:
  struct Input {
    Micros watermark = kNoTime;
    bool idle = false;
    bool ended = false;
    bool aligned = false;
  };

  std::vector<Input> inputs_;
  bool due_ = false;
};

}  // namespace rideflow
