// PaneAssignment: which pane counts which rows of a batch. Kept between batches for its buffers. One thread.
#pragma once

#include <span>
#include <vector>

#include "operators/row_routing.h"
#include "operators/window/pane_store.h"

namespace rideflow {

// The rows of the batch at hand that one pane counts.
struct PaneRows {
  Pane* pane = nullptr;
  bool all = false;           // of the batch
  std::vector<int32_t> rows;  // ascending; empty when `all`

  const int32_t* selection() const { return all ? nullptr : rows.data(); }
  int32_t count(const Batch& batch) const { return all ? batch.rows : static_cast<int32_t>(rows.size()); }
};

class PaneAssignment {
 public:
  // Makes the panes that are missing. REQUIRES: rows, and event times.
  void assign(const Batch& batch, PaneStore& store, const WindowPlan& plan, Micros watermark);

  // Each row of the batch is in one of these two.
  std::span<PaneRows> groups() { return std::span(groups_).first(used_); }
  const std::vector<LateRow>& late() const { return late_; }

 private:
  bool assign_all(const Batch& batch, PaneStore& store, const WindowPlan& plan, Micros watermark);
  PaneRows& group_of(Pane& pane);

  std::vector<PaneRows> groups_;
  size_t used_ = 0;
  uint64_t batches_ = 0;
  std::vector<LateRow> late_;
};

}  // namespace rideflow
