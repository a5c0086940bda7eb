#include "operators/window/window_strategy.h"

#include <algorithm>
#include <numeric>

namespace rideflow {

std::unique_ptr<WindowStrategy> make_window_strategy(const WindowStrategy::Parts& parts) {
  switch (parts.plan.mode) {
    case WindowPlan::Mode::direct:
      return make_direct_windows(parts);
    case WindowPlan::Mode::sliding:
      return make_sliding_windows(parts);
    case WindowPlan::Mode::merging:
      return make_merging_windows(parts);
    case WindowPlan::Mode::running:
      break;
  }
  return make_running_windows(parts);
}

std::vector<int32_t> one_row_per_key(const PaneRows& group, const CountedBatch& counted) {
  std::vector<int32_t> each = group.rows;
  if (group.all) {
    each.resize(static_cast<size_t>(counted.batch.rows));
    std::iota(each.begin(), each.end(), 0);
  }
  const auto row_of = [&](int32_t r) { return counted.rows[r]; };
  std::sort(each.begin(), each.end(), [&](int32_t a, int32_t b) { return row_of(a) < row_of(b); });
  const auto same = [&](int32_t a, int32_t b) { return row_of(a) == row_of(b); };
  each.erase(std::unique(each.begin(), each.end(), same), each.end());
  return each;
}

KeyedTable& ScratchTable::get() {
  if (!table_) table_ = store_.take_table();
  return *table_;
}

KeyedTable& ScratchTable::emptied() {
  if (table_ && table_->size() > 0) store_.give_back(std::move(table_));
  return get();
}

}  // namespace rideflow
