#include "engine/window.h"

#include <algorithm>
#include <numeric>

#include "engine/civil.h"
#include "engine/window_overlap.h"

namespace rideflow {

std::string_view to_string(WindowKind kind) {
  switch (kind) {
    case WindowKind::tumbling:
      return "tumbling";
    case WindowKind::hopping:
      return "hopping";
    case WindowKind::session:
      return "session";
    case WindowKind::cumulating:
      return "cumulating";
    case WindowKind::global:
      break;
  }
  return "global";
}

std::string_view to_string(Emit emit) {
  return emit == Emit::final ? "final" : "updates";
}

namespace {

constexpr TimeRange kAlways{kNoTime, kEndOfTime};

bool is_calendar(const Duration& d) {
  return d.months != 0 || (d.days != 0 && d.micros == 0);
}

// The start of the next period of the grid after the one that begins at `start`.
Micros next_start(Micros start, const Duration& period, const WindowSpec& spec) {
  Micros guess = add(start, period, 1, spec.zone);
  while (true) {
    const Micros next = truncate(guess, period, spec.zone, spec.offset);
    if (next > start) return next;
    guess = add(guess, period, 1, spec.zone);  // an hour that the clock skips made the period longer
  }
}

TimeRange period_of(Micros t, const Duration& period, const WindowSpec& spec) {
  const Micros start = truncate(t, period, spec.zone, spec.offset);
  return {start, next_start(start, period, spec)};
}

// What divides both, so that every window is a run of whole slices.
Duration common_divisor(const Duration& a, const Duration& b) {
  Duration d;
  if (a.months != 0 && b.months != 0) {
    d.months = std::gcd(a.months, b.months);
  } else if (is_calendar(a) && is_calendar(b)) {
    // Months and days share only days; weeks begin on Mondays, months do not.
    d.days = a.months == 0 && b.months == 0 ? std::gcd(a.days, b.days) : 1;
  } else {
    const int64_t day = kMicrosPerDay;
    d.micros = std::gcd(a.months != 0 ? day : a.total_micros(), b.months != 0 ? day : b.total_micros());
  }
  return d;
}

Duration hopping_slice(const WindowSpec& spec) {
  return common_divisor(spec.size, spec.slide);
}

// Where the hopping window that begins at `start` ends.
Micros hopping_end(const WindowSpec& spec, Micros start) {
  if (is_calendar(spec.size) || !spec.zone || spec.zone->is_utc()) return add(start, spec.size, 1, spec.zone);
  const Micros end = start + spec.size.total_micros();
  const int64_t offset = spec.zone->offset_at(start);
  if (spec.zone->offset_at(end) == offset) return end;
  // As the local clock counts, and at a boundary of slices.
  return truncate(spec.zone->to_utc(end + offset), hopping_slice(spec), spec.zone, spec.offset);
}

TimeRange hopping_window(const WindowSpec& spec, Micros start) {
  const TimeRange window{start, hopping_end(spec, start)};
  if (windows_overlap(spec) || !spec.zone || spec.zone->is_utc()) return window;
  // An hour that the clock repeats may make a window longer than the way to the next.
  return {start, std::min(window.end, next_start(start, spec.slide, spec))};
}

// Where windows overlap they are runs of slices; where they do not, each is a slice, and so is a gap.
TimeRange hopping_slice_of(const WindowSpec& spec, Micros t) {
  if (windows_overlap(spec)) return period_of(t, hopping_slice(spec), spec);
  const TimeRange window = hopping_window(spec, truncate(t, spec.slide, spec.zone, spec.offset));
  return t < window.end ? window : TimeRange{window.end, next_start(window.start, spec.slide, spec)};
}

// The least and the most that a period may last, a change of the clock aside.
int64_t least_micros(const Duration& d) {
  return d.months * (28 * kMicrosPerDay) + d.total_micros();
}
int64_t most_micros(const Duration& d) {
  return d.months * (31 * kMicrosPerDay) + d.total_micros();
}

// Whether a may be longer than b: of months and days that is sure of some, and true of others in some years.
bool may_be_longer(const Duration& a, const Duration& b) {
  if (a.months != 0 && b.months != 0) return a.months > b.months;
  return most_micros(a) > least_micros(b);
}

TimeRange clipped(const TimeRange& range, const TimeRange& within) {
  return {std::max(range.start, within.start), std::min(range.end, within.end)};
}

TimeRange cumulating_slice(const WindowSpec& spec, Micros t) {
  const TimeRange whole = period_of(t, spec.size, spec);
  if (is_calendar(spec.step)) return clipped(period_of(t, spec.step, spec), whole);
  const int64_t step = spec.step.total_micros();
  const Micros start = whole.start + (t - whole.start) / step * step;
  return clipped({start, start + step}, whole);
}

// The slice without regard to `every`.
TimeRange plain_slice(const WindowSpec& spec, Micros t) {
  switch (spec.kind) {
    case WindowKind::tumbling:
      return period_of(t, spec.size, spec);
    case WindowKind::hopping:
      return hopping_slice_of(spec, t);
    case WindowKind::session:
      return {t, t + spec.gap.total_micros()};
    case WindowKind::cumulating:
      return cumulating_slice(spec, t);
    case WindowKind::global:
      return kAlways;
  }
  return kAlways;
}

bool is_fixed_tumbling(const WindowSpec& spec) {
  return spec.kind == WindowKind::tumbling && !spec.every && !is_calendar(spec.size) &&
         (!spec.zone || spec.zone->is_utc());
}

}  // namespace

TimeRange slice_of(const WindowSpec& spec, Micros t) {
  if (is_fixed_tumbling(spec)) {
    const int64_t size = spec.size.total_micros();
    const Micros start = t - floor_mod(t - spec.offset, size);
    return {start, start + size};
  }
  const TimeRange plain = plain_slice(spec, t);
  if (!spec.every || spec.kind == WindowKind::session) return plain;
  return clipped(period_of(t, *spec.every, spec), plain);
}

TimeRange last_window_of(const WindowSpec& spec, const TimeRange& slice) {
  switch (spec.kind) {
    case WindowKind::tumbling:
    case WindowKind::cumulating:
      return period_of(slice.start, spec.size, spec);
    case WindowKind::hopping:
      return hopping_window(spec, truncate(slice.start, spec.slide, spec.zone, spec.offset));
    case WindowKind::session:
      return slice;
    case WindowKind::global:
      return kAlways;
  }
  return kAlways;
}

TimeRange first_window_of(const WindowSpec& spec, const TimeRange& slice) {
  switch (spec.kind) {
    case WindowKind::tumbling:
      return period_of(slice.start, spec.size, spec);
    case WindowKind::cumulating:
      return {period_of(slice.start, spec.size, spec).start, plain_slice(spec, slice.start).end};
    case WindowKind::hopping: {
      const TimeRange last = last_window_of(spec, slice);
      if (!windows_overlap(spec)) return last;
      const Micros guess = std::min(add(slice.end, spec.size, -1, spec.zone), last.start);
      TimeRange window = hopping_window(spec, truncate(guess, spec.slide, spec.zone, spec.offset));
      while (window.end < slice.end && window.start < last.start) window = next_window(spec, window);
      while (true) {
        const Micros before = truncate(window.start - 1, spec.slide, spec.zone, spec.offset);
        if (hopping_end(spec, before) < slice.end) return window;
        window = hopping_window(spec, before);
      }
    }
    case WindowKind::session:
      return slice;
    case WindowKind::global:
      return spec.every ? TimeRange{kNoTime, slice.end} : kAlways;
  }
  return kAlways;
}

TimeRange next_window(const WindowSpec& spec, const TimeRange& w) {
  switch (spec.kind) {
    case WindowKind::tumbling:
      return period_of(w.end, spec.size, spec);
    case WindowKind::hopping:
      return hopping_window(spec, next_start(w.start, spec.slide, spec));
    case WindowKind::cumulating: {
      const TimeRange step = cumulating_slice(spec, w.end);
      return {period_of(w.end, spec.size, spec).start, step.end};
    }
    case WindowKind::session:
      return {w.end, w.end + spec.gap.total_micros()};
    case WindowKind::global:
      if (!spec.every || w.end == kEndOfTime) return kAlways;
      return {kNoTime, next_start(w.end, *spec.every, spec)};
  }
  return kAlways;
}

bool windows_overlap(const WindowSpec& spec) {
  return spec.kind == WindowKind::hopping && may_be_longer(spec.size, spec.slide);
}

bool windows_have_gaps(const WindowSpec& spec) {
  return spec.kind == WindowKind::hopping && may_be_longer(spec.slide, spec.size);
}

bool is_in_gap(const WindowSpec& spec, Micros t) {
  return t >= hopping_window(spec, truncate(t, spec.slide, spec.zone, spec.offset)).end;
}

bool is_late(const WindowSpec& spec, Micros time, Micros partition_watermark) {
  if (partition_watermark == kNoTime || spec.kind == WindowKind::global) return false;
  Micros allowed = 0;  // as if nothing were allowed
  if (__builtin_sub_overflow(partition_watermark, spec.allowed_lateness, &allowed)) return false;
  if (spec.kind == WindowKind::session) return allowed > time;
  return allowed >= last_window_of(spec, slice_of(spec, time)).end;
}

}  // namespace rideflow
