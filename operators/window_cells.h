// The cells of a windowed step in a StateTable: (key group, table id, kind and key) -> row.
//
// A step's tables each have a kind, one byte in front of the key (panes, totals, revisions), and an id that
// is the cell's slice; ids of tables that went away are erased as ranges.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/keyed_table.h"
#include "engine/operator.h"

namespace rideflow {

class FrozenTables : public FrozenState {
 public:
  FrozenTables(KeyGroupRange range, int32_t key_groups) : range_(range), key_groups_(key_groups) {}
  void add(char kind, int64_t id, std::unique_ptr<FrozenTable> table);
  // The cells of `id`, of all kinds, are dropped before the tables are written.
  void erase(std::vector<int64_t> ids) { erased_ = std::move(ids); }
  Status write(StateTable& table, bool full) override;

 private:
  struct Part {
    char kind;
    int64_t id;
    std::unique_ptr<FrozenTable> table;
    Part(char k, int64_t i, std::unique_ptr<FrozenTable> t) : kind(k), id(i), table(std::move(t)) {}
  };
  KeyGroupRange range_;
  int32_t key_groups_;
  std::vector<Part> parts_;
  std::vector<int64_t> erased_;
};

// Calls find(kind, id) for the table of each cell in the range and decodes the row into it. data_loss when
// find answers null or the bytes do not decode.
Status restore_tables(StateTable& cells, KeyGroupRange range,
                      const std::function<KeyedTable*(char kind, int64_t id)>& find);

}  // namespace rideflow
