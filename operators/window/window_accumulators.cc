#include "operators/window/window_accumulators.h"

#include <fmt/format.h>

#include "engine/state_type.h"

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

}  // namespace rideflow
