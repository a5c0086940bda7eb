// What windowed steps share: the columns of their results, and the batches that these go out in.
#pragma once

#include <string_view>
#include <vector>

#include "engine/key_encoder.h"
#include "engine/operator.h"
#include "operators/window/window_accumulators.h"

namespace rideflow {

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

}  // namespace rideflow
