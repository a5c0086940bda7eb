// What windowed steps share: the accumulators that a step's aggregates ask for, and the batches of results.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/catalog.h"
#include "engine/key_encoder.h"
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

// Columns of a windowed step's output: keys, window_start, window_end, aggregates, _revision when
// `revisions`. `open_ended`: global windows have no bounds, and null stands for them.
SchemaRef window_schema(const StepConfig& config, bool open_ended, bool revisions);

// Collects result rows and emits them in batches. Rows whose aggregate fails (overflow) go to
// `rejected_port`.
class WindowResults {
 public:
  WindowResults(const StepConfig& config, const Accumulators& accumulators, SchemaRef schema, bool revisions,
                int rejected_port);
  void open(const OpenContext& context);

  // Emits on its own whenever a batch is full.
  Status add(std::string_view key, const std::byte* row, const TimeRange& window, Micros event_time,
             int64_t revision, Output& out);
  Status flush(Output& out);
  bool pending() const { return event_time_.size() > 0; }
  bool emits_next() const { return event_time_.size() + 1 >= batch_rows_; }

 private:
  void start();

  const StepConfig& config_;
  const Accumulators& accumulators_;
  SchemaRef schema_;
  bool revisions_;
  int rejected_port_;
  int32_t batch_rows_ = 2048;
  OperatorMetrics* metrics_ = nullptr;
  KeyEncoder keys_;
  std::vector<ColumnBuilder> columns_;
  ColumnBuilder event_time_{Kind::timestamp};
  RowErrors errors_;
};

std::vector<Type> key_types(const StepConfig& config);

}  // namespace rideflow
