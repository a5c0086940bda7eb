// rollup: rows rolled up by time and dimensions into a datasource that Druid's clients can query.
//
// The store aggregates each batch by (truncated time, dimensions) into the open epoch, visible to queries at
// once. prepare() makes the epoch durable, commit() makes it permanent with its marker
// (docs/exactly-once.md). Rows behind the retention leave by the port `late`.
#include <fmt/format.h>

#include <set>

#include "engine/rejected.h"
#include "operators/option_spec.h"
#include "operators/rollup_metrics.h"
#include "operators/row_routing.h"

namespace rideflow {
namespace {

Result<RollupSpec> spec_of(const SinkConfig& config) {
  RollupSpec spec;
  spec.datasource = config.options.text("datasource", config.sink);
  RF_ASSIGN(spec.granularity, parse_granularity(config.options.text("granularity", "minute")));
  spec.retain = config.options.micros("retain");
  if (const OptionValue* dimensions = config.options.find("dimensions")) {
    for (const int column : dimensions->columns) {
      RF_ASSIGN(RollupDimension d, rollup_dimension(config.input->field(column)));
      spec.dimensions.push_back(std::move(d));
    }
  }
  if (const OptionValue* metrics = config.options.find("metrics")) {
    for (const AggregateCall& call : metrics->aggregates) {
      RF_ASSIGN(RollupMetric m, rollup_metric(call, *config.input));
      spec.metrics.push_back(std::move(m));
    }
  }
  RF_TRY(validate(spec));
  return spec;
}

// Everything that spec_of() would refuse, each at its place.
OptionErrors check_rollup(const SinkConfig& config) {
  OptionErrors errors;
  const auto add = [&](std::string option, const Status& status, TextPos pos = {}) {
    if (!status.ok()) errors.push_back({std::move(option), status.message(), pos, {}});
  };
  const auto refuse = [](std::string message) {
    return Status::user(Code::invalid_argument, std::move(message));
  };
  const Options& options = config.options;
  if (config.input_updates)
    add("", refuse("a rollup can't take rows back: give it final rows (emit: final)"));
  if (const OptionValue* time = options.find("time");
      time != nullptr && time->expr != nullptr && time->expr->type.kind != Kind::timestamp)
    add("time",
        refuse(fmt::format("'time' must be a timestamp, this is of type {}", time->expr->type.to_string())));
  add("granularity", parse_granularity(options.text("granularity", "minute")).status());
  std::set<std::string> names = {"__time"};
  const auto take = [&](const std::string& option, const std::string& name, TextPos pos) {
    if (names.insert(name).second) return;
    add(option, refuse(fmt::format("a rollup has one column '{}' (the time is __time): rename one", name)),
        pos);
  };
  if (const OptionValue* dimensions = options.find("dimensions")) {
    for (size_t i = 0; i < dimensions->columns.size(); ++i) {
      const Field& field = config.input->field(dimensions->columns[i]);
      const TextPos pos = i < dimensions->places.size() ? dimensions->places[i] : TextPos();
      add("dimensions", rollup_dimension(field).status(), pos);
      take("dimensions", field.name, pos);
    }
  }
  if (const OptionValue* metrics = options.find("metrics")) {
    for (const AggregateCall& call : metrics->aggregates) {
      add("metrics." + call.name, rollup_metric(call, *config.input).status(), call.pos);
      take("metrics." + call.name, call.name, call.pos);
    }
  }
  return errors;
}

class RollupSink : public Sink {
 public:
  RollupSink(std::shared_ptr<const SinkConfig> config, RollupSpec spec)
      : config_(std::move(config)), spec_(std::move(spec)), late_schema_(late_schema(*config_->input)) {
    std::vector<ExprRef> roots;
    const auto add = [&](const ExprRef& e) {
      if (e == nullptr) return -1;
      roots.push_back(e);
      return static_cast<int>(roots.size()) - 1;
    };
    if (const OptionValue* time = config_->options.find("time")) time_root_ = add(time->expr);
    for (const AggregateCall& call : calls()) {
      const bool condition = call.function == "count_if";
      const ExprRef argument = call.args.empty() ? nullptr : call.args.front();
      roots_.push_back({add(argument), add(call.filter), condition});
    }
    evaluator_ = Evaluator(std::move(roots), config_->input);
    inputs_.resize(roots_.size());
  }

