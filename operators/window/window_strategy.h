// WindowStrategy: how windows are put together from panes, one class per WindowPlan::Mode.
//
// The operator counts rows into panes; a strategy answers which window fires next and which tables make its
// rows, and gives the new results of windows that late rows come to after they fired. Calls are per batch and
// per firing, never per row. All that a strategy keeps is derived from the PaneStore: it can be dropped and
// made again, and is not in checkpoints. One thread.
//
// Rows of a change stream that take others back fit where aggregates subtract: a pane takes the row back as
// it took it (counted() sees both), and update() gives what changed. A memory budget asks strategies for
// nothing but to let go of what they derived, which is what on_pane_dropped() already makes them do pane by
// pane.
#pragma once

#include <memory>
#include <span>

#include "operators/window/pane_assignment.h"
#include "operators/window/pane_store.h"
#include "operators/window/window_firing.h"

namespace rideflow {

// A batch whose rows are in their panes: row r is in the accumulators at rows[r].
struct CountedBatch {
  const Batch& batch;
  std::span<const Key> keys;
  const uint64_t* hashes;
  std::byte* const* rows;
};

class WindowStrategy : public PaneWatcher {
 public:
  // The operator's; they outlive the strategy.
  struct Parts {
    const WindowPlan& plan;
    const WindowRows& rows;
    Accumulators& accumulators;
    PaneStore& store;
    WindowEmission& emission;
  };
  explicit WindowStrategy(const Parts& parts) : parts_(parts) {}

  // After a batch was counted.
  virtual void counted(std::span<const PaneRows>, const CountedBatch&) {}
  // The first of what fires at `watermark` or before and has not: false when there is none.
  virtual bool next(Micros watermark, const Fired& fired, Firing& firing) = 0;
  // After a firing gave its rows, some of which held nothing: whether to begin anew rather than go on from
  // it.
  virtual bool begin_anew(int64_t /*rows*/, int64_t /*empty*/) { return false; }
  // With revisions: `group` was counted by its pane. Gives new results for those of its windows that had
  // fired at `watermark`. May drop the pane.
  virtual Status update(const PaneRows& group, const CountedBatch& counted, Micros watermark,
                        Output& out) = 0;
  virtual size_t derived_bytes() const { return 0; }

 protected:
  const WindowPlan& plan() const { return parts_.plan; }
  const WindowRows& rows() const { return parts_.rows; }
  Accumulators& accumulators() { return parts_.accumulators; }
  PaneStore& store() { return parts_.store; }
  WindowEmission& emission() { return parts_.emission; }
  const WindowEmission& emission() const { return parts_.emission; }

 private:
  const Parts parts_;
};

std::unique_ptr<WindowStrategy> make_window_strategy(const WindowStrategy::Parts& parts);
// One each.
std::unique_ptr<WindowStrategy> make_direct_windows(const WindowStrategy::Parts& parts);
std::unique_ptr<WindowStrategy> make_running_windows(const WindowStrategy::Parts& parts);
std::unique_ptr<WindowStrategy> make_sliding_windows(const WindowStrategy::Parts& parts);
std::unique_ptr<WindowStrategy> make_merging_windows(const WindowStrategy::Parts& parts);

// A row of each key that the pane got rows of.
std::vector<int32_t> one_row_per_key(const PaneRows& group, const CountedBatch& counted);

// A table that a strategy derives, taken from the store when it is first asked for.
class ScratchTable {
 public:
  explicit ScratchTable(PaneStore& store) : store_(store) {}
  KeyedTable& get();
  KeyedTable& emptied();

 private:
  PaneStore& store_;
  std::unique_ptr<KeyedTable> table_;
};

}  // namespace rideflow
