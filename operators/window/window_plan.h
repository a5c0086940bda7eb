// WindowPlan: how a step's windows are computed, decided once from what is asked and from its aggregates.
//
// Every row is counted once, into the pane (the table) of its slice (engine/window.h). What becomes of panes
// is the mode, and each mode is a strategy (window_strategy.h).
#pragma once

#include "engine/catalog.h"
#include "engine/window.h"

namespace rideflow {

struct WindowPlan {
  enum class Mode : uint8_t {
    direct,   // the pane is the window: its rows are the results
    sliding,  // windows hop and aggregates subtract: one table follows the windows
    merging,  // windows hop: each is put together from tables that are runs of panes
    running,  // cumulating windows and `every`: complete panes go into the totals of their windows
  };

  // `config` has a window that is no session, and outlives the plan.
  explicit WindowPlan(const StepConfig& config);

  const WindowSpec& spec;
  const bool overlapping;  // a row may be in several windows
  const Mode mode;
  const bool revisions;  // a key's result of a window may be followed by another

  bool hopping() const { return mode == Mode::sliding || mode == Mode::merging; }
  bool global() const { return spec.kind == WindowKind::global; }
  // When the watermark is here the window is gone for good.
  Micros expires_at(const TimeRange& window) const { return later(window.end, spec.allowed_lateness); }
  bool expired(const TimeRange& window, Micros watermark) const {
    return watermark != kNoTime && expires_at(window) <= watermark;
  }
  // Where the state has the panes that count from this slice; a total has the start of its window.
  int64_t state_id(Micros slice_start) const { return slice_start + (mode == Mode::running ? 1 : 0); }

  // t + by, or the end of time.
  static Micros later(Micros t, Micros by);
};

}  // namespace rideflow