  Status open(const OpenContext& context) override {
    env_ = context.env;
    metrics_ = context.metrics;
    store_ = context.resources == nullptr ? nullptr : context.resources->find<RollupStore>("rollups");
    if (store_ == nullptr) {
      return Status::user(Code::failed_precondition,
                          "A rollup needs a data directory: this process has none.");
    }
    RF_ASSIGN(writer_, store_->writer(spec_, {context.lineage, config_->sink, context.shard.value,
                                              context.parallelism}));
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output& out) override {
    times_ = nullptr;
    evaluator_.eval(batch, results_);
    RF_TRY(place_in_time(batch, out));
    if (batch.rows == 0) return Progress::done;
    RollupRows rows;
    rows.rows = batch.rows;
    rows.event_time = times_;
    std::vector<Column> dimensions;
    if (const OptionValue* option = config_->options.find("dimensions")) {
      for (const int column : option->columns)
        dimensions.push_back(rollup_dimension_column(batch.column(column)));
    }
    for (const Column& column : dimensions) rows.dimensions.push_back(&column);
    for (size_t m = 0; m < roots_.size(); ++m) rows.metrics.push_back(input_of(m, batch.rows));
    std::vector<int32_t> expired;
    RF_TRY(writer_->add(rows, expired));
    if (!expired.empty()) emit_late(batch, expired, "retention", out);
    if (metrics_) metrics_->rows_absorbed.add(batch.rows - static_cast<int64_t>(expired.size()));
    return Progress::done;
  }

  Result<Progress> on_watermark(Micros watermark, Output&) override {
    writer_->set_watermark(watermark);
    return Progress::done;
  }

  Result<Prepared> prepare(Epoch epoch) override {
    RF_ASSIGN(RollupPrepared prepared, writer_->prepare(epoch));
    return Prepared{std::move(prepared.handle), env_->offload(std::move(prepared.persist), Lane::others)};
  }
  Status commit(Epoch, const std::string& handle) override { return writer_->commit(handle); }
  // It may write whole segments, and the next epochs of all shards wait for that: they, too, keep no thread
  // of the disk.
  Lane commit_lane() const override { return Lane::others; }
  Status recover(Epoch restored, const std::vector<std::pair<Epoch, std::string>>& pending) override {
    return writer_->recover(restored, pending);
  }

 private:
  struct MetricRoots {
    int argument = -1;
    int filter = -1;
    bool condition = false;  // count_if: the argument is what filters
  };

  const std::vector<AggregateCall>& calls() const {
    static const std::vector<AggregateCall> none;
    const OptionValue* metrics = config_->options.find("metrics");
    return metrics ? metrics->aggregates : none;
  }

  const EvalColumn* result(int root) const {
    return root < 0 ? nullptr : &results_[static_cast<size_t>(root)];
  }

  rollup::MetricInput input_of(size_t m, int32_t rows) {
    const EvalColumn* argument = result(roots_[m].condition ? -1 : roots_[m].argument);
    const EvalColumn* filter = result(roots_[m].condition ? roots_[m].argument : roots_[m].filter);
    const EvalColumn* checked = argument ? argument : filter;
    return inputs_[m].make(spec_.metrics[m].kind, argument ? &argument->column : nullptr,
                           filter ? &filter->column : nullptr, checked ? &checked->errors : nullptr, times_,
                           rows);
  }

