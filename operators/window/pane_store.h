// PaneStore: the keyed state of a windowed step: which tables there are, which one counts a row, when they
// go, and how they get into a checkpoint and back. It gives no results and knows no order of firing.
//
//   panes       the rows of one slice
//   late panes  rows that do not count as all of their slice do (see Pane::first_end)
//   totals      running windows: what a window has counted so far
//   given       hopping windows with updates: how often a (key, window) was given
//
// All state of the step that is not derived is in here, so what a memory budget asks for has one place:
// between pane_for() and the lookup of a batch's keys the missing rows can be read ahead, and clean pages of
// `tables` can be given up, since freeze() leaves every row that changed marked. Strategies keep pointers to
// panes for the length of one firing only, and must hear (PaneWatcher) of a pane that goes. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/operator.h"
#include "engine/state_migration.h"
#include "engine/table_pool.h"
#include "operators/window/window_plan.h"

namespace rideflow {

class ByteReader;

struct Pane {
  TimeRange slice;
  TimeRange window;     // the last one that holds the slice; the only one unless they overlap
  Micros at = kNoTime;  // when its rows count: the slice's end or, of rows behind their partition, later
  int64_t id = 0;       // in the state
  // The rows of this pane came when the first windows of the slice were already too late for them, and count
  // from the window with this end on. kNoTime: for all.
  Micros first_end = kNoTime;
  bool stored = false;  // a freeze had cells of it
  std::unique_ptr<KeyedTable> table;

  bool taken = false;  // the strategy's: added to the table that follows the windows
  // PaneAssignment's: the last batch that had rows for it, and their place among its groups.
  uint64_t batch = 0;
  size_t group = 0;

  // Whether a window counts its rows.
  bool counts_for(const TimeRange& w) const {
    return slice.start >= w.start && slice.end <= w.end && w.end >= first_end;
  }
};

// A table of a window rather than of a slice.
struct WindowTable {
  TimeRange window;
  bool stored = false;  // as of a pane
  std::unique_ptr<KeyedTable> table;
};

// Who derives something from panes.
class PaneWatcher {
 public:
  virtual ~PaneWatcher() = default;
  virtual void on_pane(const Pane&) {}          // one was made; its table is empty or about to be restored
  virtual void on_pane_dropped(const Pane&) {}  // one is about to go
};

class PaneStore {
 public:
  using Panes = std::map<int64_t, Pane>;  // by slice start
  // By id, slice start and first_end.
  using LatePanes = std::map<std::tuple<int64_t, int64_t, Micros>, Pane>;
  using WindowTables = std::map<int64_t, WindowTable>;  // by window start

  // What a dropped table or a fired window costs, in entries, however few it has.
  static constexpr int64_t kEntriesPerTable = 16;

  PaneStore(const WindowPlan& plan, std::shared_ptr<const RowLayout> layout);
  // Before the first row. The watcher outlives the panes.
  void watch(PaneWatcher* watcher) { watcher_ = watcher; }

  // The pane of a row, or null when its windows are gone. `effective`: the later of the row's time and its
  // partition's watermark before it. Early results count rows from there; where windows overlap, a row may be
  // too late for the first of its windows only.
  Pane* pane_for(Micros time, Micros effective, Micros watermark);

  Panes& panes() { return panes_; }
  LatePanes& late_panes() { return late_panes_; }
  WindowTables& totals() { return totals_; }
  WindowTable& total_of(const TimeRange& window);
  KeyedTable* given_of(const TimeRange& window);
  template <class F>
  void each_pane(F&& f) {
    for (auto& [start, pane] : panes_) f(pane);
    for (auto& [place, pane] : late_panes_) f(pane);
  }

  void drop(Pane& pane);
  // Drops what expired, as far as the budget of entries goes. True when nothing is left to drop.
  bool drop_expired(Micros watermark, int64_t& budget);

  // Empty tables of the step's rows for what is derived from panes; they do not count as state.
  std::unique_ptr<KeyedTable> take_table() { return tables_.take(); }
  void give_back(std::unique_ptr<KeyedTable> table) { tables_.give_back(std::move(table)); }
  // To be called as rows come or go, with how many (engine/table_pool.h).
  void reclaim(int64_t come);

  size_t tables() const { return panes_.size() + late_panes_.size() + totals_.size() + given_.size(); }
  struct Size {
    int64_t keys = 0;
    size_t bytes = 0;
  };
  Size size() const;  // looks at every table

  // State: pane_cells.cc.
  std::unique_ptr<FrozenState> freeze(KeyGroupRange range, int32_t key_groups);
  Status restore(StateTable& cells, KeyGroupRange range);
  static Result<std::string> migrate_cell(const WindowPlan& plan, const RowLayout& layout,
                                          const CellKey& cell, std::string_view value,
                                          const StateMigration& migration);

 private:
  Pane* late_pane_for(const TimeRange& slice, Micros partition_watermark);
  void make(Pane& pane, const TimeRange& slice, const TimeRange& counted);
  bool drop_windows(WindowTables& windows, TablePool& pool, Micros watermark, int64_t& budget);
  KeyedTable* table_of_cell(ByteReader& cell, int64_t id);

  const WindowPlan& plan_;
  PaneWatcher* watcher_ = nullptr;
  TablePool tables_;
  TablePool given_pool_;
  Panes panes_;
  LatePanes late_panes_;
  WindowTables totals_;
  WindowTables given_;
  std::vector<int64_t> erased_;  // ids of stored tables that were dropped since the last freeze
};

}  // namespace rideflow
