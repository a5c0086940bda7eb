// Where rows go that a step cannot use: those on which an expression failed, and those that came too late.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/catalog.h"
#include "engine/operator.h"

namespace rideflow {

// Sends the rows of `errors` to `port` as `.rejected` rows, or counts them (bad_records: skip), or gives the
// error that stops the job (bad_records: fail). `place` is the part of the step that failed: "where",
// "select.fare".
Status route_failed_rows(const Batch& batch, const RowErrors& errors, std::string_view place, int port,
                         const StepConfig& config, OperatorMetrics* metrics, Output& out);

// Ascending rows of the batch that are in none of `errors`. REQUIRES: rows < n.
std::vector<int32_t> rows_without(int32_t n, const std::vector<const RowErrors*>& errors);

struct LateRow {
  int32_t row = 0;
  TimeRange window;  // an open end gives null
  BehindReason reason = BehindReason::late;
};
// A batch of late_schema(input schema). REQUIRES: sorted by row.
Batch late_rows(const Batch& batch, std::span<const LateRow> rows, const SchemaRef& schema);

}  // namespace rideflow
