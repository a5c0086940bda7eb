#include "operators/window/window_accumulators.h"

#include <fmt/format.h>

#include "engine/state_type.h"
#include "operators/row_routing.h"

namespace rideflow {

Result<std::unique_ptr<Accumulators>> Accumulators::make(const StepConfig& config, int extra_bytes) {
  auto made = std::make_unique<Accumulators>();
  std::vector<std::shared_ptr<const Aggregate>> distinct;
  const AccumulatorSlots slots = accumulator_slots(config.aggregates);
  for (const size_t first : slots.first_call) {
    const AggregateCall& call = config.aggregates[first];
    distinct.push_back(call.aggregate);
    Update update;
    update.aggregate = call.aggregate;
    for (const ExprRef& arg : call.args) {
      Argument argument;
      if (arg->op == ExprOp::column) {
        argument.column = arg->index;
      } else if (arg->op == ExprOp::literal) {
        ColumnBuilder builder(arg->type.kind == Kind::null ? Type(Kind::int32) : arg->type);
        builder.append_value(arg->value);
        argument.constant = builder.finish();
      } else {
        return Status::internal(fmt::format("argument of {} is neither a column nor a literal", call.name));
      }
      update.arguments.push_back(std::move(argument));
    }
    if (call.filter) {
      if (call.filter->op != ExprOp::column) {
        return Status::internal(fmt::format("filter of {} is not a column", call.name));
      }
      update.filter = call.filter->index;
    }
    made->updates_.push_back(std::move(update));
  }
  made->layout_ = std::make_shared<const RowLayout>(distinct, extra_bytes);
  for (size_t i = 0; i < made->updates_.size(); ++i) {
    made->updates_[i].offset = made->layout_->offset(static_cast<int>(i));
  }
  for (size_t i = 0; i < slots.slot_of_call.size(); ++i) {
    made->calls_.push_back(
        {config.aggregates[i].aggregate, made->layout_->offset(static_cast<int>(slots.slot_of_call[i]))});
  }
  return made;
}

const std::vector<int32_t>& Accumulators::filtered(const Batch& batch, int column, const int32_t* selection,
                                                   int32_t selected) {
  for (size_t i = 0; i < filters_used_; ++i) {
    if (filtered_[i].column == column) return filtered_[i].rows;
  }
  if (filters_used_ == filtered_.size()) filtered_.emplace_back();
  Filtered& f = filtered_[filters_used_++];
  f.column = column;
  const Column& condition = batch.column(column);
  const uint8_t* bits = condition.data.as<uint8_t>();
  const uint8_t* valid = condition.validity_bits();
  const int32_t n = selection ? selected : batch.rows;
  f.rows.resize(static_cast<size_t>(n));
  size_t kept = 0;
  for (int32_t i = 0; i < n; ++i) {
    const int32_t row = selection ? selection[i] : i;
    f.rows[kept] = row;
    kept += get_bit(bits, row) && (!valid || get_bit(valid, row)) ? 1 : 0;
  }
  f.rows.resize(kept);
  return f.rows;
}

void Accumulators::update(const Batch& batch, std::byte* const* rows, const int32_t* selection,
                          int32_t selected) {
  filters_used_ = 0;
  std::vector<KernelArg> args;
  for (const Update& update : updates_) {
    args.clear();
    for (const Argument& a : update.arguments) {
      KernelArg arg;
      arg.column = a.column >= 0 ? &batch.column(a.column) : &a.constant;
      arg.constant = a.column < 0;
      args.push_back(arg);
    }
    AggregateInput in;
    in.rows = batch.rows;
    in.args = args;
    in.event_time = batch.event_times();
    in.selection = selection;
    in.selected = selected;
    if (update.filter >= 0) {
      const std::vector<int32_t>& kept = filtered(batch, update.filter, selection, selected);
      if (kept.empty()) continue;
      in.selection = kept.data();
      in.selected = static_cast<int32_t>(kept.size());
    }
    update.aggregate->update(in, rows, update.offset);
  }
}

std::vector<Type> key_types(const StepConfig& config) {
  std::vector<Type> types;
  for (const int column : config.keys) types.push_back(config.input->field(column).type);
  return types;
}

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
