#include "operators/row_routing.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "engine/rejected.h"

namespace rideflow {

namespace {

std::string_view reason_name(BehindReason reason) {
  switch (reason) {
    case BehindReason::late:
      return "late";
    case BehindReason::idle:
      return "idle";
    case BehindReason::new_partition:
      return "new_partition";
  }
  return "late";
}

void append_time(ColumnBuilder& column, Micros t) {
  if (t == kNoTime || t == kEndOfTime) {
    column.append_null();
  } else {
    column.append(t);
  }
}

}  // namespace

Status route_failed_rows(const Batch& batch, const RowErrors& errors, std::string_view place, int port,
                         const StepConfig& config, OperatorMetrics* metrics, Output& out) {
  if (errors.empty()) return {};
  if (config.fail_bad) {
    const RowErrors::Error& first = errors.all().front();
    return Status::user(
        Code::invalid_argument,
        fmt::format("{}: {} ({}, from a source with bad_records: fail; keep would put it aside)", place,
                    first.reason, row_text(batch, first.row)));
  }
  if (config.skip_bad) {
    std::unordered_set<int32_t> rows;
    for (const RowErrors::Error& e : errors.all()) rows.insert(e.row);
    if (metrics) metrics->rows_rejected.add(static_cast<int64_t>(rows.size()));
    return {};
  }
  out.emit(port, rejected_rows(batch, errors, config.step, place));
  return {};
}

std::vector<int32_t> rows_without(int32_t n, const std::vector<const RowErrors*>& errors) {
  std::vector<bool> bad(static_cast<size_t>(n));
  for (const RowErrors* e : errors) {
    for (const RowErrors::Error& error : e->all()) bad[static_cast<size_t>(error.row)] = true;
  }
  std::vector<int32_t> rows;
  rows.reserve(static_cast<size_t>(n));
  for (int32_t row = 0; row < n; ++row) {
    if (!bad[static_cast<size_t>(row)]) rows.push_back(row);
  }
  return rows;
}

Batch late_rows(const Batch& batch, std::span<const LateRow> rows, const SchemaRef& schema) {
  std::vector<int32_t> numbers;
  for (const LateRow& late : rows) numbers.push_back(late.row);
  Batch out = take(batch, numbers.data(), static_cast<int32_t>(numbers.size()));
  ColumnBuilder start(Kind::timestamp), end(Kind::timestamp), topic(Kind::string), partition(Kind::int32),
      offset(Kind::int64), timestamp(Kind::timestamp), reason(Kind::string);
  for (const LateRow& late : rows) {
    append_time(start, late.window.start);
    append_time(end, late.window.end);
    reason.append_string(reason_name(late.reason));
    if (!batch.origin) {
      for (ColumnBuilder* column : {&topic, &partition, &offset, &timestamp}) column->append_null();
      continue;
    }
    const RecordOrigin& record = batch.record(late.row);
    if (batch.origin->topic) {
      topic.append_string(*batch.origin->topic);
    } else {
      topic.append_null();
    }
    partition.append(batch.origin->partition.value);
    offset.append(record.position);
    append_time(timestamp, record.timestamp);
  }
  for (ColumnBuilder* column : {&start, &end, &topic, &partition, &offset, &timestamp, &reason}) {
    out.columns.push_back(column->finish());
  }
  out.schema = schema;
  out.behind.clear();
  out.key_hash = {};
  out.origin = nullptr;
  out.origin_row = {};
  return out;
}

}  // namespace rideflow
