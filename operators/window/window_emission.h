// WindowEmission: when the results of a window are given, and as what.
//
//   on close  one row per key, when the watermark has passed the window's end and what may still come late
//   updates   one row per key at the window's end, and another whenever late rows change it
//   early     (`every`, cumulating) at a slice's end a row per key that changed, at the window's end one of
//   every key
// Results of the last two carry `_revision`: 0, 1, … for each (key, window).
//
// A change stream is a fourth policy. What it adds is the row that a revision replaces, and both are known in
// give(): the number says whether there was one, and the result that it had belongs beside that number, where
// it is checkpointed with it (WindowRows::Given, PaneStore's `given`). Strategies need not know.
#pragma once

#include <string_view>

#include "operators/window/window_plan.h"
#include "operators/window/window_results.h"
#include "operators/window/window_rows.h"

namespace rideflow {

class WindowEmission {
 public:
  WindowEmission(const StepConfig& config, const WindowPlan& plan, const Accumulators& accumulators,
                 SchemaRef schema, int rejected_port)
      : results_(config, accumulators, std::move(schema), plan.revisions, rejected_port),
        revisions_(plan.revisions),
        delay_(plan.revisions ? 0 : plan.spec.allowed_lateness) {}
  void open(const OpenContext& context) { results_.open(context); }

  bool revisions() const { return revisions_; }
  // The watermark at which a window that ends then gives its results.
  Micros fires_at(Micros window_end) const { return WindowPlan::later(window_end, delay_); }
  // Windows that ended by then have given them. kNoTime: none has.
  Micros fired_ends(Micros watermark) const {
    return watermark < kNoTime + delay_ ? kNoTime : watermark - delay_;
  }

  // `counted`: the row that counts the key's revisions; null when there are none.
  Status give(std::string_view key, const std::byte* row, std::byte* counted, const TimeRange& window,
              Micros event_time, Output& out) {
    const int64_t revision = counted ? WindowRows::next_revision(counted, window) : 0;
    return results_.add(key, row, window, event_time, revision, out);
  }
  // The next one would fill a batch, and the output takes none.
  bool blocked(const Output& out) const { return results_.emits_next() && !out.has_room(); }
  bool pending() const { return results_.pending(); }
  Status flush(Output& out) { return results_.flush(out); }

 private:
  WindowResults results_;
  const bool revisions_;
  const Micros delay_;
};

}  // namespace rideflow
