#include "runtime/job_test_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "dsl/typed_value.h"
#include "engine/json_writer.h"
#include "engine/time.h"

namespace rideflow {
namespace {

constexpr double kTolerance = 1e-9;

bool same_value(const Value& expected, const Value& actual) {
  if (expected.is_null() || actual.is_null()) return expected.is_null() && actual.is_null();
  if (expected.kind == Kind::float64 && actual.kind == Kind::float64) {
    if (std::isnan(expected.number) || std::isnan(actual.number)) {
      return std::isnan(expected.number) && std::isnan(actual.number);
    }
    const double scale = std::max({1.0, std::abs(expected.number), std::abs(actual.number)});
    return std::abs(expected.number - actual.number) <= kTolerance * scale;
  }
  return expected == actual;
}

bool matches(const ExpectedRow& expected, const ActualRow& actual) {
  return std::all_of(expected.cells.begin(), expected.cells.end(), [&](const ExpectedCell& cell) {
    const auto found = actual.cells.find(cell.column);
    return found != actual.cells.end() && same_value(cell.value, found->second.value);
  });
}

// Rows name different columns, so one row may fit several expectations: a maximum matching decides.
class Matching {
 public:
  Matching(const std::vector<ExpectedRow>& expected, const std::vector<ActualRow>& actual)
      : expected_(expected), actual_(actual), taken_by_(actual.size(), -1) {
    for (size_t e = 0; e < expected_.size(); ++e) {
      seen_.assign(actual_.size(), false);
      if (!place(static_cast<int>(e))) missing_.push_back(e);
    }
  }
  const std::vector<size_t>& missing() const { return missing_; }
  bool is_taken(size_t actual) const { return taken_by_[actual] >= 0; }

 private:
  bool place(int e) {
    for (size_t a = 0; a < actual_.size(); ++a) {
      if (seen_[a] || !matches(expected_[static_cast<size_t>(e)], actual_[a])) continue;
      seen_[a] = true;
      if (taken_by_[a] < 0 || place(taken_by_[a])) {
        taken_by_[a] = e;
        return true;
      }
    }
    return false;
  }

