#include "operators/rollup_metrics.h"

#include <fmt/format.h>

#include "engine/decimal.h"
#include "engine/distinct_sketch.h"

namespace rideflow {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;

bool is_long(Kind kind) {
  return kind == Kind::int32 || kind == Kind::int64 || kind == Kind::timestamp || kind == Kind::date ||
         kind == Kind::interval || kind == Kind::boolean;
}
bool is_double(Kind kind) {
  return kind == Kind::float64 || kind == Kind::decimal;
}

// Druid's clients expect milliseconds.
int64_t long_at(const Column& column, int64_t row) {
  switch (column.type.kind) {
    case Kind::boolean:
      return column.boolean(row) ? 1 : 0;
    case Kind::int32:
      return column.values<int32_t>()[row];
    case Kind::date:
      return column.values<int32_t>()[row] * int64_t{86'400'000};
    case Kind::timestamp:
    case Kind::interval:
      return column.values<int64_t>()[row] / kMicrosPerMilli;
    case Kind::float64:
      return static_cast<int64_t>(column.values<double>()[row]);
    default:
      return column.values<int64_t>()[row];
  }
}

double double_at(const Column& column, int64_t row) {
  if (column.type.kind == Kind::float64) return column.values<double>()[row];
  if (column.type.kind == Kind::decimal) {
    return decimal_to_double(column.values<Int128>()[row], column.type.scale);
  }
  return static_cast<double>(long_at(column, row));
}

std::string text_at(const Column& column, int64_t row) {
  switch (column.type.kind) {
    case Kind::boolean:
      return column.boolean(row) ? "true" : "false";
    case Kind::date:
      return format_date(column.values<int32_t>()[row]);
    case Kind::decimal:
      return format_decimal(column.values<Int128>()[row], column.type.scale);
    default:
      return std::string(column.string(row));
  }
}

struct Pick {
  MetricKind longs;
  MetricKind doubles;
  std::optional<MetricKind> texts;
};

std::optional<Pick> pick_of(const std::string& function) {
  if (function == "sum") return Pick{MetricKind::long_sum, MetricKind::double_sum, std::nullopt};
  if (function == "min") return Pick{MetricKind::long_min, MetricKind::double_min, std::nullopt};
  if (function == "max") return Pick{MetricKind::long_max, MetricKind::double_max, std::nullopt};
  if (function == "first")
    return Pick{MetricKind::long_first, MetricKind::double_first, MetricKind::string_first};
  if (function == "last")
    return Pick{MetricKind::long_last, MetricKind::double_last, MetricKind::string_last};
  return std::nullopt;
}

Status refuse(const AggregateCall& call, std::string_view why) {
  return Status::user(Code::invalid_argument, fmt::format("the metric '{}': {}", call.name, why));
}

Result<MetricKind> metric_kind(const AggregateCall& call) {
  const std::string& function = call.function;
  if (function == "count" || function == "count_if") return MetricKind::count;
  if (call.args.empty()) return refuse(call, fmt::format("{}() needs an argument", function));
  const Type& type = call.args.front()->type;
  if (function == "approx_quantile") {
    if (call.args.size() > 1) {
      return refuse(call,
                    "a rollup keeps the whole sketch: write approx_quantile(x) and ask for the fraction in "
                    "the query");
    }
    return MetricKind::quantile_sketch;
  }
  if (function == "approx_count_distinct") return MetricKind::distinct_sketch;
  if (function == "avg") {
    return refuse(call, "an average can't be rolled up: keep sum(x) and count(x), and divide in the query");
  }
  const auto pick = pick_of(function);
  if (!pick) {
    return refuse(call,
                  fmt::format("{}() can't be rolled up: use count, count_if, sum, min, max, first, last, "
                              "approx_quantile or approx_count_distinct",
                              function));
  }
  if (is_long(type.kind)) return pick->longs;
  if (is_double(type.kind)) return pick->doubles;
  if (type.kind == Kind::string && pick->texts) return *pick->texts;
  return refuse(call, fmt::format("{}() of {} can't be rolled up", function, type.to_string()));
}

}  // namespace

