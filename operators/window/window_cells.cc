#include "operators/window/window_cells.h"

#include <algorithm>

#include "engine/cell_sorter.h"

namespace rideflow {

namespace {
constexpr size_t kRowsAhead = 12;
}

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
  return table.apply([&](const TakeChange& take) { return give(!full, take); });
}

// Rows are sorted by key group first, where they lie; then the cells of one group after the other are
// encoded, sorted and given. Frozen rows stay where they are.
Status FrozenTables::give(bool changed_only, const TakeChange& take) const {
  struct Row {
    const Part* part;
    const std::byte* row;
  };
  std::vector<std::vector<Row>> groups(static_cast<size_t>(key_groups_));
  for (const Part& part : parts_) {
    part.table->each(changed_only, [&](std::string_view key, const std::byte* row) {
      groups[static_cast<size_t>(key_group_of(hash_key(key), key_groups_).value)].push_back({&part, row});
    });
  }
  CellSorter sorter;
  for (size_t g = 0; g < groups.size(); ++g) {
    const std::vector<Row>& rows = groups[g];
    for (size_t i = 0; i < rows.size(); ++i) {
      // They lie all over the table: a third of a checkpoint was waiting for memory.
      if (i + kRowsAhead < rows.size()) __builtin_prefetch(&KeyedTable::key_of(rows[i + kRowsAhead].row));
      const Row& row = rows[i];
      std::string& value = sorter.put(KeyGroup(static_cast<int32_t>(g)), row.part->id, row.part->prefix,
                                      KeyedTable::key_of(row.row).view());
      row.part->table->layout().encode(row.row, value);
    }
    groups[g] = {};
    RF_TRY(sorter.drain(take));
  }
  return {};
}

namespace {

// Rows that are decoded into one table after the other. Many keys are looked up together, so that the table
// can fetch their places ahead.
class RowLoader {
 public:
  // `key` and `row` are copied.
  Status add(KeyedTable& table, std::string_view key, std::string_view row) {
    if (table_ != &table || keys_.size() == kRows) RF_TRY(flush());
    table_ = &table;
    keys_.push_back(copy(key));
    rows_.push_back(copy(row));
    return {};
  }

  Status flush() {
    std::vector<Key> keys;
    std::vector<uint64_t> hashes;
    for (const Piece& piece : keys_) {
      keys.push_back(Key::of(view(piece)));
      hashes.push_back(hash_key(view(piece)));
    }
    std::vector<std::byte*> places(keys.size());
    if (table_) {
      table_->lookup_or_insert(hashes.data(), keys.data(), nullptr, static_cast<int32_t>(keys.size()),
                               places.data());
    }
    for (size_t i = 0; i < rows_.size(); ++i) RF_TRY(table_->layout().decode(view(rows_[i]), places[i]));
    keys_.clear();
    rows_.clear();
    bytes_.clear();
    return {};
  }

 private:
  static constexpr size_t kRows = 1024;
  struct Piece {
    size_t at, size;
  };
  Piece copy(std::string_view bytes) {
    const Piece piece{bytes_.size(), bytes.size()};
    bytes_.append(bytes);
    return piece;
  }
  std::string_view view(const Piece& piece) const {
    return std::string_view(bytes_).substr(piece.at, piece.size);
  }

  KeyedTable* table_ = nullptr;
  std::vector<Piece> keys_, rows_;
  std::string bytes_;
};

}  // namespace

Status restore_tables(StateTable& cells, KeyGroupRange range,
                      const std::function<KeyedTable*(ByteReader& cell, int64_t id)>& find) {
  RowLoader loader;
  const Status scanned = cells.scan(range, [&](const CellKey& cell, std::string_view value) -> Status {
    ByteReader reader(cell.key);
    KeyedTable* table = find(reader, cell.slice);
    if (!table || !reader.ok()) {
      return Status::external(Code::data_loss, "The state holds a cell of an unknown kind.");
    }
    return loader.add(*table, reader.rest(), value);
  });
  RF_TRY(scanned);
  return loader.flush();
}

}  // namespace rideflow
