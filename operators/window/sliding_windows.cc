// Sliding windows: hopping ones whose aggregates subtract. One table follows the windows: new panes are added
// to it, old ones taken back, so that a window costs what changed and not what it holds.
#include "operators/window/hopping_windows.h"

namespace rideflow {

namespace {

constexpr int64_t kFewCells = 1024;

class SlidingWindows : public HoppingWindows {
 public:
  using HoppingWindows::HoppingWindows;

  // Rows of panes that are in the table already go into both.
  void counted(std::span<const PaneRows> groups, const CountedBatch& counted) override {
    for (const PaneRows& group : groups) {
      const int32_t* selection = group.selection();
      const int32_t n = group.count(counted.batch);
      const auto add = [&](std::byte* const* rows) {
        for (int32_t i = 0; i < n; ++i) WindowRows::add_rows(rows[selection ? selection[i] : i], 1);
      };
      add(counted.rows);
      if (!group.pane->taken) continue;
      places_.resize(static_cast<size_t>(counted.batch.rows));
      scratch().get().lookup_or_insert(counted.hashes, counted.keys.data(), selection, n, places_.data());
      accumulators().update(counted.batch, places_.data(), selection, n);
      add(places_.data());
    }
  }

  // Keys that left the windows leave empty rows in the table. The next window is built from its panes then.
  bool begin_anew(int64_t rows, int64_t empty) override {
    if (empty <= rows / 2 + kFewCells) return false;
    scratch().emptied();
    store().each_pane([](Pane& pane) { pane.taken = false; });
    return true;
  }

 private:
  void gather(const TimeRange& window, Firing& firing) override {
    KeyedTable& table = scratch().get();
    firing.source = &table;
    const TimeRange following = next_window(plan().spec, window);
    const auto take = [&](Pane& pane) {
      if (!pane.taken && pane.counts_for(window)) {
        firing.merges.emplace_back(pane.table.get(), &table);
        pane.taken = true;
      }
      if (pane.taken && !pane.counts_for(following)) {
        firing.after.emplace_back(pane.table.get(), &table, true);
        pane.taken = false;
      }
    };
    PaneStore::Panes& panes = store().panes();
    auto it = panes.lower_bound(window.start);  // what is in the table lies in the window
    for (; it != panes.end() && it->first < window.end; ++it) take(it->second);
    for (auto& [place, pane] : store().late_panes()) take(pane);
  }

  std::vector<std::byte*> places_;
};

}  // namespace

std::unique_ptr<WindowStrategy> make_sliding_windows(const WindowStrategy::Parts& parts) {
  return std::make_unique<SlidingWindows>(parts);
}

}  // namespace rideflow
