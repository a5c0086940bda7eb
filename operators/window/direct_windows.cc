// Direct windows: the pane is the window, and its rows are the results. Tumbling and global windows.
#include "operators/window/window_strategy.h"

namespace rideflow {

namespace {

class DirectWindows : public WindowStrategy {
 public:
  using WindowStrategy::WindowStrategy;

  bool next(Micros watermark, const Fired& fired, Firing& firing) override {
    // Panes that fired before may be kept for updates, many of them: the first that did not ends after this.
    PaneStore::Panes& panes = store().panes();
    auto next = panes.upper_bound(emission().fired_ends(fired.at));
    if (next != panes.begin()) --next;
    for (; next != panes.end(); ++next) {
      const Pane& pane = next->second;
      const Micros at = emission().fires_at(pane.slice.end);
      if (at > watermark) return false;
      if (fired.covers(at, pane.window.start)) continue;
      firing.at = at;
      firing.start = pane.window.start;
      firing.window = pane.window;
      firing.event_time = pane.window.end - 1;
      firing.source = pane.table.get();
      return true;
    }
    return false;
  }

  Status update(const PaneRows& group, const CountedBatch& counted, Micros watermark, Output& out) override {
    const Pane& pane = *group.pane;
    if (pane.at > watermark) return {};
    for (const int32_t r : one_row_per_key(group, counted)) {
      const auto i = static_cast<size_t>(r);
      std::byte* row = counted.rows[i];
      RF_TRY(emission().give(counted.keys[i].view(), row, row, pane.window, pane.slice.end - 1, out));
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<WindowStrategy> make_direct_windows(const WindowStrategy::Parts& parts) {
  return std::make_unique<DirectWindows>(parts);
}

}  // namespace rideflow
