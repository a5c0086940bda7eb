// window: aggregates by key over tumbling, hopping, cumulating and global windows. This file takes rows in
// and keeps state; window_firing.cc gives results out.
#include <algorithm>

#include "engine/rejected.h"
#include "engine/state_codec.h"
#include "engine/window_overlap.h"
#include "operators/window/window_operator.h"

namespace rideflow {

namespace {

constexpr char kPaneCell = 'p';
constexpr char kLatePaneCell = 'l';   // and its first_end
constexpr char kEarlyPaneCell = 'e';  // the same of early results, and its slice
constexpr char kTotalCell = 't';
constexpr char kGivenCell = 'v';

bool can_slide(const StepConfig& config) {
  return windows_overlap(*config.window) && !config.window->every &&
         std::all_of(config.aggregates.begin(), config.aggregates.end(),
                     [](const AggregateCall& call) { return call.aggregate->can_subtract(); });
}

bool is_running(const WindowSpec& spec) {
  return spec.every.has_value() || spec.kind == WindowKind::cumulating;
}

}  // namespace

bool WindowAggregate::has_revisions(const WindowSpec& spec) {
  return spec.emit == Emit::updates || is_running(spec);
}

int WindowAggregate::extra_bytes(const StepConfig& config) {
  const WindowSpec& spec = *config.window;
  if (spec.kind == WindowKind::global) return static_cast<int>(kLastTime + sizeof(Micros));
  if (windows_overlap(spec) && !spec.every) return can_slide(config) ? static_cast<int>(sizeof(int64_t)) : 0;
  return has_revisions(spec) ? static_cast<int>(sizeof(Emitted)) : 0;
}

WindowAggregate::WindowAggregate(std::shared_ptr<const StepConfig> config,
                                 std::unique_ptr<Accumulators> accumulators, SchemaRef schema)
    : config_(std::move(config)),
      spec_(*config_->window),
      mode_(is_running(spec_)        ? Mode::running
            : windows_overlap(spec_) ? Mode::hopping
                                     : Mode::direct),
      revisions_(has_revisions(spec_)),
      fire_delay_(revisions_ ? 0 : spec_.allowed_lateness),
      sliding_(can_slide(*config_)),
      overlapping_(windows_overlap(spec_)),
      accumulators_(std::move(accumulators)),
      late_schema_(late_schema(*config_->input)),
      results_(*config_, *accumulators_, std::move(schema), revisions_, kRejectedPort),
      tables_(std::make_shared<PagePool>(accumulators_->layout())),
      revision_tables_(std::make_shared<PagePool>(std::make_shared<const RowLayout>(
          std::vector<std::shared_ptr<const Aggregate>>(), static_cast<int>(sizeof(Emitted))))),
      encoder_(key_types(*config_)) {}

WindowAggregate::~WindowAggregate() = default;

Status WindowAggregate::open(const OpenContext& context) {
  context_ = context;
  results_.open(context);
  if (mode_ == Mode::hopping) {
    // Zones and months make slices of unequal length: half of one is less than the shortest.
    const TimeRange slice = slice_of(spec_, 0);
    const bool equal =
        (!spec_.zone || spec_.zone->is_utc()) && (spec_.size.is_fixed() || spec_.slide.is_fixed());
    ordinal_width_ = std::max<int64_t>((slice.end - slice.start) / (equal ? 1 : 2), 1);
  }
  return {};
}

Micros WindowAggregate::later(Micros t, Micros by) {
  Micros sum = 0;
  return __builtin_add_overflow(t, by, &sum) ? kEndOfTime : sum;
}

Micros WindowAggregate::output_watermark(Micros watermark) const {
  return watermark < kNoTime + spec_.allowed_lateness ? kNoTime : watermark - spec_.allowed_lateness;
}

// ---- Rows to panes
// ----------------------------------------------------------------------------------------------

bool WindowAggregate::expired(const TimeRange& window) const {
  return watermark_ != kNoTime && later(window.end, spec_.allowed_lateness) <= watermark_;
}

// The pane of a row, or null when its windows are gone. `effective`: the later of its time and its
// partition's watermark before it. Early results count rows from there; for hopping windows a row may be too
// late for the first of its windows only.
WindowAggregate::Pane* WindowAggregate::pane_for(Micros time, Micros effective) {
  TimeRange slice = slice_of(spec_, time);
  const auto found = effective == time ? panes_.find(slice.start) : panes_.end();
  if (found != panes_.end()) return expired(found->second.window) ? nullptr : &found->second;
  const TimeRange window = last_window_of(spec_, slice);
  if (expired(window)) return nullptr;
  if (effective > time) {
    if (overlapping_) return late_pane_for(slice, effective);
    if (mode_ == Mode::running) slice = slice_of(spec_, std::min(effective, window.end - 1));
  }
  Pane& pane = panes_[slice.start];
  if (!pane.table) make_pane(pane, slice, slice);
  return &pane;
}

WindowAggregate::Pane* WindowAggregate::late_pane_for(const TimeRange& slice, Micros partition_watermark) {
  TimeRange window = first_window_of(spec_, slice);
  const bool from_first = later(window.end, spec_.allowed_lateness) > partition_watermark;
  while (later(window.end, spec_.allowed_lateness) <= partition_watermark)
    window = next_window(spec_, window);
  TimeRange counted = slice;
  if (mode_ == Mode::running)
    counted = slice_of(spec_, std::min(partition_watermark, last_window_of(spec_, slice).end - 1));
  const Micros first_end = from_first ? kNoTime : window.end;
  const bool plain = from_first && counted == slice;
  Pane& pane = plain ? panes_[slice.start] : late_panes_[{state_id(counted.start), slice.start, first_end}];
  if (!pane.table) make_pane(pane, slice, counted);
  pane.first_end = first_end;
  return &pane;
}

void WindowAggregate::make_pane(Pane& pane, const TimeRange& slice, const TimeRange& counted) {
  pane.slice = slice;
  pane.window = last_window_of(spec_, slice);
  pane.at = counted.end;
  pane.id = state_id(counted.start);
  pane.table = tables_.take();
  quiet_until_ = kNoTime;
  fired_before_ = std::min(fired_before_, slice.start);
}

// The common case: every row of the batch lies in one slice.
bool WindowAggregate::assign_all(const Batch& batch) {
  if (mode_ != Mode::direct && !batch.behind.empty()) return false;
  const Micros* times = batch.event_times();
  const auto [least, most] = std::minmax_element(times, times + batch.rows);
  Pane* pane = pane_for(*least, *least);
  if (!pane || *most >= pane->slice.end) return false;
  groups_[0].pane = pane;
  groups_[0].all = true;
  groups_used_ = 1;
  return true;
}

// The pane's group in this batch, which may have one for every row.
WindowAggregate::Group& WindowAggregate::group_of(Pane& pane) {
  if (pane.batch != batches_) {
    if (groups_used_ == groups_.size()) groups_.emplace_back();
    pane.batch = batches_;
    pane.group = groups_used_++;
    groups_[pane.group].pane = &pane;
    groups_[pane.group].all = false;
    groups_[pane.group].rows.clear();
  }
  return groups_[pane.group];
}

void WindowAggregate::assign(const Batch& batch) {
  late_.clear();
  groups_used_ = 0;
  ++batches_;
  if (groups_.empty()) groups_.emplace_back();
  groups_[0].all = false;
  if (assign_all(batch)) return;
  const Micros* times = batch.event_times();
  auto behind = batch.behind.begin();
  Group* last = nullptr;
  for (int32_t row = 0; row < batch.rows; ++row) {
    const Micros time = times[row];
    Micros effective = time;
    BehindReason reason = BehindReason::idle;
    if (behind != batch.behind.end() && behind->row == row) {
      effective = std::max(time, behind->partition_watermark);
      if (behind->reason != BehindReason::late) reason = behind->reason;
      ++behind;
    }
    const bool same =
        last && effective == time && time >= last->pane->slice.start && time < last->pane->slice.end;
    if (!same) {
      Pane* pane = pane_for(time, effective);
      if (!pane) {
        late_.push_back({row, last_window_of(spec_, slice_of(spec_, time)), reason});
        continue;
      }
      Group& group = group_of(*pane);
      group.rows.push_back(row);
      last = effective == time ? &group : nullptr;
      continue;
    }
    last->rows.push_back(row);
  }
}

Result<Progress> WindowAggregate::process(int, Batch& batch, Output& out) {
  if (batch.rows == 0) return Progress::done;
  if (!batch.event_time) return Status::internal("a window got rows without event time");
  tables_.reclaim(batch.rows);
  revision_tables_.reclaim(batch.rows);
  assign(batch);
  const std::span<const Key> keys = encoder_.encode(batch, config_->keys);
  const uint64_t* hashes = batch.key_hash.as<uint64_t>();
  if (!batch.key_hash) {
    hashes_.clear();
    for (const Key& key : keys) hashes_.push_back(hash_key(key.view()));
    hashes = hashes_.data();
  }
  rows_.resize(static_cast<size_t>(batch.rows));
  live_.clear();
  for (size_t g = 0; g < groups_used_; ++g) {
    Group& group = groups_[g];
    const auto n = group.all ? batch.rows : static_cast<int32_t>(group.rows.size());
    group.pane->table->lookup_or_insert(hashes, keys.data(), group.all ? nullptr : group.rows.data(), n,
                                        rows_.data());
    if (mode_ == Mode::hopping && group.pane->first_end == kNoTime) forget_nodes(*group.pane);
    if (!late_.empty()) live_.insert(live_.end(), group.rows.begin(), group.rows.end());
  }
  const auto live = late_.empty() ? batch.rows : static_cast<int32_t>(live_.size());
  if (live > 0) accumulators_->update(batch, rows_.data(), late_.empty() ? nullptr : live_.data(), live);
  if (sliding_) count_rows(batch, keys, hashes);
  if (spec_.kind == WindowKind::global) {
    for (int32_t row = 0; row < batch.rows; ++row)
      note_time(rows_[static_cast<size_t>(row)], batch.event_times()[row]);
  }
  if (context_.metrics) context_.metrics->rows_absorbed.add(live);
  if (!late_.empty()) out.emit(kLatePort, late_rows(batch, late_, late_schema_));
  if (revisions_) RF_TRY(late_updates(batch, keys, hashes, out));
  return Progress::done;
}

// Hopping windows that subtract: rows of panes that are in the sliding table already go into both.
void WindowAggregate::count_rows(const Batch& batch, std::span<const Key> keys, const uint64_t* hashes) {
  for (size_t g = 0; g < groups_used_; ++g) {
    const Group& group = groups_[g];
    const int32_t* selection = group.all ? nullptr : group.rows.data();
    const auto n = group.all ? batch.rows : static_cast<int32_t>(group.rows.size());
    const auto add = [&](const std::vector<std::byte*>& rows) {
      for (int32_t i = 0; i < n; ++i) add_rows(rows[static_cast<size_t>(selection ? selection[i] : i)], 1);
    };
    add(rows_);
    if (!group.pane->in_sliding) continue;
    std::vector<std::byte*> sliding(rows_.size());
    scratch_->lookup_or_insert(hashes, keys.data(), selection, n, sliding.data());
    accumulators_->update(batch, sliding.data(), selection, n);
    add(sliding);
  }
}

// REQUIRES: a global window, whose rows are never late.
void WindowAggregate::note_time(std::byte* row, Micros time) const {
  Micros last;
  std::memcpy(&last, row + kLastTime, sizeof(last));
  if (last != 0 && last >= time) return;  // 0: new
  std::memcpy(row + kLastTime, &time, sizeof(time));
}

// ---- Rows for windows that have fired
// ---------------------------------------------------------------------------

std::vector<int32_t> WindowAggregate::one_row_per_key(const Group& group, int32_t batch_rows) const {
  std::vector<int32_t> rows = group.rows;
  if (group.all) {
    rows.resize(static_cast<size_t>(batch_rows));
    for (int32_t i = 0; i < batch_rows; ++i) rows[static_cast<size_t>(i)] = i;
  }
  const auto row_of = [this](int32_t r) { return rows_[static_cast<size_t>(r)]; };
  std::sort(rows.begin(), rows.end(), [&](int32_t a, int32_t b) { return row_of(a) < row_of(b); });
  const auto same = [&](int32_t a, int32_t b) { return row_of(a) == row_of(b); };
  rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
  return rows;
}

Status WindowAggregate::late_updates(const Batch& batch, std::span<const Key> keys, const uint64_t* hashes,
                                     Output& out) {
  if (watermark_ == kNoTime) return {};
  for (size_t g = 0; g < groups_used_; ++g) {
    Group& group = groups_[g];
    const Micros first_end = overlapping_ ? first_window_of(spec_, group.pane->slice).end : kEndOfTime;
    const Micros fired_at = mode_ == Mode::hopping ? first_end : std::min(group.pane->at, first_end);
    if (fired_at > watermark_) continue;
    if (mode_ == Mode::running && overlapping_) {
      RF_TRY(update_totals(group, batch, keys, hashes, out));
      continue;
    }
    group.rows = one_row_per_key(group, batch.rows);
    RF_TRY(mode_ == Mode::hopping ? update_hopping(group, group.rows, keys, hashes, out)
                                  : update_now(group, keys, hashes, out));
  }
  return results_.flush(out);
}

// Direct: the rows are the results. Running: the pane, made anew for these rows, goes into the total.
Status WindowAggregate::update_now(Group& group, std::span<const Key> keys, const uint64_t* hashes,
                                   Output& out) {
  Pane& pane = *group.pane;
  const bool running = mode_ == Mode::running;
  TimeRange window = pane.window;
  if (spec_.kind == WindowKind::cumulating) window.end = pane.slice.end;
  for (const int32_t r : group.rows) {
    const auto i = static_cast<size_t>(r);
    std::byte* row = rows_[i];
    if (running) {
      row = total_of(pane.window).table->row_of(hashes[i], keys[i]);
      accumulators_->layout()->merge(row, rows_[i]);
      if (spec_.kind == WindowKind::global) note_time(row, last_time_of(rows_[i]));
    }
    RF_TRY(results_.add(keys[i].view(), row, window, pane.slice.end - 1, next_revision(row, window), out));
  }
  if (running) drop_pane(pane);
  return {};
}

// Hopping windows with early results: those that have passed the rows' tick count them now, the others when
// it comes, from the pane.
Status WindowAggregate::update_totals(const Group& group, const Batch& batch, std::span<const Key> keys,
                                      const uint64_t* hashes, Output& out) {
  Pane& pane = *group.pane;
  KeyedTable& added = empty_scratch();
  const int32_t* selection = group.all ? nullptr : group.rows.data();
  const auto n = group.all ? batch.rows : static_cast<int32_t>(group.rows.size());
  std::vector<std::byte*> rows(static_cast<size_t>(batch.rows));
  added.lookup_or_insert(hashes, keys.data(), selection, n, rows.data());
  accumulators_->update(batch, rows.data(), selection, n);
  Status status;
  each_window(pane, [&](const TimeRange& window) {
    if (tick(pane, window) > watermark_ || expired(window)) return;
    KeyedTable& total = *total_of(window).table;
    for (int64_t i = 0; i < added.size() && status.ok(); ++i) {
      const Key& key = added.key(i);
      std::byte* row = total.row_of(hash_key(key.view()), key);
      accumulators_->layout()->merge(row, added.row(i));
      status = results_.add(key.view(), row, window, tick(pane, window) - 1, next_revision(row, window), out);
    }
  });
  if (pane.at <= watermark_) drop_pane(pane);
  return status;
}

Status WindowAggregate::update_hopping(const Group& group, const std::vector<int32_t>& rows,
                                       std::span<const Key> keys, const uint64_t* hashes, Output& out) {
  const RowLayout& layout = *accumulators_->layout();
  const std::unique_ptr<std::byte[]> sum(new std::byte[static_cast<size_t>(layout.size())]);
  TimeRange window = first_window_of(spec_, group.pane->slice);
  for (; window.start <= group.pane->slice.start && window.end <= watermark_;
       window = next_window(spec_, window)) {
    if (expired(window) || !holds(*group.pane, window)) continue;
    for (const int32_t r : rows) {
      const auto i = static_cast<size_t>(r);
      layout.init(sum.get());
      for (auto p = panes_.lower_bound(window.start); p != panes_.end() && p->first < window.end; ++p) {
        if (const std::byte* part = p->second.table->find(hashes[i], keys[i])) layout.merge(sum.get(), part);
      }
      for (const auto& [place, pane] : late_panes_) {
        const std::byte* part = holds(pane, window) ? pane.table->find(hashes[i], keys[i]) : nullptr;
        if (part) layout.merge(sum.get(), part);
      }
      std::byte* given = revisions_of(window)->row_of(hashes[i], keys[i]);
      const Status status =
          results_.add(keys[i].view(), sum.get(), window, window.end - 1, next_revision(given, window), out);
      layout.destroy(sum.get());
      RF_TRY(status);
    }
  }
  return {};
}

// ---- State
// ------------------------------------------------------------------------------------------------------

std::unique_ptr<FrozenState> WindowAggregate::freeze(Epoch) {
  auto frozen = std::make_unique<FrozenTables>(context_.range, context_.key_groups);
  const auto add = [&](std::string prefix, int64_t id, auto& from) {
    from.stored = from.stored || from.table->size() > 0;
    frozen->add(std::move(prefix), id, from.table->freeze());
  };
  for (auto& [start, pane] : panes_) add({kPaneCell}, pane.id, pane);
  for (auto& [place, pane] : late_panes_) {
    std::string prefix = {mode_ == Mode::running ? kEarlyPaneCell : kLatePaneCell};
    append_fixed(prefix, pane.first_end);
    if (mode_ == Mode::running) append_fixed(prefix, pane.slice.start);
    add(std::move(prefix), pane.id, pane);
  }
  for (auto& [start, total] : totals_) add({kTotalCell}, start, total);
  for (auto& [start, given] : given_) add({kGivenCell}, start, given);
  frozen->erase(std::move(erased_));
  erased_.clear();
  return frozen;
}

Status WindowAggregate::restore(StateTable& table) {
  RF_TRY(restore_tables(table, context_.range, [this](StateReader& cell, int64_t id) -> KeyedTable* {
    const char kind = cell.fixed<char>();
    if (kind == kPaneCell || kind == kLatePaneCell || kind == kEarlyPaneCell) {
      const Micros counted = mode_ == Mode::running ? id - 1 : id;
      const Micros first_end = kind == kPaneCell ? kNoTime : cell.fixed<Micros>();
      const Micros start = kind == kEarlyPaneCell ? cell.fixed<Micros>() : counted;
      Pane& pane = kind == kPaneCell ? panes_[start] : late_panes_[{id, start, first_end}];
      if (!pane.table) make_pane(pane, slice_of(spec_, start), slice_of(spec_, counted));
      pane.first_end = first_end;
      return pane.table.get();
    }
    const TimeRange always{kNoTime, kEndOfTime};
    const TimeRange window = id == kNoTime ? always : last_window_of(spec_, slice_of(spec_, id));
    if (kind == kTotalCell) return total_of(window).table.get();
    return kind == kGivenCell ? revisions_of(window) : nullptr;
  }));
  const auto in_store = [](auto& from) {
    from.table->mark_all_clean();
    from.stored = true;
  };
  for (auto& [start, pane] : panes_) in_store(pane);
  for (auto& [place, pane] : late_panes_) in_store(pane);
  for (auto& [start, total] : totals_) in_store(total);
  for (auto& [start, given] : given_) in_store(given);
  return {};
}

// Whether a hopping window's rows are counted depends on its aggregates. A row that was not counted holds
// something, which is all that the number is asked for: one row stands for it, added and taken back like any.
Result<std::string> WindowAggregate::migrate_cell(const CellKey& cell, std::string_view value,
                                                  const StateMigration& migration) const {
  if (!cell.key.empty() && cell.key.front() == kGivenCell) return std::string(value);
  std::string extra;
  if (sliding_) append_fixed(extra, int64_t{1});
  extra.resize(static_cast<size_t>(row_layout().extra()));
  return migrate_row(value, migration, row_layout(), extra);
}

std::string WindowAggregate::small_state() {
  std::string out;
  append_fixed(out, watermark_);
  return out;
}

Status WindowAggregate::restore_small_state(std::span<const std::string> blobs) {
  for (const std::string& blob : blobs) {
    StateReader in(blob);
    watermark_ = std::max(watermark_, in.fixed<Micros>());
    if (!in.complete())
      return Status::external(Code::data_loss, "The state of a window step does not decode.");
  }
  progress_ = watermark_;
  return {};
}

// ---- Registration
// -----------------------------------------------------------------------------------------------

namespace {

Status check(const StepConfig& config) {
  if (!config.window) return Status::internal("a window step needs a window");
  if (config.window->kind == WindowKind::session) return Status::internal("sessions are a step of their own");
  for (const Type& type : key_types(config)) RF_TRY(KeyEncoder::check(type));
  return {};
}

SchemaRef output_schema(const StepConfig& config) {
  return window_schema(config, config.window->kind == WindowKind::global,
                       WindowAggregate::has_revisions(*config.window));
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(window) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "window";
  kind.doc = "Aggregates by key over tumbling, hopping, cumulating and global windows of event time.";
  kind.outputs = {{"late", "rows whose windows are gone, because their input had been idle"},
                  {"rejected", "results that overflow their type"}};
  kind.keyed = true;
  kind.stateful = true;
  kind.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    RF_TRY(check(config));
    return std::vector<SchemaRef>{output_schema(config), late_schema(*config.input), rejected_schema()};
  };
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    RF_TRY(check(*config));
    RF_ASSIGN(auto accumulators, Accumulators::make(*config, WindowAggregate::extra_bytes(*config)));
    SchemaRef schema = output_schema(*config);
    return std::unique_ptr<Operator>(
        std::make_unique<WindowAggregate>(std::move(config), std::move(accumulators), std::move(schema)));
  };
  catalog.add(std::move(kind));
}
