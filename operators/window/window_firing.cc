// The results of windows: which window fires next, putting hopping windows together, giving rows out.
#include <algorithm>
#include <bit>

#include "operators/window/window_operator.h"

namespace rideflow {

namespace {

constexpr int64_t kEntriesPerCall = 8192;  // about half a millisecond of work
constexpr int64_t kEntriesPerTable = 16;   // what a window or a dropped table costs, however few its entries
constexpr int64_t kDroppedForOne = 4;      // entries that are emptied in the time of giving one
constexpr int64_t kSmallTable = 1024;
constexpr size_t kTablesCounted = 16;  // for the metrics, at a watermark

// Of a row of hopping windows that subtract.
int64_t rows_behind(const std::byte* row) {
  int64_t rows;
  std::memcpy(&rows, row, sizeof(rows));
  return rows;
}

int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

}  // namespace

Result<Progress> WindowAggregate::on_watermark(Micros watermark, Output& out) {
  if (watermark <= watermark_) return Progress::done;
  progress_ = std::max(progress_, watermark_);
  int64_t budget = kEntriesPerCall;
  tables_.reclaim(budget);
  revision_tables_.reclaim(budget);
  while (job_.active || next_job(watermark)) {
    RF_ASSIGN(const bool done, run_job(budget, out));
    if (!done) return Progress::again;
    progress_ = job_.at;
    progress_start_ = job_.window.start;
    for (Pane* pane : job_.finished) drop_pane(*pane);
    job_ = Job();
    budget -= kEntriesPerTable;
    if (mode_ == Mode::direct) drop_expired(progress_, budget);
    if (budget <= 0) return Progress::again;
  }
  // Windows that fire one after the other share a batch.
  if (results_.pending() && !out.has_room()) return Progress::again;
  RF_TRY(results_.flush(out));
  if (!drop_expired(watermark, budget)) return Progress::again;
  watermark_ = progress_ = watermark;
  progress_start_ = kEndOfTime;
  const size_t tables = panes_.size() + late_panes_.size() + totals_.size() + given_.size();
  if (++uncounted_ * kTablesCounted >= tables || watermark == kEndOfTime) count_state();
  return Progress::done;
}

// ---- What fires next
// --------------------------------------------------------------------------------------------

bool WindowAggregate::next_job(Micros watermark) {
  switch (mode_) {
    case Mode::direct:
      return next_direct(watermark);
    case Mode::running:
      return next_running(watermark);
    case Mode::hopping:
      return next_hopping(watermark);
  }
  return false;
}

bool WindowAggregate::next_direct(Micros watermark) {
  // Panes that fired before may be kept for updates, many of them: the first that did not ends after this.
  auto next = panes_.begin();
  if (progress_ >= kNoTime + fire_delay_) next = panes_.upper_bound(progress_ - fire_delay_);
  if (next != panes_.begin()) --next;
  for (; next != panes_.end(); ++next) {
    Pane& pane = next->second;
    const Micros at = fire_at(pane.slice.end);
    if (at > watermark) return false;
    if (at <= progress_) continue;
    job_.active = true;
    job_.at = at;
    job_.window = pane.window;
    job_.event_time = pane.window.end - 1;
    job_.source = pane.table.get();
    return true;
  }
  return false;
}

// At a slice's end the pane goes into the totals and the changed keys are given; at a window's end all are.
// Windows that fire at the same time do so in order of their start.
bool WindowAggregate::next_running(Micros watermark) {
  Micros at = kEndOfTime;
  TimeRange window;
  bool any = false;
  const auto offer = [&](Micros end, const TimeRange& w) {
    if (end > watermark || std::pair(end, w.start) <= std::pair(progress_, progress_start_)) return;
    if (any && std::pair(end, w.start) >= std::pair(at, window.start)) return;
    at = end;
    window = w;
    any = true;
  };
  const auto offer_pane = [&](const Pane& pane) {
    each_window(pane, [&](const TimeRange& w) { offer(tick(pane, w), w); });
  };
  for (const auto& [start, pane] : panes_) {
    if (pane.at > std::min(at, watermark)) break;  // in order of it: none that fired is left
    offer_pane(pane);
  }
  for (const auto& [place, pane] : late_panes_) offer_pane(pane);
  for (auto it = totals_.rbegin(); it != totals_.rend() && it->second.window.end >= progress_; ++it) {
    offer(it->second.window.end, it->second.window);  // those before fired, kept for updates
  }
  if (!any) return false;

  Total& total = total_of(window);
  job_.active = true;
  job_.at = at;
  job_.window = window;
  if (spec_.kind == WindowKind::cumulating) job_.window.end = at;
  job_.event_time = at - 1;
  job_.source = total.table.get();
  plan_merges(window, at, total.table.get());
  return true;
}

// The panes whose rows the window counts at this time; where only the changed keys are given, they are those.
void WindowAggregate::plan_merges(const TimeRange& window, Micros at, KeyedTable* total) {
  std::vector<const KeyedTable*> parts;
  const auto take = [&](Pane& pane) {
    if (!holds(pane, window) || tick(pane, window) != at) return;
    parts.push_back(pane.table.get());
    if (window == pane.window) job_.finished.push_back(&pane);
  };
  for (auto it = panes_.begin(); it != panes_.end() && it->second.at <= at; ++it) take(it->second);
  for (auto& [place, pane] : late_panes_) take(pane);
  const bool only_changed = at != window.end;
  if (only_changed && parts.size() > 1) {
    KeyedTable& all = empty_scratch();
    for (const KeyedTable* part : parts) job_.merges.emplace_back(part, &all);
    parts = {&all};
  }
  for (const KeyedTable* part : parts) job_.merges.emplace_back(part, total);
  if (only_changed) job_.changed = parts.front();
}

// Whether a window counts the rows of a pane.
bool WindowAggregate::holds(const Pane& pane, const TimeRange& window) const {
  return pane.slice.start >= window.start && pane.slice.end <= window.end && window.end >= pane.first_end;
}

// The first window of the pane that has not fired, when there is one and it ends before `window`.
bool WindowAggregate::offer_window(const Pane& pane, TimeRange& window) const {
  if (fire_at(pane.window.end) <= progress_) return false;
  TimeRange w = first_window_of(spec_, pane.slice);
  while (fire_at(w.end) <= progress_ || w.end < pane.first_end) w = next_window(spec_, w);
  if (w.end >= window.end) return false;
  window = w;
  return true;
}

bool WindowAggregate::next_hopping(Micros watermark) {
  if (watermark < quiet_until_) return false;
  TimeRange window{kEndOfTime, kEndOfTime};
  for (auto it = panes_.lower_bound(fired_before_); it != panes_.end(); ++it) {
    if (offer_window(it->second, window)) break;  // later panes have no earlier window
    if (fire_at(it->second.window.end) <= progress_) fired_before_ = it->second.slice.end;
  }
  for (const auto& [place, pane] : late_panes_) offer_window(pane, window);
  quiet_until_ = window.end == kEndOfTime ? kEndOfTime : fire_at(window.end);
  if (window.end == kEndOfTime || quiet_until_ > watermark) return false;
  job_.active = true;
  job_.at = fire_at(window.end);
  job_.window = window;
  job_.event_time = window.end - 1;
  if (sliding_) {
    job_.source = &scratch();
    slide_to(window);
    return true;
  }
  std::vector<const KeyedTable*> tables;
  cover(ordinal(window.start), ordinal(window.end), tables);
  for (const auto& [place, pane] : late_panes_) {
    if (holds(pane, window)) tables.push_back(pane.table.get());
  }
  job_.source = &empty_scratch();
  for (const KeyedTable* table : tables) job_.merges.emplace_back(table, job_.source);
  return true;
}

void WindowAggregate::slide_to(const TimeRange& window) {
  const TimeRange next = next_window(spec_, window);
  const auto plan = [&](Pane& pane) {
    if (!pane.in_sliding && holds(pane, window)) {
      job_.merges.emplace_back(pane.table.get(), scratch_.get());
      pane.in_sliding = true;
    }
    if (pane.in_sliding && !holds(pane, next)) {
      job_.after.emplace_back(pane.table.get(), scratch_.get(), true);
      pane.in_sliding = false;
    }
  };
  auto it = panes_.lower_bound(window.start);  // what is in the sliding table lies in the window
  for (; it != panes_.end() && it->first < window.end; ++it) plan(it->second);
  for (auto& [place, pane] : late_panes_) plan(pane);
}

// The next window is built from its panes.
void WindowAggregate::restart_sliding() {
  empty_scratch();
  for (auto& [start, pane] : panes_) pane.in_sliding = false;
  for (auto& [place, pane] : late_panes_) pane.in_sliding = false;
}

void WindowAggregate::add_rows(std::byte* row, int64_t n) {
  int64_t rows;
  std::memcpy(&rows, row, sizeof(rows));
  rows += n;
  std::memcpy(row, &rows, sizeof(rows));
}

// ---- Running a job
// ----------------------------------------------------------------------------------------------

bool WindowAggregate::run_merges(const std::vector<MergeStep>& steps, int64_t& budget) {
  const RowLayout& layout = *accumulators_->layout();
  for (; job_.merge < steps.size(); ++job_.merge, job_.cursor = 0) {
    const MergeStep& step = steps[job_.merge];
    if (job_.cursor == 0) step.into->reserve(std::max(step.into->size(), step.from->size()));
    for (; job_.cursor < step.from->size(); ++job_.cursor) {
      if (budget-- <= 0) return false;
      const Key& key = step.from->key(job_.cursor);
      const std::byte* from = step.from->row(job_.cursor);
      std::byte* into = step.into->row_of(hash_key(key.view()), key);
      if (step.subtract) {
        layout.subtract(into, from);
      } else {
        layout.merge(into, from);
      }
      if (sliding_) add_rows(into, step.subtract ? -rows_behind(from) : rows_behind(from));
      if (spec_.kind == WindowKind::global) note_time(into, last_time_of(from));
    }
  }
  return true;
}

// True when the job is done.
Result<bool> WindowAggregate::run_job(int64_t& budget, Output& out) {
  if (!job_.given) {
    if (!run_merges(job_.merges, budget)) return false;
    const KeyedTable& keys = job_.changed ? *job_.changed : *job_.source;
    for (; job_.cursor < keys.size(); ++job_.cursor) {
      if (budget-- <= 0 || (results_.emits_next() && !out.has_room())) return false;
      RF_TRY(give_row(job_.cursor, keys.key(job_.cursor), out));
    }
    job_.given = true;
    job_.merge = 0;
    job_.cursor = 0;
    if (sliding_ && job_.empty > keys.size() / 2 + kSmallTable) {
      restart_sliding();
      job_.after.clear();
    }
  }
  return run_merges(job_.after, budget);
}

Status WindowAggregate::give_row(int64_t entry, const Key& key, Output& out) {
  const std::byte* row = (job_.changed ? job_.changed : job_.source)->row(entry);
  if (sliding_ && rows_behind(row) == 0) {
    ++job_.empty;
    return {};
  }
  int64_t revision = 0;
  if (revisions_) {
    const uint64_t hash = hash_key(key.view());
    std::byte* own = mode_ == Mode::hopping ? revisions_of(job_.window)->row_of(hash, key)
                     : job_.changed         ? job_.source->row_of(hash, key)
                                            : job_.source->mutable_row(entry);
    if (mode_ != Mode::hopping) row = own;
    revision = next_revision(own, job_.window);
  }
  const Micros time = job_.at == kEndOfTime ? last_time_of(row) : job_.event_time;
  return results_.add(key.view(), row, job_.window, time, revision, out);
}

int64_t WindowAggregate::next_revision(std::byte* row, const TimeRange& window) const {
  Emitted emitted;
  std::memcpy(&emitted, row, sizeof(emitted));
  if (emitted.end != window.end) emitted = {window.end, 0};
  const int64_t revision = emitted.count++;
  std::memcpy(row, &emitted, sizeof(emitted));
  return revision;
}

Micros WindowAggregate::last_time_of(const std::byte* row) {
  Micros time;
  std::memcpy(&time, row + kLastTime, sizeof(time));
  return time;
}

WindowAggregate::Total& WindowAggregate::total_of(const TimeRange& window) {
  Total& total = totals_[window.start];
  if (!total.table) {
    total.window = window;
    total.table = tables_.take();
  }
  return total;
}

KeyedTable& WindowAggregate::scratch() {
  if (!scratch_) scratch_ = tables_.take();
  return *scratch_;
}

KeyedTable& WindowAggregate::empty_scratch() {
  if (scratch_ && scratch_->size() > 0) tables_.give_back(std::move(scratch_));
  return scratch();
}

KeyedTable* WindowAggregate::revisions_of(const TimeRange& window) {
  Total& given = given_[window.start];
  if (!given.table) {
    given.window = window;
    given.table = revision_tables_.take();
  }
  return given.table.get();
}

// ---- Dropping
// ---------------------------------------------------------------------------------------------------

void WindowAggregate::drop_pane(Pane& pane) {
  if (mode_ == Mode::hopping) forget_nodes(pane);
  if (pane.stored) erased_.push_back(pane.id);
  tables_.give_back(std::move(pane.table));
  const auto plain = panes_.find(pane.slice.start);
  if (plain != panes_.end() && &plain->second == &pane) {
    panes_.erase(plain);
  } else {
    late_panes_.erase(std::tuple(pane.id, pane.slice.start, pane.first_end));
  }
}

// True when nothing that expired is left.
bool WindowAggregate::drop_expired(Micros watermark, int64_t& budget) {
  const auto gone = [&](const TimeRange& window) {
    return later(window.end, spec_.allowed_lateness) <= watermark;
  };
  const auto may_drop = [&](const KeyedTable& table) {
    if (budget <= 0) return false;
    budget -= kEntriesPerTable + table.size() / kDroppedForOne;
    return true;
  };
  while (!panes_.empty() && gone(panes_.begin()->second.window)) {
    Pane& pane = panes_.begin()->second;
    if (!may_drop(*pane.table)) return false;
    drop_pane(pane);
  }
  for (auto it = late_panes_.begin(); it != late_panes_.end();) {
    Pane& pane = (it++)->second;
    if (!gone(pane.window)) continue;
    if (!may_drop(*pane.table)) return false;
    drop_pane(pane);
  }
  const auto drop = [&](std::map<int64_t, Total>& tables, TablePool& pool) {
    for (auto it = tables.begin(); it != tables.end() && gone(it->second.window); it = tables.erase(it)) {
      if (!may_drop(*it->second.table)) return false;
      if (it->second.stored) erased_.push_back(it->first);
      pool.give_back(std::move(it->second.table));
    }
    return true;
  };
  return drop(totals_, tables_) && drop(given_, revision_tables_);
}

// Of many tables the metrics are some watermarks old: counting must not cost more than firing.
void WindowAggregate::count_state() {
  uncounted_ = 0;
  if (!context_.metrics) return;
  int64_t keys = 0;
  size_t bytes = 0;
  const auto add = [&](const KeyedTable& table) {
    keys += table.size();
    bytes += table.bytes();
  };
  for (const auto& [start, pane] : panes_) add(*pane.table);
  for (const auto& [place, pane] : late_panes_) add(*pane.table);
  for (const auto& [start, total] : totals_) add(*total.table);
  for (const auto& [start, given] : given_) add(*given.table);
  for (const auto& [place, table] : nodes_) bytes += table->bytes();
  context_.metrics->state_keys.set(keys);
  context_.metrics->state_bytes.set(static_cast<int64_t>(bytes));
}

// ---- Hopping: the tree of merged panes
// -----------------------------------------------------------------------------

int64_t WindowAggregate::ordinal(Micros start) const {
  return floor_div(start, ordinal_width_);
}

// Aligned runs of 2^level ordinals. The table may still have merges to run: they are in the job, in order.
void WindowAggregate::cover(int64_t begin, int64_t end, std::vector<const KeyedTable*>& tables) {
  while (begin < end) {
    const int longest = static_cast<int>(std::bit_width(static_cast<uint64_t>(end - begin))) - 1;
    const int aligned = begin == 0 ? longest : std::countr_zero(static_cast<uint64_t>(begin));
    const int level = std::min(longest, aligned);
    if (const KeyedTable* table = node(level, begin >> level)) tables.push_back(table);
    begin += int64_t{1} << level;
  }
}

const KeyedTable* WindowAggregate::node(int level, int64_t index) {
  const Micros begin = (index << level) * ordinal_width_;
  const Micros end = begin + (ordinal_width_ << level);
  const auto first = panes_.lower_bound(begin);
  if (first == panes_.end() || first->first >= end) return nullptr;
  const auto second = std::next(first);
  if (second == panes_.end() || second->first >= end) return first->second.table.get();  // the only pane
  std::unique_ptr<KeyedTable>& made = nodes_[{level, index}];
  if (made) return made.get();
  made = tables_.take();
  KeyedTable* table = made.get();
  for (const int64_t child : {index * 2, index * 2 + 1}) {
    if (const KeyedTable* part = node(level - 1, child)) job_.merges.emplace_back(part, table);
  }
  return table;
}

void WindowAggregate::forget_nodes(const Pane& pane) {
  if (nodes_.empty()) return;
  const int64_t at = ordinal(pane.slice.start);
  for (int level = 1; level < 48; ++level) {
    const auto it = nodes_.find({level, at >> level});
    if (it == nodes_.end()) continue;
    tables_.give_back(std::move(it->second));
    nodes_.erase(it);
  }
}

}  // namespace rideflow
