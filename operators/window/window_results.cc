#include "operators/window/window_results.h"

#include <fmt/format.h>

#include "operators/row_routing.h"

namespace rideflow {

SchemaRef window_schema(const StepConfig& config, bool open_ended, bool revisions) {
  std::vector<Field> fields;
  for (size_t i = 0; i < config.keys.size(); ++i) {
    Field field = config.input->field(config.keys[i]);
    if (i < config.key_exprs.size()) field.name = config.key_exprs[i].name;
    fields.push_back(std::move(field));
  }
  fields.push_back({"window_start", Kind::timestamp, open_ended});
  fields.push_back({"window_end", Kind::timestamp, open_ended});
  for (const AggregateCall& call : config.aggregates) {
    fields.push_back({call.name, call.aggregate->result_type(), call.aggregate->result_nullable()});
  }
  if (revisions) fields.push_back({"_revision", Kind::int64, false});
  return make_schema(std::move(fields));
}

WindowResults::WindowResults(const StepConfig& config, const Accumulators& accumulators, SchemaRef schema,
                             bool revisions, int rejected_port)
    : config_(config),
      accumulators_(accumulators),
      schema_(std::move(schema)),
      revisions_(revisions),
      rejected_port_(rejected_port),
      keys_(key_types(config)) {}

void WindowResults::open(const OpenContext& context) {
  batch_rows_ = context.batch_rows;
  metrics_ = context.metrics;
}

void WindowResults::start() {
  for (const Field& field : schema_->fields()) columns_.emplace_back(field.type);
}

Status WindowResults::add(std::string_view key, const std::byte* row, const TimeRange& window,
                          Micros event_time, int64_t revision, Output& out) {
  if (columns_.empty()) start();
  RF_TRY(keys_.decode(key, columns_, 0));
  size_t at = config_.keys.size();
  for (const Micros bound : {window.start, window.end}) {
    if (bound == kNoTime || bound == kEndOfTime) {
      columns_[at++].append_null();
    } else {
      columns_[at++].append(bound);
    }
  }
  for (int i = 0; i < accumulators_.calls(); ++i, ++at) {
    const Status status = accumulators_.finish(i, row, columns_[at]);
    if (status.ok()) continue;
    columns_[at].append_null();
    errors_.fail(event_time_.size(),
                 fmt::format("{}: {}", config_.aggregates[static_cast<size_t>(i)].name, status.message()));
  }
  if (revisions_) columns_[at].append(revision);
  event_time_.append(event_time);
  return event_time_.size() >= batch_rows_ ? flush(out) : Status();
}

Status WindowResults::flush(Output& out) {
  if (event_time_.size() == 0) return {};
  Batch batch;
  batch.schema = schema_;
  batch.rows = event_time_.size();
  for (ColumnBuilder& column : columns_) batch.columns.push_back(column.finish());
  batch.event_time = event_time_.finish().data;
  if (errors_.empty()) {
    out.emit(0, std::move(batch));
    return {};
  }
  const RowErrors errors = std::move(errors_);
  errors_ = RowErrors();
  RF_TRY(route_failed_rows(batch, errors, "aggregate", rejected_port_, config_, metrics_, out));
  const std::vector<int32_t> good = rows_without(batch.rows, {&errors});
  if (!good.empty()) out.emit(0, take(batch, good.data(), static_cast<int32_t>(good.size())));
  return {};
}

}  // namespace rideflow
