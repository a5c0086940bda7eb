#include "operators/window/pane_assignment.h"

#include <algorithm>

namespace rideflow {

void PaneAssignment::assign(const Batch& batch, PaneStore& store, const WindowPlan& plan, Micros watermark) {
  late_.clear();
  used_ = 0;
  ++batches_;
  if (assign_all(batch, store, plan, watermark)) return;
  const Micros* times = batch.event_times();
  auto behind = batch.behind.begin();
  PaneRows* last = nullptr;
  for (int32_t row = 0; row < batch.rows; ++row) {
    const Micros time = times[row];
    Micros effective = time;
    BehindReason reason = BehindReason::idle;
    if (behind != batch.behind.end() && behind->row == row) {
      effective = std::max(time, behind->partition_watermark);
      if (behind->reason != BehindReason::late) reason = behind->reason;
      ++behind;
    }
    if (last && effective == time && time >= last->pane->slice.start && time < last->pane->slice.end) {
      last->rows.push_back(row);
      continue;
    }
    Pane* pane = store.pane_for(time, effective, watermark);
    if (!pane) {
      late_.push_back({row, last_window_of(plan.spec, slice_of(plan.spec, time)), reason});
      continue;
    }
    PaneRows& group = group_of(*pane);
    group.rows.push_back(row);
    last = effective == time ? &group : nullptr;
  }
}

// The common case: every row of the batch lies in one slice.
bool PaneAssignment::assign_all(const Batch& batch, PaneStore& store, const WindowPlan& plan,
                                Micros watermark) {
  if (plan.mode != WindowPlan::Mode::direct && !batch.behind.empty()) return false;
  const Micros* times = batch.event_times();
  const auto [least, most] = std::minmax_element(times, times + batch.rows);
  Pane* pane = store.pane_for(*least, *least, watermark);
  if (!pane || *most >= pane->slice.end) return false;
  if (groups_.empty()) groups_.emplace_back();
  groups_[0].pane = pane;
  groups_[0].all = true;
  groups_[0].rows.clear();
  used_ = 1;
  return true;
}

// The pane's group in this batch, which may have one for every row.
PaneRows& PaneAssignment::group_of(Pane& pane) {
  if (pane.batch != batches_) {
    if (used_ == groups_.size()) groups_.emplace_back();
    pane.batch = batches_;
    pane.group = used_++;
    groups_[pane.group].pane = &pane;
    groups_[pane.group].all = false;
    groups_[pane.group].rows.clear();
  }
  return groups_[pane.group];
}

}  // namespace rideflow
