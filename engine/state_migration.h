// Reading the cells of a step as they were before the job was edited.
//
// A restored attempt begins with an empty store and writes its cells whole at its first barrier, so cells of
// two layouts never stand in one store: what is read through MigratedCells has the present layout, and only
// that is written.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/row_layout.h"
#include "engine/state_table.h"
#include "engine/state_type.h"

namespace rideflow {

// What an operator offers whose cells hold rows of accumulators. Found by dynamic_cast: one without it reads
// only cells of its own type.
class MigratesState {
 public:
  virtual ~MigratesState() = default;
  virtual const RowLayout& row_layout() const = 0;
  // Whether rows of the input wait in its cells.
  virtual bool holds_rows() const { return false; }
  // The value of a cell written under the stored type, under the present one. data_loss when it is damaged.
  virtual Result<std::string> migrate_cell(const CellKey& cell, std::string_view value,
                                           const StateMigration& migration) const = 0;
};

// A row of accumulators: kept ones move to their place, new ones are empty. The leading bytes are those
// stored, or `extra` where their number changed. REQUIRES: extra has the layout's number of them.
Result<std::string> migrate_row(std::string_view stored, const StateMigration& migration,
                                const RowLayout& layout, std::string_view extra);
// A row of input columns; those that were not held before are null.
Result<std::string> migrate_held_row(std::string_view stored, const StateMigration& migration,
                                     const Schema& columns);

// The cells of `stored`, which must outlive it, with migrated values. Read-only.
class MigratedCells : public StateTable {
 public:
  using Migrate = std::function<Result<std::string>(const CellKey& cell, std::string_view value)>;
  MigratedCells(StateTable& stored, Migrate migrate) : stored_(stored), migrate_(std::move(migrate)) {}

  Result<std::vector<std::optional<std::string>>> get(std::span<const CellKey> keys) override;
  Status apply(const EachChange& changes) override;
  Status erase_slices(KeyGroupRange groups, int64_t begin_slice, int64_t end_slice) override;
  Status scan(KeyGroupRange groups, const Visit& visit) override;

 private:
  StateTable& stored_;
  Migrate migrate_;
};

}  // namespace rideflow
