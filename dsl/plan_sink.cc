#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dsl/expression_binder.h"
#include "dsl/option_checker.h"
#include "dsl/plan_parts.h"

namespace rideflow {

namespace {

bool has_aggregates(const SinkKind& kind) {
  return std::any_of(kind.options.begin(), kind.options.end(),
                     [](const OptionSpec& option) { return option.type == OptionType::aggregate_map; });
}

class SinkPlanner {
 public:
  SinkPlanner(PlanBuilder& builder, const SpecSink& sink, const SinkKind& kind)
      : builder_(builder), sink_(sink), kind_(kind), path_("sinks." + sink.name) {}

  // What can be said without knowing the rows.
  void check() {
    const OptionContext context = {builder_.catalog(), *builder_.spec().document, builder_.diagnostics(),
                                   nullptr};
    const Options options = check_options(kind_.options, sink_.connector.options, sink_.connector.pos,
                                          dotted(path_, kind_.name), context);
    if (kind_.topics)
      config_.cluster =
          check_options(kafka_option_specs(builder_.catalog()), builder_.spec().kafka, {}, "kafka", context);
    format(context);
    delivery_and_mode(options.text("delivery"));
  }

  bool run(const Rows& input) {
    const size_t errors = builder_.diagnostics().errors().size();
    OptionContext context = {builder_.catalog(), *builder_.spec().document, builder_.diagnostics(),
                             input.schema};
    const std::string at = dotted(path_, kind_.name);
    Rows rows = input;
    if (!has_aggregates(kind_)) {
      if (std::optional<Rows> visible = hide_metadata(input)) rows = *visible;
      context.schema = rows.schema;
    }
    Options options = check_options(kind_.options, sink_.connector.options, sink_.connector.pos, at, context);
    if (kind_.topics)
      config_.cluster =
          check_options(kafka_option_specs(builder_.catalog()), builder_.spec().kafka, {}, "kafka", context);
    format(context);
    delivery_and_mode(options.text("delivery"));
    if (has_aggregates(kind_) && input.updates)
      error(sink_.from.pos, "from",
            fmt::format("'{}' gives updates, which a {} can't take back: say 'emit: final' in its window",
                        sink_.from.text(), kind_.name));
    if (builder_.diagnostics().errors().size() > errors || input.partial || has_broken_column(*input.schema))
      return false;
    if (has_aggregates(kind_)) {
      std::optional<Rows> projected = project(input, options);
      if (!projected) return false;
      rows = *projected;
    }
    config_.sink = sink_.name;
    config_.job = builder_.spec().job;
    config_.input = rows.schema;
    config_.options = std::move(options);
    config_.input_updates = rows.updates;
    encoder();
    if (kind_.check) {
      add_option_errors(kind_.check(config_), config_.options, sink_.connector.pos, at,
                        builder_.diagnostics());
      if (builder_.diagnostics().errors().size() > errors) return false;
    }
    builder_.add_sink(sink_.name, sink_.pos, &kind_, std::move(config_), rows);
    return true;
  }

 private:
  void error(TextPos pos, std::string_view key, std::string message) {
    builder_.error(pos, dotted(path_, key), std::move(message));
  }

  void format(const OptionContext& context) {
    if (!kind_.uses_format) {
      if (sink_.format)
        error(sink_.format->pos, "format",
              fmt::format("'{}' writes no records: remove 'format'", kind_.name));
      return;
    }
    const std::string name = sink_.format ? sink_.format->kind : kind_.default_format;
    const TextPos pos = sink_.format ? sink_.format->pos : sink_.connector.pos;
    format_ = builder_.catalog().find_format(name);
    if (!format_ || !format_->make_encoder) {
      error(pos, "format", fmt::format("the format '{}' can't be written", name));
      format_ = nullptr;
      return;
    }
    const size_t errors = builder_.diagnostics().errors().size();
    const std::string at = dotted(path_, "format." + name);
    format_options_ =
        check_options(format_->options, sink_.format ? sink_.format->options : YamlNode{}, pos, at, context);
    if (format_->check && builder_.diagnostics().errors().size() == errors)
      add_option_errors(format_->check(format_options_, {}), format_options_, pos, at,
                        builder_.diagnostics());
  }

  // Captured by value: the config outlives the planner, and the catalog outlives the plan.
  void encoder() {
    if (!format_) return;
    config_.make_encoder = [kind = format_, options = format_options_, schema = config_.input] {
      return kind->make_encoder(schema, options);
    };
  }

  // `delivery` may stand under the connector too, where its kind has such an option.
  void delivery_and_mode(const std::string& option) {
    const bool kafka = kind_.topics && !config_.cluster.text("brokers").empty();
    const bool can = kind_.exactly_once && !kafka;
    const std::string delivery = sink_.delivery.empty() ? option : sink_.delivery;
    if (delivery == "exactly_once" && !can)
      error(sink_.delivery.empty() ? sink_.connector.pos : sink_.delivery_pos, "delivery",
            kafka
                ? "exactly_once to Kafka does not exist yet: say 'delivery: at_least_once'"
                : fmt::format("'{}' can't deliver exactly once: say 'delivery: at_least_once'", kind_.name));
    config_.exactly_once = delivery.empty() ? can : delivery == "exactly_once";
    const std::string mode = sink_.mode.empty() ? "append" : sink_.mode;
    config_.upsert = mode == "upsert";
    if (!sink_.mode.empty() && std::find(kind_.modes.begin(), kind_.modes.end(), mode) == kind_.modes.end())
      error(sink_.mode_pos, "mode",
            fmt::format("'{}' has no mode '{}': it has {}", kind_.name, mode, fmt::join(kind_.modes, ", ")));
  }

