#include "operators/window_cells.h"

#include <algorithm>
#include <tuple>

namespace rideflow {

void FrozenTables::add(std::string prefix, int64_t id, std::unique_ptr<FrozenTable> table) {
  parts_.emplace_back(std::move(prefix), id, std::move(table));
}

Status FrozenTables::write(StateTable& table, bool full) {
  if (full) RF_TRY(table.erase_slices(range_, INT64_MIN, INT64_MAX));
  std::sort(erased_.begin(), erased_.end());
  erased_.erase(std::unique(erased_.begin(), erased_.end()), erased_.end());  // several kinds had one
  for (size_t i = 0; i < erased_.size() && !full; ++i) {
    RF_TRY(table.erase_slices(range_, erased_[i], erased_[i] + 1));
  }
  std::vector<CellChange> changes;
  for (const Part& part : parts_) {
    part.table->each(!full, [&](std::string_view key, const std::byte* row) {
      CellChange& change = changes.emplace_back();
      change.group = key_group_of(hash_key(key), key_groups_);
      change.slice = part.id;
      change.key.reserve(part.prefix.size() + key.size());
      change.key.append(part.prefix).append(key);
      part.table->layout().encode(row, change.value.emplace());
    });
  }
  std::sort(changes.begin(), changes.end(), [](const CellChange& a, const CellChange& b) {
    return std::tie(a.group, a.slice, a.key) < std::tie(b.group, b.slice, b.key);
  });
  return changes.empty() ? Status() : table.apply(changes);
}

Status restore_tables(StateTable& cells, KeyGroupRange range,
                      const std::function<KeyedTable*(StateReader& cell, int64_t id)>& find) {
  return cells.scan(range, [&](const CellKey& cell, std::string_view value) -> Status {
    StateReader reader(cell.key);
    KeyedTable* table = find(reader, cell.slice);
    if (!table || reader.failed()) {
      return Status::external(Code::data_loss, "The state holds a cell of an unknown kind.");
    }
    const std::string_view key = reader.rest();
    return table->layout().decode(value, table->row_of(hash_key(key), Key::of(key)));
  });
}

}  // namespace rideflow
