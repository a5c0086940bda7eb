// Windows: what a job asks for, and the pure functions that place a time in slices and windows.
//
// Slices (panes): every row is counted once, into the slice of its time; a window is a run of whole slices.
// The slice of tumbling windows is the window; of hopping ones the greatest common divisor of size and slide;
// of cumulating ones the step; of global ones (and of any window with `every`) that period. After Li et al.,
// "No Pane, No Gain" (SIGMOD Record 2005).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/expr.h"
#include "engine/time.h"

namespace rideflow {

enum class WindowKind : uint8_t { tumbling, hopping, session, cumulating, global };
enum class Emit : uint8_t { final, updates };

// As state types name them in checkpoints (engine/state_type.h): for ever.
std::string_view to_string(WindowKind kind);
std::string_view to_string(Emit emit);

struct WindowSpec {
  WindowKind kind = WindowKind::tumbling;
  Duration size;                   // tumbling, hopping, cumulating
  Duration slide;                  // hopping
  Duration step;                   // cumulating
  Duration gap;                    // session
  int64_t offset = 0;              // shifts the grid, microseconds
  const TimeZone* zone = nullptr;  // null: UTC
  int64_t allowed_lateness = 0;    // microseconds
  std::optional<Duration> every;   // early results
  Emit emit = Emit::final;
  ExprRef close_on;  // session; over the step's input; may be null
  TextPos pos;
};

struct TimeRange {
  Micros start = 0;
  Micros end = 0;  // exclusive
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

// The slice that holds t. global without `every`: everything.
TimeRange slice_of(const WindowSpec& spec, Micros t);
// The last window that contains the slice: its end decides when the slice is dropped and when a row is late.
TimeRange last_window_of(const WindowSpec& spec, const TimeRange& slice);
// The first window that contains the slice.
TimeRange first_window_of(const WindowSpec& spec, const TimeRange& slice);
// The window after w in order of end.
TimeRange next_window(const WindowSpec& spec, const TimeRange& w);

// docs/semantics.md: a row is late for all its windows when its own partition's watermark, as it was before
// the row, was >= end + allowed_lateness of its last window (sessions: > time + allowed_lateness).
// A pure function, so that late rows are split off before any exchange and the same rows are late at every
// parallelism.
bool is_late(const WindowSpec& spec, Micros time, Micros partition_watermark);

}  // namespace rideflow
