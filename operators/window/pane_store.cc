#include "operators/window/pane_store.h"

#include <algorithm>

#include "operators/window/window_rows.h"

namespace rideflow {

namespace {

constexpr int64_t kDroppedForOne = 4;  // entries that are emptied in the time of giving one

std::shared_ptr<const RowLayout> given_layout() {
  return std::make_shared<const RowLayout>(std::vector<std::shared_ptr<const Aggregate>>(),
                                           static_cast<int>(sizeof(WindowRows::Given)));
}

// False: not now.
bool may_drop_table(const KeyedTable& table, int64_t& budget) {
  if (budget <= 0) return false;
  budget -= PaneStore::kEntriesPerTable + table.size() / kDroppedForOne;
  return true;
}

}  // namespace

PaneStore::PaneStore(const WindowPlan& plan, std::shared_ptr<const RowLayout> layout)
    : plan_(plan),
      tables_(std::make_shared<PagePool>(std::move(layout))),
      given_pool_(std::make_shared<PagePool>(given_layout())) {}

Pane* PaneStore::pane_for(Micros time, Micros effective, Micros watermark) {
  TimeRange slice = slice_of(plan_.spec, time);
  const auto found = effective == time ? panes_.find(slice.start) : panes_.end();
  if (found != panes_.end()) return plan_.expired(found->second.window, watermark) ? nullptr : &found->second;
  const TimeRange window = last_window_of(plan_.spec, slice);
  if (plan_.expired(window, watermark)) return nullptr;
  if (effective > time) {
    if (plan_.overlapping) return late_pane_for(slice, effective);
    if (plan_.mode == WindowPlan::Mode::running)
      slice = slice_of(plan_.spec, std::min(effective, window.end - 1));
  }
  Pane& pane = panes_[slice.start];
  if (!pane.table) make(pane, slice, slice);
  return &pane;
}

Pane* PaneStore::late_pane_for(const TimeRange& slice, Micros partition_watermark) {
  const WindowSpec& spec = plan_.spec;
  TimeRange window = first_window_of(spec, slice);
  const bool from_first = plan_.expires_at(window) > partition_watermark;
  while (plan_.expires_at(window) <= partition_watermark) window = next_window(spec, window);
  TimeRange counted = slice;
  if (plan_.mode == WindowPlan::Mode::running)
    counted = slice_of(spec, std::min(partition_watermark, last_window_of(spec, slice).end - 1));
  const Micros first_end = from_first ? kNoTime : window.end;
  const bool plain = from_first && counted == slice;
  Pane& pane =
      plain ? panes_[slice.start] : late_panes_[{plan_.state_id(counted.start), slice.start, first_end}];
  if (!pane.table) make(pane, slice, counted);
  pane.first_end = first_end;
  return &pane;
}

void PaneStore::make(Pane& pane, const TimeRange& slice, const TimeRange& counted) {
  pane.slice = slice;
  pane.window = last_window_of(plan_.spec, slice);
  pane.at = counted.end;
  pane.id = plan_.state_id(counted.start);
  pane.table = tables_.take();
  watcher_->on_pane(pane);
}

WindowTable& PaneStore::total_of(const TimeRange& window) {
  WindowTable& total = totals_[window.start];
  if (!total.table) {
    total.window = window;
    total.table = tables_.take();
  }
  return total;
}

KeyedTable* PaneStore::given_of(const TimeRange& window) {
  WindowTable& given = given_[window.start];
  if (!given.table) {
    given.window = window;
    given.table = given_pool_.take();
  }
  return given.table.get();
}

void PaneStore::drop(Pane& pane) {
  watcher_->on_pane_dropped(pane);
  if (pane.stored) erased_.push_back(pane.id);
  tables_.give_back(std::move(pane.table));
  const auto plain = panes_.find(pane.slice.start);
  if (plain != panes_.end() && &plain->second == &pane) {
    panes_.erase(plain);
  } else {
    late_panes_.erase(std::tuple(pane.id, pane.slice.start, pane.first_end));
  }
}

bool PaneStore::drop_expired(Micros watermark, int64_t& budget) {
  while (!panes_.empty() && plan_.expired(panes_.begin()->second.window, watermark)) {
    Pane& pane = panes_.begin()->second;
    if (!may_drop_table(*pane.table, budget)) return false;
    drop(pane);
  }
  for (auto it = late_panes_.begin(); it != late_panes_.end();) {
    Pane& pane = (it++)->second;
    if (!plan_.expired(pane.window, watermark)) continue;
    if (!may_drop_table(*pane.table, budget)) return false;
    drop(pane);
  }
  return drop_windows(totals_, tables_, watermark, budget) &&
         drop_windows(given_, given_pool_, watermark, budget);
}

bool PaneStore::drop_windows(WindowTables& windows, TablePool& pool, Micros watermark, int64_t& budget) {
  while (!windows.empty() && plan_.expired(windows.begin()->second.window, watermark)) {
    WindowTable& first = windows.begin()->second;
    if (!may_drop_table(*first.table, budget)) return false;
    if (first.stored) erased_.push_back(windows.begin()->first);
    pool.give_back(std::move(first.table));
    windows.erase(windows.begin());
  }
  return true;
}

void PaneStore::reclaim(int64_t come) {
  tables_.reclaim(come);
  given_pool_.reclaim(come);
}

PaneStore::Size PaneStore::size() const {
  Size size;
  const auto add = [&size](const KeyedTable& table) {
    size.keys += table.size();
    size.bytes += table.bytes();
  };
  for (const auto& [start, pane] : panes_) add(*pane.table);
  for (const auto& [place, pane] : late_panes_) add(*pane.table);
  for (const auto& [start, total] : totals_) add(*total.table);
  for (const auto& [start, given] : given_) add(*given.table);
  return size;
}

}  // namespace rideflow
