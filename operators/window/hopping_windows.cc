#include "operators/window/hopping_windows.h"

#include <algorithm>

namespace rideflow {

void HoppingWindows::on_pane(const Pane& pane) {
  quiet_until_ = kNoTime;
  fired_before_ = std::min(fired_before_, pane.slice.start);
}

// The first window of the pane that has not fired, when there is one and it ends before `window`.
bool HoppingWindows::offer_window(const Pane& pane, const Fired& fired, TimeRange& window) const {
  if (emission().fires_at(pane.window.end) <= fired.at) return false;
  TimeRange w = first_window_of(plan().spec, pane.slice);
  while (emission().fires_at(w.end) <= fired.at || w.end < pane.first_end) w = next_window(plan().spec, w);
  if (w.end >= window.end) return false;
  window = w;
  return true;
}

bool HoppingWindows::next(Micros watermark, const Fired& fired, Firing& firing) {
  if (watermark < quiet_until_) return false;
  TimeRange window{kEndOfTime, kEndOfTime};
  PaneStore::Panes& panes = store().panes();
  for (auto it = panes.lower_bound(fired_before_); it != panes.end(); ++it) {
    const Pane& pane = it->second;
    if (offer_window(pane, fired, window)) break;  // later panes have no earlier window
    if (emission().fires_at(pane.window.end) <= fired.at) fired_before_ = pane.slice.end;
  }
  for (const auto& [place, pane] : store().late_panes()) offer_window(pane, fired, window);
  quiet_until_ = window.end == kEndOfTime ? kEndOfTime : emission().fires_at(window.end);
  if (window.end == kEndOfTime || quiet_until_ > watermark) return false;
  firing.at = quiet_until_;
  firing.start = window.start;
  firing.window = window;
  firing.event_time = window.end - 1;
  if (emission().revisions()) firing.given = store().given_of(window);
  gather(window, firing);
  return true;
}

Status HoppingWindows::update(const PaneRows& group, const CountedBatch& counted, Micros watermark,
                              Output& out) {
  const Pane& pane = *group.pane;
  TimeRange window = first_window_of(plan().spec, pane.slice);
  if (window.end > watermark) return {};
  const std::vector<int32_t> rows = one_row_per_key(group, counted);
  const std::unique_ptr<std::byte[]> sum(new std::byte[static_cast<size_t>(this->rows().layout().size())]);
  for (; window.start <= pane.slice.start && window.end <= watermark;
       window = next_window(plan().spec, window)) {
    if (plan().expired(window, watermark) || !pane.counts_for(window)) continue;
    RF_TRY(update_window(window, rows, counted, sum.get(), out));
  }
  return {};
}

// The keys of `rows` are put together from the window's panes. `sum`: room for a row.
Status HoppingWindows::update_window(const TimeRange& window, const std::vector<int32_t>& rows,
                                     const CountedBatch& counted, std::byte* sum, Output& out) {
  const RowLayout& layout = this->rows().layout();
  KeyedTable& given = *store().given_of(window);
  for (const int32_t r : rows) {
    const auto i = static_cast<size_t>(r);
    const uint64_t hash = counted.hashes[i];
    const Key& key = counted.keys[i];
    const auto add = [&](const Pane& pane) {
      if (const std::byte* part = pane.table->find(hash, key)) layout.merge(sum, part);
    };
    layout.init(sum);
    PaneStore::Panes& panes = store().panes();
    for (auto p = panes.lower_bound(window.start); p != panes.end() && p->first < window.end; ++p)
      add(p->second);
    for (const auto& [place, pane] : store().late_panes()) {
      if (pane.counts_for(window)) add(pane);
    }
    const Status status =
        emission().give(key.view(), sum, given.row_of(hash, key), window, window.end - 1, out);
    layout.destroy(sum);
    RF_TRY(status);
  }
  return {};
}

}  // namespace rideflow