Result<RollupDimension> rollup_dimension(const Field& field) {
  RollupDimension out{field.name, DimensionType::string, false};
  switch (field.type.kind) {
    case Kind::string:
    case Kind::boolean:
    case Kind::date:
    case Kind::decimal:
      return out;
    case Kind::int32:
    case Kind::int64:
    case Kind::timestamp:
    case Kind::interval:
      out.type = DimensionType::int64;
      return out;
    case Kind::float64:
      out.type = DimensionType::float64;
      return out;
    case Kind::list:
      out.multi_value = true;
      if (field.type.children->front().type.kind == Kind::string) return out;
      break;
    default:
      break;
  }
  return Status::user(Code::invalid_argument,
                      fmt::format("the dimension '{}' is a {}: dimensions are scalars or lists of strings",
                                  field.name, field.type.to_string()));
}

Result<RollupMetric> rollup_metric(const AggregateCall& call, const Schema& input) {
  RF_ASSIGN(const MetricKind kind, metric_kind(call));
  std::string field;
  if (!call.args.empty() && call.args.front()->op == ExprOp::column) {
    field = input.field(call.args.front()->index).name;
  }
  return RollupMetric{call.name, kind, std::move(field), ""};
}

Column rollup_dimension_column(const Column& column) {
  const Kind kind = column.type.kind;
  const bool as_is =
      kind == Kind::string || kind == Kind::int64 || kind == Kind::float64 || kind == Kind::list;
  if (as_is) return column;
  const bool text = kind == Kind::boolean || kind == Kind::date || kind == Kind::decimal;
  ColumnBuilder out(text ? Kind::string : Kind::int64, column.length);
  for (int32_t row = 0; row < column.length; ++row) {
    if (column.is_null(row)) {
      out.append_null();
    } else if (text) {
      out.append_string(text_at(column, row));
    } else {
      out.append(long_at(column, row));
    }
  }
  return out.finish();
}

void RollupMetricInput::read_numbers(const Column& column, int32_t rows, bool doubles) {
  ints_.resize(doubles ? 0 : static_cast<size_t>(rows));
  doubles_.resize(doubles ? static_cast<size_t>(rows) : 0);
  for (int32_t row = 0; row < rows; ++row) {
    if (column.is_null(row)) continue;
    if (doubles) {
      doubles_[static_cast<size_t>(row)] = double_at(column, row);
    } else {
      ints_[static_cast<size_t>(row)] = long_at(column, row);
    }
  }
}

void RollupMetricInput::read_hashes(const Column& column, int32_t rows) {
  hashes_.resize(static_cast<size_t>(rows));
  for (int32_t row = 0; row < rows; ++row) {
    if (column.is_null(row)) continue;
    uint64_t& hash = hashes_[static_cast<size_t>(row)];
    if (column.type.is_view()) {
      hash = distinct_hash(column.string(row));
    } else if (column.type.kind == Kind::float64) {
      hash = distinct_hash(column.values<double>()[row]);
    } else if (column.type.kind == Kind::decimal) {
      hash = distinct_hash(std::string_view(text_at(column, row)));
    } else {
      hash = distinct_hash(long_at(column, row));
    }
  }
}

rollup::MetricInput RollupMetricInput::make(MetricKind kind, const Column* argument, const Column* filter,
                                            const RowErrors* failed, const Micros* event_time, int32_t rows) {
  rollup::MetricInput out;
  out.event_time = event_time;
  const bool some = (argument && argument->has_nulls()) || filter || (failed && !failed->empty());
  if (some) {
    valid_.assign(bitmap_bytes(rows), 0);
    for (int32_t row = 0; row < rows; ++row) {
      const bool null = argument && argument->is_null(row);
      const bool passes = filter == nullptr || (!filter->is_null(row) && filter->boolean(row));
      if (!null && passes) set_bit(valid_.data(), row);
    }
    for (const RowErrors::Error& error : failed ? failed->all() : std::vector<RowErrors::Error>()) {
      clear_bit(valid_.data(), error.row);
    }
    out.valid = valid_.data();
  }
  if (argument == nullptr || kind == MetricKind::count) return out;
  switch (kind) {
    case MetricKind::distinct_sketch:
      read_hashes(*argument, rows);
      out.hashes = hashes_.data();
      break;
    case MetricKind::string_first:
    case MetricKind::string_last:
      out.texts = argument;
      break;
    case MetricKind::double_sum:
    case MetricKind::double_min:
    case MetricKind::double_max:
    case MetricKind::double_first:
    case MetricKind::double_last:
    case MetricKind::quantile_sketch:
      read_numbers(*argument, rows, true);
      out.doubles = doubles_.data();
      break;
    default:
      read_numbers(*argument, rows, false);
      out.ints = ints_.data();
      break;
  }
  return out;
}

}  // namespace rideflow
