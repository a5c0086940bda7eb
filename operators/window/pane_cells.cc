// How the tables of a windowed step stand in a checkpoint.
#include "engine/byte_codec.h"
#include "operators/window/pane_store.h"
#include "operators/window/window_cells.h"

namespace rideflow {

namespace {

constexpr char kPaneCell = 'p';
constexpr char kLatePaneCell = 'l';   // and its first_end
constexpr char kEarlyPaneCell = 'e';  // the same of early results, and its slice
constexpr char kTotalCell = 't';
constexpr char kGivenCell = 'v';

}  // namespace

std::unique_ptr<FrozenState> PaneStore::freeze(KeyGroupRange range, int32_t key_groups) {
  auto frozen = std::make_unique<FrozenTables>(range, key_groups);
  const auto add = [&](std::string prefix, int64_t id, auto& from) {
    from.stored = from.stored || from.table->size() > 0;
    frozen->add(std::move(prefix), id, from.table->freeze());
  };
  for (auto& [start, pane] : panes_) add({kPaneCell}, pane.id, pane);
  const bool running = plan_.mode == WindowPlan::Mode::running;
  for (auto& [place, pane] : late_panes_) {
    std::string prefix = {running ? kEarlyPaneCell : kLatePaneCell};
    append_fixed(prefix, pane.first_end);
    if (running) append_fixed(prefix, pane.slice.start);
    add(std::move(prefix), pane.id, pane);
  }
  for (auto& [start, total] : totals_) add({kTotalCell}, start, total);
  for (auto& [start, given] : given_) add({kGivenCell}, start, given);
  frozen->erase(std::move(erased_));
  erased_.clear();
  return frozen;
}

KeyedTable* PaneStore::table_of_cell(ByteReader& cell, int64_t id) {
  const WindowSpec& spec = plan_.spec;
  const char kind = cell.get<char>();
  if (kind == kPaneCell || kind == kLatePaneCell || kind == kEarlyPaneCell) {
    const Micros counted = plan_.mode == WindowPlan::Mode::running ? id - 1 : id;
    const Micros first_end = kind == kPaneCell ? kNoTime : cell.get<Micros>();
    const Micros start = kind == kEarlyPaneCell ? cell.get<Micros>() : counted;
    Pane& pane = kind == kPaneCell ? panes_[start] : late_panes_[{id, start, first_end}];
    if (!pane.table) make(pane, slice_of(spec, start), slice_of(spec, counted));
    pane.first_end = first_end;
    return pane.table.get();
  }
  const TimeRange always{kNoTime, kEndOfTime};
  const TimeRange window = id == kNoTime ? always : last_window_of(spec, slice_of(spec, id));
  if (kind == kTotalCell) return total_of(window).table.get();
  return kind == kGivenCell ? given_of(window) : nullptr;
}

Status PaneStore::restore(StateTable& cells, KeyGroupRange range) {
  RF_TRY(
      restore_tables(cells, range, [this](ByteReader& cell, int64_t id) { return table_of_cell(cell, id); }));
  const auto in_store = [](auto& from) {
    from.table->mark_all_clean();
    from.stored = true;
  };
  each_pane(in_store);
  for (auto& [start, total] : totals_) in_store(total);
  for (auto& [start, given] : given_) in_store(given);
  return {};
}

// Whether a hopping window's rows are counted depends on its aggregates. A row that was not counted holds
// something, which is all that the number is asked for: one row stands for it, added and taken back like any.
Result<std::string> PaneStore::migrate_cell(const WindowPlan& plan, const RowLayout& layout,
                                            const CellKey& cell, std::string_view value,
                                            const StateMigration& migration) {
  if (!cell.key.empty() && cell.key.front() == kGivenCell) return std::string(value);
  std::string extra;
  if (plan.mode == WindowPlan::Mode::sliding) append_fixed(extra, int64_t{1});
  extra.resize(static_cast<size_t>(layout.extra()));
  return migrate_row(value, migration, layout, extra);
}

}  // namespace rideflow
