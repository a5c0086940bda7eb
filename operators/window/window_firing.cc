#include "operators/window/window_firing.h"

#include <algorithm>

namespace rideflow {

void WindowFiring::begin(Firing firing) {
  firing_ = std::move(firing);
  active_ = true;
  given_ = false;
  step_ = 0;
  cursor_ = 0;
  empty_ = 0;
}

void WindowFiring::end() {
  firing_ = Firing();
  active_ = false;
}

Result<bool> WindowFiring::give(int64_t& budget, Output& out) {
  if (!merge(firing_.merges, budget)) return false;
  const KeyedTable& keys = this->keys();
  for (; cursor_ < keys.size(); ++cursor_) {
    if (budget-- <= 0 || emission_.blocked(out)) return false;
    RF_TRY(give_row(cursor_, keys.key(cursor_), out));
  }
  given_ = true;
  step_ = 0;
  cursor_ = 0;
  return true;
}

bool WindowFiring::merge(const std::vector<MergeStep>& steps, int64_t& budget) {
  for (; step_ < steps.size(); ++step_, cursor_ = 0) {
    const MergeStep& step = steps[step_];
    if (cursor_ == 0) step.into->reserve(std::max(step.into->size(), step.from->size()));
    for (; cursor_ < step.from->size(); ++cursor_) {
      if (budget-- <= 0) return false;
      const Key& key = step.from->key(cursor_);
      const std::byte* from = step.from->row(cursor_);
      std::byte* into = step.into->row_of(hash_key(key.view()), key);
      if (step.subtract) {
        rows_.subtract(into, from);
      } else {
        rows_.merge(into, from);
      }
    }
  }
  return true;
}

Status WindowFiring::give_row(int64_t entry, const Key& key, Output& out) {
  const std::byte* row = keys().row(entry);
  if (rows_.empty(row)) {
    ++empty_;
    return {};
  }
  std::byte* counted = nullptr;
  if (firing_.given) {
    counted = firing_.given->row_of(hash_key(key.view()), key);
  } else if (emission_.revisions()) {
    counted = firing_.changed ? firing_.source->row_of(hash_key(key.view()), key)
                              : firing_.source->mutable_row(entry);
    row = counted;
  }
  const bool at_end = rows_.keeps_time() && firing_.at == kEndOfTime;
  const Micros time = at_end ? WindowRows::last_time(row) : firing_.event_time;
  return emission_.give(key.view(), row, counted, firing_.window, time, out);
}

}  // namespace rideflow
