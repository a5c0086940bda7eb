// HoppingWindows: what both strategies for overlapping windows share: which window fires next, and the new
// results that late rows give. They differ in how a window's rows are put together.
#pragma once

#include <vector>

#include "operators/window/window_strategy.h"

namespace rideflow {

class HoppingWindows : public WindowStrategy {
 public:
  explicit HoppingWindows(const Parts& parts) : WindowStrategy(parts), scratch_(parts.store) {}

  void on_pane(const Pane& pane) override;
  bool next(Micros watermark, const Fired& fired, Firing& firing) final;
  Status update(const PaneRows& group, const CountedBatch& counted, Micros watermark, Output& out) final;

 protected:
  // Sets what the rows of `window` are merged from, and where.
  virtual void gather(const TimeRange& window, Firing& firing) = 0;
  ScratchTable& scratch() { return scratch_; }

 private:
  bool offer_window(const Pane& pane, const Fired& fired, TimeRange& window) const;
  Status update_window(const TimeRange& window, const std::vector<int32_t>& rows, const CountedBatch& counted,
                       std::byte* sum, Output& out);

  ScratchTable scratch_;           // the window at hand, or the table that follows the windows
  Micros quiet_until_ = kNoTime;   // nothing fires before it, unless a pane is made
  Micros fired_before_ = kNoTime;  // of panes that start before it, all windows have fired
};

}  // namespace rideflow
