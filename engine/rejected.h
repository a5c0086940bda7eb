// Rows that a job could not use, kept whole: the schemas and builders of `.rejected` rows
// (docs/semantics.md).
#pragma once

#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/expr.h"
#include "engine/format.h"

namespace rideflow {

// _raw string?, _raw_base64 string?, _topic string?, _partition int32?, _offset int64?, _timestamp
// timestamp?, _step string, _reason string, _place string? The record stands in _raw when it is UTF-8, in
// _raw_base64 otherwise; in neither when it had no value.
SchemaRef rejected_schema();

// Records that a decoder refused.
Batch rejected_records(const Origin& chunk, const std::vector<RejectedRecord>& records,
                       std::string_view step);
// Rows of a batch on which an expression failed; _raw is the record as read, or the row as JSON when the
// batch has no origin. Duplicate rows in `errors` count once, with the first reason.
Batch rejected_rows(const Batch& batch, const RowErrors& errors, std::string_view step,
                    std::string_view place);

// Where a record came from and how it begins: "record 7 of partition 0 of 'rides', {\"id\": …". For the error
// of `bad_records: fail`, which must say all that a `.rejected` row would.
std::string record_text(const Origin& origin, const RecordOrigin& record);
// The same of a row; of one without a record (a result), the row as JSON.
std::string row_text(const Batch& batch, int32_t row);

// A `.late` batch's schema: the step's input columns, window_start, window_end, _topic, _partition, _offset,
// _timestamp, _reason.
SchemaRef late_schema(const Schema& input);

}  // namespace rideflow
