// The cells of a windowed step in a StateTable: (key group, table id, kind and key) -> row.
//
// A step's tables each have a prefix in front of the key, a byte for its kind (panes, totals, revisions) and
// what else tells tables apart, and an id that is the cell's slice; ids of tables that went away are erased.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/byte_codec.h"
#include "engine/keyed_table.h"
#include "engine/operator.h"

namespace rideflow {

class FrozenTables : public FrozenState {
 public:
  FrozenTables(KeyGroupRange range, int32_t key_groups) : range_(range), key_groups_(key_groups) {}
  void add(std::string prefix, int64_t id, std::unique_ptr<FrozenTable> table);
  // The cells of `id`, of all kinds, are dropped before the tables are written.
  void erase(std::vector<int64_t> ids) { erased_ = std::move(ids); }
  Status write(StateTable& table, bool full) override;

 private:
  struct Part {
    std::string prefix;
    int64_t id;
    std::unique_ptr<FrozenTable> table;
    Part(std::string p, int64_t i, std::unique_ptr<FrozenTable> t)
        : prefix(std::move(p)), id(i), table(std::move(t)) {}
  };
  Status give(bool changed_only, const TakeChange& take) const;

  KeyGroupRange range_;
  int32_t key_groups_;
  std::vector<Part> parts_;
  std::vector<int64_t> erased_;
};

// Calls find(cell, id) for the table of each cell in the range, which takes the prefix off the cell's key,
// and decodes the row into it. data_loss when find answers null or the bytes do not decode.
Status restore_tables(StateTable& cells, KeyGroupRange range,
                      const std::function<KeyedTable*(ByteReader& cell, int64_t id)>& find);

}  // namespace rideflow