  const std::vector<ExpectedRow>& expected_;
  const std::vector<ActualRow>& actual_;
  std::vector<int> taken_by_;
  std::vector<bool> seen_;
  std::vector<size_t> missing_;
};

std::string text_of(const ExpectedRow& row) {
  std::string out = "{";
  for (const ExpectedCell& cell : row.cells) {
    append_cell(out, cell.column, cell.value, cell.type);
  }
  return out + "}";
}

std::string text_of(const ActualRow& row) {
  std::string out = "{";
  for (const auto& [name, value] : row.cells) {
    append_cell(out, name, value.value, value.type);
  }
  return out + "}";
}

std::vector<ActualRow> plain_rows(const TestCollection& collection) {
  std::vector<ActualRow> rows;
  for (const Batch& batch : collection.batches) {
    for (int32_t i = 0; i < batch.rows; ++i) {
      ActualRow row;
      for (int c = 0; c < batch.schema->size(); ++c) {
        const Field& field = batch.schema->field(c);
        row.cells[field.name] = {value_at(batch.column(c), i), field.type};
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

// A rollup computed the slow way: one accumulator row per (truncated time, dimensions).
class ReferenceRollup {
 public:
  explicit ReferenceRollup(const SinkConfig& sink) : sink_(sink) {
    for (const auto& [name, option] : sink.options.all()) {
      for (const AggregateCall& call : option.aggregates) calls_.push_back(&call);
      if (name == "dimensions") dimensions_ = option.columns;
    }
    for (const AggregateCall* call : calls_) {
      offsets_.push_back(width_);
      width_ += call->aggregate->state_size();
    }
  }
  ~ReferenceRollup() {
    for (auto& [key, cell] : cells_) {
      for (size_t i = 0; i < calls_.size(); ++i) calls_[i]->aggregate->destroy(cell.data() + offsets_[i]);
    }
  }
  ReferenceRollup(const ReferenceRollup&) = delete;
  ReferenceRollup& operator=(const ReferenceRollup&) = delete;

  Status add(const Batch& batch) {
    RF_ASSIGN(const auto rows, cell_rows(batch));
    for (size_t i = 0; i < calls_.size(); ++i) RF_TRY(update(*calls_[i], offsets_[i], batch, rows));
    return {};
  }

  Result<std::vector<ActualRow>> finish() {
    std::vector<ActualRow> out;
    for (const auto& [key, cell] : cells_) {
      ActualRow row;
      row.cells["__time"] = {Value::timestamp(key.first), Type(Kind::timestamp)};
      for (size_t d = 0; d < dimensions_.size(); ++d) {
        const Field& field = sink_.input->field(dimensions_[d]);
        row.cells[field.name] = {key.second[d], field.type};
      }
      for (size_t i = 0; i < calls_.size(); ++i) {
        const Type type = calls_[i]->aggregate->result_type();
        ColumnBuilder value(type);
        RF_TRY(calls_[i]->aggregate->finish(cell.data() + offsets_[i], value));
        row.cells[calls_[i]->name] = {value_at(value.finish(), 0), type};
      }
      out.push_back(std::move(row));
    }
    return out;
  }

 private:
  struct Less {
    bool operator()(const std::pair<Micros, std::vector<Value>>& a,
                    const std::pair<Micros, std::vector<Value>>& b) const {
      if (a.first != b.first) return a.first < b.first;
      return std::lexicographical_compare(a.second.begin(), a.second.end(), b.second.begin(), b.second.end(),
                                          [](const Value& x, const Value& y) { return compare(x, y) < 0; });
    }
  };

  Result<Duration> period() const {
    const std::string granularity = sink_.options.text("granularity", "minute");
    const std::map<std::string, std::string> names = {{"second", "1s"}, {"minute", "1m"}, {"hour", "1h"},
                                                      {"day", "1d"},    {"week", "7d"},   {"month", "1mo"}};
    const auto it = names.find(granularity);
    return parse_duration(it == names.end() ? granularity : it->second);
  }

  Result<std::vector<std::byte*>> cell_rows(const Batch& batch) {
    RF_ASSIGN(const Duration bucket, period());
    const OptionValue* time = sink_.options.find("time");
    std::vector<std::byte*> rows;
    for (int32_t i = 0; i < batch.rows; ++i) {
      const Micros t = time && !time->columns.empty() ? batch.column(time->columns[0]).values<Micros>()[i]
                                                      : batch.event_times()[i];
      std::vector<Value> key;
      for (const int column : dimensions_) key.push_back(value_at(batch.column(column), i));
      auto [cell, fresh] = cells_.try_emplace({truncate(t, bucket, TimeZone::utc()), std::move(key)});
      if (fresh) {
        cell->second.resize(static_cast<size_t>(width_));
        for (size_t c = 0; c < calls_.size(); ++c)
          calls_[c]->aggregate->init(cell->second.data() + offsets_[c]);
      }
      rows.push_back(cell->second.data());
    }
    return rows;
  }

  Status update(const AggregateCall& call, int offset, const Batch& batch,
                const std::vector<std::byte*>& rows) {
    std::vector<ExprRef> roots = call.args;
    if (call.filter) roots.push_back(call.filter);
    Evaluator evaluator(roots, batch.schema);
    std::vector<EvalColumn> values;
    evaluator.eval(batch, values);
    std::vector<KernelArg> args;
    for (size_t a = 0; a < call.args.size(); ++a) args.push_back({&values[a].column, false});
    AggregateInput in;
    in.rows = batch.rows;
    in.args = args;
    in.event_time = batch.event_time ? batch.event_times() : nullptr;
    std::vector<int32_t> selection;
    if (call.filter) {
      const Column& keep = values.back().column;
      for (int32_t i = 0; i < batch.rows; ++i) {
        if (!keep.is_null(i) && keep.boolean(i)) selection.push_back(i);
      }
      in.selection = selection.data();
      in.selected = static_cast<int32_t>(selection.size());
      if (selection.empty()) return {};
    }
    call.aggregate->update(in, rows.data(), offset);
    return {};
  }

  const SinkConfig& sink_;
  std::vector<const AggregateCall*> calls_;
  std::vector<int> offsets_;
  int width_ = 0;
  std::vector<int> dimensions_;
  std::map<std::pair<Micros, std::vector<Value>>, std::vector<std::byte>, Less> cells_;
};

}  // namespace

Result<std::vector<ActualRow>> rows_of(const SinkConfig& sink, const TestCollection& collection) {
  const bool rollup = std::any_of(sink.options.all().begin(), sink.options.all().end(),
                                  [](const auto& option) { return !option.second.aggregates.empty(); });
  if (!rollup) return plain_rows(collection);
  ReferenceRollup rows(sink);
  for (const Batch& batch : collection.batches) RF_TRY(rows.add(batch));
  return rows.finish();
}

RowDifference compare_rows(const ExpectedRows& expected, const std::vector<ActualRow>& actual) {
  const Matching matching(expected.rows, actual);
  RowDifference out;
  out.sink = expected.sink;
  for (const size_t e : matching.missing())
    out.missing.push_back({expected.rows[e].pos.line, text_of(expected.rows[e])});
  for (size_t a = 0; a < actual.size(); ++a)
    if (!matching.is_taken(a)) out.unexpected.push_back(text_of(actual[a]));
  // Runs at other sizes and parallelisms give the same rows in another order.
  std::sort(out.unexpected.begin(), out.unexpected.end());
  return out;
}

void append_cell(std::string& out, std::string_view column, const Value& value, const Type& type) {
  if (out.size() > 1) out += ", ";
  append_json_string(out, column);
  out += ": ";
  if (value.kind == Kind::float64 && !std::isfinite(value.number)) {
    out += std::isnan(value.number) ? "\".nan\"" : value.number > 0 ? "\".inf\"" : "\"-.inf\"";
  } else if (value.kind == Kind::bytes) {
    append_json_string(out, value.text);  // as a test writes them
  } else {
    JsonWriter(out).value(value, type);
  }
}

namespace {

std::string row_line(const FeedRow& row, const SourceNode& source) {
  if (row.raw) {
    std::string raw;
    append_json_string(raw, *row.raw);
    return raw;
  }
  std::string out = "{";
  if (row.partition != 0) out += fmt::format("\"_partition\": {}", row.partition);
  if (row.timestamp) append_cell(out, "_timestamp", Value::timestamp(*row.timestamp), Type(Kind::timestamp));
  if (row.key) append_cell(out, "_key", Value::string(*row.key), Type(Kind::string));
  for (size_t i = 0; i < row.values.size(); ++i) {
    const Field& field = source.decoder.columns[i].field;
    const bool not_named = row.values[i] == default_value(field.type, field.nullable);
    if (!not_named) append_cell(out, field.name, row.values[i], field.type);
  }
  return out + "}";
}

const SourceNode* find_source(const LogicalPlan& plan, const std::string& name) {
  for (const LogicalNode& node : plan.nodes)
    if (const auto* source = std::get_if<SourceNode>(&node.body); source && node.step == name) return source;
  return nullptr;
}

}  // namespace

std::vector<std::string> feed_lines(const LogicalPlan& plan, const JobTest& test) {
  std::vector<std::string> lines;
  for (const FeedStep& step : test.feed) {
    switch (step.kind) {
      case FeedStep::Kind::rows:
        if (const SourceNode* source = find_source(plan, step.source))
          for (const FeedRow& row : step.rows)
            lines.push_back(fmt::format("{}: {}", step.source, row_line(row, *source)));
        break;
      case FeedStep::Kind::advance:
        for (const auto& [source, time] : step.advance)
          lines.push_back(fmt::format("advance: {{{}: {}}}", source, format_timestamp(time)));
        break;
      case FeedStep::Kind::end:
        lines.push_back(fmt::format("end: [{}]", fmt::join(step.end, ", ")));
        break;
      case FeedStep::Kind::wait:
        lines.push_back("wait: " + to_string(Duration{0, 0, step.wait_micros}));
        break;
      case FeedStep::Kind::restart:
        lines.emplace_back("restart");
        break;
    }
  }
  return lines;
}

}  // namespace rideflow
