// What windowed steps share: the accumulators that a step's aggregates ask for.
#pragma once

#include <memory>
#include <vector>

#include "engine/catalog.h"
#include "engine/row_layout.h"

namespace rideflow {

// The distinct accumulators behind a step's calls (calls of one `share` key have one), and their updates.
// REQUIRES of the planner: arguments and filters are columns of the input or literals.
class Accumulators {
 public:
  static Result<std::unique_ptr<Accumulators>> make(const StepConfig& config, int extra_bytes);

  const std::shared_ptr<const RowLayout>& layout() const { return layout_; }
  // Adds the rows `selection` (null: all) of the batch to the accumulators: row r to those at rows[r].
  void update(const Batch& batch, std::byte* const* rows, const int32_t* selection, int32_t selected);
  // Appends the result of call i.
  Status finish(int call, const std::byte* row, ColumnBuilder& out) const {
    const Call& c = calls_[static_cast<size_t>(call)];
    return c.aggregate->finish(row + c.offset, out);
  }
  int calls() const { return static_cast<int>(calls_.size()); }

 private:
  struct Argument {
    int column = -1;
    Column constant;
  };
  struct Update {
    std::shared_ptr<const Aggregate> aggregate;
    int offset = 0;
    int filter = -1;  // column
    std::vector<Argument> arguments;
  };
  struct Call {
    std::shared_ptr<const Aggregate> aggregate;
    int offset = 0;
  };
  struct Filtered {
    int column = -1;
    std::vector<int32_t> rows;
  };
  const std::vector<int32_t>& filtered(const Batch& batch, int column, const int32_t* selection,
                                       int32_t selected);

  std::shared_ptr<const RowLayout> layout_;
  std::vector<Update> updates_;
  std::vector<Call> calls_;
  std::vector<Filtered> filtered_;  // of the batch at hand; reused
  size_t filters_used_ = 0;
};

// Of the step's key columns.
std::vector<Type> key_types(const StepConfig& config);

}  // namespace rideflow
