#include "operators/window/window_plan.h"

#include <algorithm>

#include "engine/window_overlap.h"

namespace rideflow {

namespace {

WindowPlan::Mode window_mode(const StepConfig& config) {
  const WindowSpec& spec = *config.window;
  if (spec.every || spec.kind == WindowKind::cumulating) return WindowPlan::Mode::running;
  if (!windows_overlap(spec)) return WindowPlan::Mode::direct;
  const bool subtract = std::all_of(config.aggregates.begin(), config.aggregates.end(),
                                    [](const AggregateCall& call) { return call.aggregate->can_subtract(); });
  return subtract ? WindowPlan::Mode::sliding : WindowPlan::Mode::merging;
}

}  // namespace

WindowPlan::WindowPlan(const StepConfig& config)
    : spec(*config.window),
      overlapping(windows_overlap(spec)),
      mode(window_mode(config)),
      revisions(spec.emit == Emit::updates || mode == Mode::running) {}

Micros WindowPlan::later(Micros t, Micros by) {
  Micros sum = 0;
  return __builtin_add_overflow(t, by, &sum) ? kEndOfTime : sum;
}

}  // namespace rideflow