  // Finds the time of each row. Rows that have none leave by `late`; the batch is then cut and evaluated
  // again.
  Status place_in_time(Batch& batch, Output& out) {
    const EvalColumn* time = result(time_root_);
    if (time == nullptr) {
      if (!batch.event_time) {
        return Status::user(Code::failed_precondition, "The rows of the rollup '" + spec_.datasource +
                                                           "' have no event time: name it by 'time'.");
      }
      times_ = batch.event_times();
      return {};
    }
    std::vector<int32_t> kept;
    std::vector<int32_t> without;
    std::vector<uint8_t> failed(static_cast<size_t>(batch.rows));
    for (const RowErrors::Error& error : time->errors.all()) failed[static_cast<size_t>(error.row)] = 1;
    for (int32_t row = 0; row < batch.rows; ++row) {
      const bool none = failed[static_cast<size_t>(row)] != 0 || time->column.is_null(row);
      (none ? without : kept).push_back(row);
    }
    if (!without.empty()) {
      emit_late(batch, without, "no_time", out);
      batch = take(batch, kept.data(), static_cast<int32_t>(kept.size()));
      evaluator_.eval(batch, results_);
    }
    times_ = result(time_root_)->column.values<Micros>();
    return {};
  }

  void emit_late(const Batch& batch, const std::vector<int32_t>& rows, const char* reason, Output& out) {
    std::vector<LateRow> late;
    for (const int32_t row : rows) {
      const Micros t = times_ == nullptr ? 0 : times_[row];
      late.push_back({row, {t, t}, BehindReason::late});
    }
    Batch batch_out = late_rows(batch, late, late_schema_);
    ColumnBuilder reasons(Kind::string);
    for (size_t i = 0; i < rows.size(); ++i) reasons.append_string(reason);
    batch_out.columns.back() = reasons.finish();
    out.emit(0, std::move(batch_out));
  }

  std::shared_ptr<const SinkConfig> config_;
  RollupSpec spec_;
  SchemaRef late_schema_;
  Evaluator evaluator_;
  int time_root_ = -1;
  std::vector<MetricRoots> roots_;
  std::vector<RollupMetricInput> inputs_;
  std::vector<EvalColumn> results_;
  const Micros* times_ = nullptr;
  Env* env_ = nullptr;
  OperatorMetrics* metrics_ = nullptr;
  std::shared_ptr<RollupStore> store_;
  std::unique_ptr<RollupWriter> writer_;
};

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(rollup_sink) {
  using namespace rideflow;
  SinkKind kind;
  kind.name = "rollup";
  kind.doc = "Rows rolled up by time and dimensions into a datasource that Druid's clients can query.";
  kind.options = {
      with_pattern(
          option_spec("datasource", OptionType::string, "The name that queries use; by default the sink's."),
          "(?!\\.)[^/\\\\]{1,200}", "a name of 1 to 200 characters without slashes that begins with no dot"),
      option_spec(
          "granularity", OptionType::string,
          "What times are truncated to: second, minute, five_minute, fifteen_minute, hour, day, or a period "
          "such as PT5M.",
          "minute"),
      option_spec("dimensions", OptionType::column_list, "The columns by which rows are told apart."),
      required_option("metrics", OptionType::aggregate_map,
                      "What is kept per time and dimensions: count, count_if, sum, min, max, first, last, "
                      "approx_quantile(x) and approx_count_distinct(x), each with a filter if need be."),
      with_range(option_spec("retain", OptionType::duration,
                             "How long data is kept behind the committed watermark; for ever when absent."),
                 1),
      option_spec("time", OptionType::expression,
                  "The time of a row; by default window_start of windowed rows, else the event time."),
  };
  kind.outputs = {{"late", "rows that arrived behind the retention"}};
  kind.check = check_rollup;
  kind.make = [](std::shared_ptr<const SinkConfig> config) -> Result<std::unique_ptr<Sink>> {
    RF_ASSIGN(RollupSpec spec, spec_of(*config));
    return std::unique_ptr<Sink>(std::make_unique<RollupSink>(std::move(config), std::move(spec)));
  };
  catalog.add(std::move(kind));
}