  // Metadata columns that other readers of the stream asked for are not this sink's.
  std::optional<Rows> hide_metadata(const Rows& input) {
    StepConfig step;
    step.step = sink_.name;
    for (int i = 0; i < input.schema->size(); ++i)
      if (!input.hidden.contains(input.schema->field(i).name))
        step.projection.push_back(
            {input.schema->field(i).name, make_column(*input.schema, i, sink_.pos), sink_.pos});
    if (static_cast<int>(step.projection.size()) == input.schema->size()) return input;
    return builder_.add_operator("project", "project", sink_.pos, path_, std::move(step), {input});
  }

  // Time, dimensions, arguments and filters as plain columns, with the options speaking about those.
  std::optional<Rows> project(const Rows& input, Options& options) {
    StepConfig step;
    step.step = sink_.name;
    Options out;
    bool has_time = false;
    for (const auto& [name, given] : options.all()) {
      OptionValue value = given;
      for (int& column : value.columns)
        column = place(step, make_column(*input.schema, column, value.pos), input);
      if (value.expr) {
        has_time = has_time || name == "time";
        value.expr = read(step, value.expr, input);
      }
      for (AggregateCall& call : value.aggregates) {
        for (ExprRef& arg : call.args)
          if (arg->op != ExprOp::literal) arg = read(step, arg, input);
        if (call.filter) call.filter = read(step, call.filter, input);
      }
      for (NamedExpr& named : value.exprs) named.expr = read(step, named.expr, input);
      out.set(name, std::move(value));
    }
    // Rows of windows are placed at their window's start; others at their event time.
    const std::optional<int> start = input.schema->find("window_start");
    if (!has_time && start && input.schema->field(*start).type.kind == Kind::timestamp) {
      OptionValue value;
      value.pos = sink_.pos;
      value.text = "window_start";
      value.expr = read(step, make_column(*input.schema, *start, sink_.pos), input);
      out.set("time", std::move(value));
      has_time = true;
    }
    if (!has_time && !input.has_event_time) {
      error(sink_.from.pos, "from",
            fmt::format("rows of '{}' have no event time: say which column is it with 'time:'",
                        sink_.from.text()));
      return std::nullopt;
    }
    options = std::move(out);
    if (step.projection.empty()) {
      // Only count(): one column keeps the rows countable.
      step.projection.push_back({"_row", make_literal(Value::boolean(true), Type(Kind::boolean)), sink_.pos});
    }
    return builder_.add_operator("project", "project", sink_.pos, dotted(path_, kind_.name), std::move(step),
                                 {input});
  }

  // The index of the expression among the projected columns, added when it is new.
  static int place(StepConfig& step, const ExprRef& expr, const Rows& input) {
    for (size_t i = 0; i < step.projection.size(); ++i)
      if (same_expr(*step.projection[i].expr, *expr)) return static_cast<int>(i);
    std::string name = fmt::format("_arg{}", step.projection.size());
    if (expr->op == ExprOp::column) name = input.schema->field(expr->index).name;
    step.projection.push_back({std::move(name), expr, expr->pos});
    return static_cast<int>(step.projection.size()) - 1;
  }
  static ExprRef read(StepConfig& step, const ExprRef& expr, const Rows& input) {
    Expr e;
    e.op = ExprOp::column;
    e.type = expr->type;
    e.nullable = expr->nullable;
    e.index = place(step, expr, input);
    e.pos = expr->pos;
    return std::make_shared<const Expr>(std::move(e));
  }

  PlanBuilder& builder_;
  const SpecSink& sink_;
  const SinkKind& kind_;
  const std::string path_;
  SinkConfig config_;
  const FormatKind* format_ = nullptr;
  Options format_options_;
};

}  // namespace

bool plan_sink(PlanBuilder& builder, const SpecSink& sink, const Rows& input) {
  const SinkKind* kind = builder.catalog().find_sink(sink.connector.kind);
  return kind && SinkPlanner(builder, sink, *kind).run(input);
}

void check_sink(PlanBuilder& builder, const SpecSink& sink) {
  const SinkKind* kind = builder.catalog().find_sink(sink.connector.kind);
  if (kind) SinkPlanner(builder, sink, *kind).check();
}

bool plan_kept_topic(PlanBuilder& builder, const std::string& step, const std::string& topic,
                     const Rows& input) {
  const SinkKind* kind = builder.catalog().find_sink("topic");
  if (!kind) {
    builder.error(
        {}, "", fmt::format("rows of '{}' have no sink, and this build has no topics to keep them in", step));
    return false;
  }
  YamlNode options;
  options.kind = YamlNode::Kind::map;
  YamlEntry name;
  name.key = "name";
  name.value.kind = YamlNode::Kind::scalar;
  name.value.text = topic;
  options.entries.push_back(std::move(name));
  const OptionContext context = {builder.catalog(), *builder.spec().document, builder.diagnostics(),
                                 input.schema};
  SinkConfig config;
  config.sink = step;
  config.job = builder.spec().job;
  config.input = input.schema;
  config.options = check_options(kind->options, options, {}, step, context);
  const FormatKind* format = builder.catalog().find_format("json");
  if (!format || !format->make_encoder) {
    builder.error({}, "", fmt::format("rows of '{}' have no sink, and this build can't write JSON", step));
    return false;
  }
  const Options format_options = check_options(format->options, {}, {}, step, context);
  config.make_encoder = [format, format_options, schema = config.input] {
    return format->make_encoder(schema, format_options);
  };
  builder.add_sink(step, {}, kind, std::move(config), input);
  return true;
}

}  // namespace rideflow
