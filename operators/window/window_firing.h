// Firing: one window that gives its results, as a strategy asks for it; WindowFiring carries it out, a
// bounded piece at a time. Both are derived state, gone when no firing is under way. One thread.
#pragma once

#include <vector>

#include "operators/window/pane_store.h"
#include "operators/window/window_emission.h"
#include "operators/window/window_rows.h"

namespace rideflow {

struct MergeStep {
  const KeyedTable* from;
  KeyedTable* into;
  bool subtract = false;
  MergeStep(const KeyedTable* f, KeyedTable* i, bool s = false) : from(f), into(i), subtract(s) {}
};

struct Firing {
  Micros at = kNoTime;                  // the watermark that fires it
  Micros start = kNoTime;               // of the window: those that fire at the same time do so in this order
  TimeRange window;                     // as it stands in the results
  Micros event_time = 0;                // of the results
  std::vector<MergeStep> merges;        // make the rows that are given
  std::vector<MergeStep> after;         // once they are: what the next firing needs
  KeyedTable* source = nullptr;         // whose rows are the results
  const KeyedTable* changed = nullptr;  // only the keys of this table, in `source`
  KeyedTable* given = nullptr;          // counts the revisions, when the rows of `source` do not
  std::vector<Pane*> finished;          // panes that the last of their windows has taken over
};

// Everything that fires before has fired.
struct Fired {
  Micros at = kNoTime;
  Micros start = kEndOfTime;  // windows that fire at that time and start by then have too
  bool covers(Micros fires_at, Micros window_start) const {
    return fires_at < at || (fires_at == at && window_start <= start);
  }
};

class WindowFiring {
 public:
  WindowFiring(const WindowRows& rows, WindowEmission& emission) : rows_(rows), emission_(emission) {}

  bool active() const { return active_; }
  void begin(Firing firing);
  const Firing& firing() const { return firing_; }
  void end();

  // First give(), then finish(); each works until the budget of entries is used up, and says whether it is
  // through.
  Result<bool> give(int64_t& budget, Output& out);
  bool finish(int64_t& budget) { return merge(firing_.after, budget); }
  // In between: how many rows were looked at, and how many of them held nothing; what comes after may be
  // left.
  bool given() const { return given_; }
  int64_t rows() const { return keys().size(); }
  int64_t empty_rows() const { return empty_; }
  void leave_rest() { firing_.after.clear(); }

 private:
  const KeyedTable& keys() const { return firing_.changed ? *firing_.changed : *firing_.source; }
  bool merge(const std::vector<MergeStep>& steps, int64_t& budget);
  Status give_row(int64_t entry, const Key& key, Output& out);

  const WindowRows& rows_;
  WindowEmission& emission_;
  Firing firing_;
  bool active_ = false;
  bool given_ = false;
  size_t step_ = 0;
  int64_t cursor_ = 0;  // within a merge, then within the keys
  int64_t empty_ = 0;
};

}  // namespace rideflow
