#include "engine/task_inputs.h"

#include <algorithm>

namespace rideflow {

void TaskInputs::on_watermark(size_t input, Micros watermark) {
  Input& state = inputs_[input];
  state.idle = false;
  state.watermark = std::max(state.watermark, watermark);
  due_ = true;
}

void TaskInputs::on_idle(size_t input) {
  inputs_[input].idle = true;
  due_ = true;
}

void TaskInputs::on_end(size_t input) {
  inputs_[input].ended = true;
  inputs_[input].watermark = kEndOfTime;
  due_ = true;
}

bool TaskInputs::on_barrier(size_t input) {
  inputs_[input].aligned = true;
  const bool all = std::all_of(inputs_.begin(), inputs_.end(), [](const Input& i) { return i.aligned; });
  if (!all) return false;
  for (Input& state : inputs_) state.aligned = false;
  return true;
}

bool TaskInputs::any_idle() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [](const Input& i) { return i.idle && !i.ended; });
}

bool TaskInputs::all_ended() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const Input& i) { return i.ended; });
}

std::optional<Micros> TaskInputs::settle() {
  due_ = false;
  Micros least = kEndOfTime;
  bool any = false;
  for (const Input& state : inputs_) {
    if (state.idle || state.ended) continue;
    any = true;
    least = std::min(least, state.watermark);
  }
  if (!any && !all_ended()) return std::nullopt;
  return least;
}

}  // namespace rideflow
