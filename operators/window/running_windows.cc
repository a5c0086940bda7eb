// Running windows: cumulating ones, and those with `every`. A pane that is complete is merged into the totals
// of its windows (one, unless these overlap), and the keys that changed are results; a window's end gives all
// keys. Windows that fire at the same time do so in order of their start.
#include <algorithm>

#include "operators/window/window_strategy.h"

namespace rideflow {

namespace {

class RunningWindows : public WindowStrategy {
 public:
  explicit RunningWindows(const Parts& parts) : WindowStrategy(parts), scratch_(parts.store) {}

  bool next(Micros watermark, const Fired& fired, Firing& firing) override {
    if (!find_next(watermark, fired, firing)) return false;
    const TimeRange window = firing.window;
    firing.start = window.start;
    firing.event_time = firing.at - 1;
    firing.source = store().total_of(window).table.get();
    plan_merges(window, firing);
    if (plan().spec.kind == WindowKind::cumulating) firing.window.end = firing.at;
    return true;
  }

  Status update(const PaneRows& group, const CountedBatch& counted, Micros watermark, Output& out) override {
    const Pane& pane = *group.pane;
    if (!plan().overlapping) return pane.at > watermark ? Status() : update_one(group, counted, out);
    const Micros first = first_window_of(plan().spec, pane.slice).end;
    return std::min(pane.at, first) > watermark ? Status() : update_each(group, counted, watermark, out);
  }

 private:
  // When the window counts the pane's rows.
  static Micros tick(const Pane& pane, const TimeRange& window) { return std::min(pane.at, window.end); }

  // The windows that count the pane's rows, in order of their start.
  template <class F>
  void each_window(const Pane& pane, F&& f) const {
    if (!plan().overlapping) return f(pane.window);
    TimeRange window = first_window_of(plan().spec, pane.slice);
    for (; window.start <= pane.slice.start; window = next_window(plan().spec, window)) {
      if (pane.counts_for(window)) f(window);
    }
  }

  bool find_next(Micros watermark, const Fired& fired, Firing& firing) {
    bool any = false;
    firing.at = kEndOfTime;
    const auto offer = [&](Micros at, const TimeRange& w) {
      if (at > watermark || fired.covers(at, w.start)) return;
      if (any && std::pair(at, w.start) >= std::pair(firing.at, firing.window.start)) return;
      firing.at = at;
      firing.window = w;
      any = true;
    };
    const auto offer_pane = [&](const Pane& pane) {
      each_window(pane, [&](const TimeRange& w) { offer(tick(pane, w), w); });
    };
    for (const auto& [start, pane] : store().panes()) {
      if (pane.at > std::min(firing.at, watermark)) break;  // in order of it: none that fired is left
      offer_pane(pane);
    }
    for (const auto& [place, pane] : store().late_panes()) offer_pane(pane);
    PaneStore::WindowTables& totals = store().totals();
    for (auto it = totals.rbegin(); it != totals.rend() && it->second.window.end >= fired.at; ++it) {
      offer(it->second.window.end, it->second.window);  // those before fired, kept for updates
    }
    return any;
  }

  // The panes whose rows the window counts at this time; where only the changed keys are given, they are
  // those.
  void plan_merges(const TimeRange& window, Firing& firing) {
    std::vector<const KeyedTable*> parts;
    const auto take = [&](Pane& pane) {
      if (!pane.counts_for(window) || tick(pane, window) != firing.at) return;
      parts.push_back(pane.table.get());
      if (window == pane.window) firing.finished.push_back(&pane);
    };
    PaneStore::Panes& panes = store().panes();
    for (auto it = panes.begin(); it != panes.end() && it->second.at <= firing.at; ++it) take(it->second);
    for (auto& [place, pane] : store().late_panes()) take(pane);
    const bool only_changed = firing.at != window.end;
    if (only_changed && parts.size() > 1) {
      KeyedTable& all = scratch_.emptied();
      for (const KeyedTable* part : parts) firing.merges.emplace_back(part, &all);
      parts = {&all};
    }
    for (const KeyedTable* part : parts) firing.merges.emplace_back(part, firing.source);
    if (only_changed) firing.changed = parts.front();
  }

  // The pane, made anew for these rows, goes into its window's total.
  Status update_one(const PaneRows& group, const CountedBatch& counted, Output& out) {
    Pane& pane = *group.pane;
    TimeRange window = pane.window;
    if (plan().spec.kind == WindowKind::cumulating) window.end = pane.slice.end;
    KeyedTable& total = *store().total_of(pane.window).table;
    for (const int32_t r : one_row_per_key(group, counted)) {
      const auto i = static_cast<size_t>(r);
      std::byte* row = total.row_of(counted.hashes[i], counted.keys[i]);
      rows().merge(row, counted.rows[i]);
      RF_TRY(emission().give(counted.keys[i].view(), row, row, window, pane.slice.end - 1, out));
    }
    store().drop(pane);
    return {};
  }

  // Windows that have passed the rows' tick count them now, the others when it comes, from the pane.
  Status update_each(const PaneRows& group, const CountedBatch& counted, Micros watermark, Output& out) {
    Pane& pane = *group.pane;
    KeyedTable& added = scratch_.emptied();
    const int32_t n = group.count(counted.batch);
    std::vector<std::byte*> places(static_cast<size_t>(counted.batch.rows));
    added.lookup_or_insert(counted.hashes, counted.keys.data(), group.selection(), n, places.data());
    accumulators().update(counted.batch, places.data(), group.selection(), n);
    Status status;
    each_window(pane, [&](const TimeRange& window) {
      const Micros at = tick(pane, window);
      if (at > watermark || plan().expired(window, watermark)) return;
      KeyedTable& total = *store().total_of(window).table;
      for (int64_t i = 0; i < added.size() && status.ok(); ++i) {
        const Key& key = added.key(i);
        std::byte* row = total.row_of(hash_key(key.view()), key);
        rows().merge(row, added.row(i));
        status = emission().give(key.view(), row, row, window, at - 1, out);
      }
    });
    if (pane.at <= watermark) store().drop(pane);
    return status;
  }

  ScratchTable scratch_;  // the union of what changed
};

}  // namespace

std::unique_ptr<WindowStrategy> make_running_windows(const WindowStrategy::Parts& parts) {
  return std::make_unique<RunningWindows>(parts);
}

}  // namespace rideflow
