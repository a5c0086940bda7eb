#include <fmt/format.h>

#include <algorithm>

#include "dsl/aggregate_binder.h"
#include "dsl/expression_binder.h"
#include "dsl/expression_types.h"
#include "dsl/futile.h"
#include "dsl/plan_parts.h"
#include "engine/rejected.h"

namespace rideflow {

namespace {

// A step without keys has one for all rows, so that they meet in one task.
constexpr std::string_view kAllRows = "_all";

class WindowPlanner {
 public:
  WindowPlanner(PlanBuilder& builder, const SpecStream& stream, SchemaRef input)
      : builder_(builder), stream_(stream), input_schema_(std::move(input)) {}

  std::optional<Rows> run(const Rows& input) {
    bool ok = check_input(input) && !window_is_broken();
    ok = bind_keys(*input.schema) && ok;
    const size_t errors = builder_.diagnostics().errors().size();
    bound_ = bind_aggregates(builder_.catalog(), input.schema, fields_of(keys_), stream_.aggregate,
                             path("aggregate"), builder_.diagnostics());
    warn_of_failing_parts();
    if (!stream_.window->close_on.text.empty()) {
      close_on_ =
          bind_condition(builder_, stream_.window->close_on, input.schema, path("window.session.close_on"));
      ok = ok && close_on_;
    }
    ok = ok && bound_.outputs.size() == stream_.aggregate.size();
    if (!ok || builder_.diagnostics().errors().size() > errors) return as_far_as_known(input);

    std::optional<Rows> rows = input;
    if (stream_.window->window.kind != WindowKind::global) rows = late_split(input);
    if (rows) rows = prepare(*rows);
    if (rows) rows = window(*rows);
    if (rows && (!bound_.plain || stream_.key_by.empty())) rows = finish(*rows);
    if (!rows || stream_.having.text.empty()) return rows;
    const std::optional<Rows> filtered = having(*rows);
    return filtered ? filtered : rows;
  }

 private:
  std::string path(std::string_view key) const { return dotted("streams." + stream_.name, key); }
  std::optional<Rows> add(std::string_view kind, std::string_view role, StepConfig config, const Rows& input,
                          std::string_view key, std::vector<int> exchange = {}) {
    config.step = stream_.name;
    return builder_.add_operator(kind, role, stream_.pos, path(key), std::move(config), {input},
                                 std::move(exchange));
  }

  // The loader had errors to tell of the window: nothing is planned with it.
  bool window_is_broken() const {
    const std::vector<Diagnostic>& errors = builder_.diagnostics().errors();
    const std::string at = path("window");
    return std::any_of(errors.begin(), errors.end(), [&](const Diagnostic& error) {
      return error.path == at || error.path.starts_with(at + ".");
    });
  }

  void warn_of_failing_parts() {
    const auto warn = [&](const ExprRef& expr) {
      warn_of_failing_constants(expr, path("aggregate"), builder_.diagnostics());
    };
    for (const AggregateCall& call : bound_.calls) {
      for (const ExprRef& arg : call.args) warn(arg);
      warn(call.filter);
    }
    for (const NamedExpr& output : bound_.outputs) warn(output.expr);
  }

  // The results of a step that has errors, for the errors of what reads them.
  Rows as_far_as_known(const Rows& input) {
    const WindowSpec& spec = stream_.window->window;
    std::vector<Field> fields;
    if (!stream_.key_by.empty()) fields = fields_of(keys_);
    fields.push_back({"window_start", Kind::timestamp, true});
    fields.push_back({"window_end", Kind::timestamp, true});
    for (const SpecNamed& aggregate : stream_.aggregate) {
      const auto bound = std::find_if(bound_.outputs.begin(), bound_.outputs.end(),
                                      [&](const NamedExpr& e) { return e.name == aggregate.name; });
      fields.push_back({aggregate.name, bound == bound_.outputs.end() ? Type() : bound->expr->type, true});
    }
    fields.push_back({"_revision", Kind::int64, false});
    Rows rows = input;
    rows.partial = true;
    if (spec.kind != WindowKind::global) {
      rows.schema = late_schema(*input.schema);
      builder_.set_port(stream_.name, "late", rows);
    }
    rows.schema = make_schema(std::move(fields));
    rows.updates = spec.emit == Emit::updates;
    rows.has_event_time = true;
    if (!stream_.having.text.empty()) bind_condition(builder_, stream_.having, rows.schema, path("having"));
    return rows;
  }

  bool check_input(const Rows& input) {
    const TextPos pos = stream_.window->window.pos;
    if (input.updates) {
      builder_.error(
          pos, path("window"),
          fmt::format("'{}' gives updates, which a window can't take back: say 'emit: final' in its window",
                      stream_.from[0].text()));
      return false;
    }
    if (input.has_event_time) return true;
    builder_.error(
        pos, path("window"),
        fmt::format("a window needs event time, and rows of '{}' have none: give its source 'event_time: "
                    "{{column: …}}'",
                    stream_.from[0].text()));
    return false;
  }

  bool bind_keys(const Schema& schema) {
    bool ok = true;
    for (const SpecNamed& key : stream_.key_by) {
      const std::string at = path(key.plain ? "key_by" : "key_by." + key.name);
      ExprRef expr;
      if (key.plain) {
        expr = column_of(schema, key.name, key.pos);
        const bool broken = expr && expr->type.kind == Kind::null;
        if (broken) expr = nullptr;
        if (!expr && !broken) builder_.error(key.pos, at, unknown_plain_column(key.name, schema));
      } else {
        expr = bind_expression(builder_, key.expr, make_schema(schema.fields()), at);
      }
      if (expr && (expr->type.kind == Kind::list || expr->type.kind == Kind::structure ||
                   expr->type.kind == Kind::null)) {
        builder_.error(key.pos, at,
                       fmt::format("'{}' is {}, which can't be a key", key.name, with_article(expr->type)));
        expr = nullptr;
      }
      if (key.name == "window_start" || key.name == "window_end") {
        builder_.error(
            key.pos, at,
            fmt::format("'{}' belongs to the engine: select it under another name first", key.name));
        expr = nullptr;
      }
      ok = ok && expr;
      if (!expr) expr = make_literal(Value::null(), Type(), key.pos);
      keys_.push_back({key.name, std::move(expr), key.pos});
    }
    if (stream_.key_by.empty())
      keys_.push_back({std::string(kAllRows), make_literal(Value::int32(0), Type(Kind::int32)), stream_.pos});
    return ok;
  }

  std::shared_ptr<WindowSpec> window_spec() const {
    return std::make_shared<WindowSpec>(stream_.window->window);
  }

  std::optional<Rows> late_split(const Rows& input) {
    StepConfig step;
    step.window = window_spec();
    return add("late_split", "late_split", std::move(step), input, "window");
  }

  // Keys, arguments, filters and close_on as plain columns; nothing else crosses the exchange, unless
  // somebody reads late rows: those that the window itself finds have all columns of the input then.
  std::optional<Rows> prepare(const Rows& input) {
    for (const NamedExpr& key : keys_) columns_.push_back(key);
    for (AggregateCall& call : bound_.calls) {
      for (ExprRef& arg : call.args)
        if (arg->op != ExprOp::literal) arg = prepared(arg);
      if (call.filter) call.filter = prepared(call.filter);
    }
    if (close_on_) close_on_ = prepared(close_on_);
    if (stream_.window->window.kind != WindowKind::global && late_is_read()) carry_input(*input.schema);
    bool identity = static_cast<int>(columns_.size()) == input.schema->size();
    for (size_t i = 0; identity && i < columns_.size(); ++i)
      identity = columns_[i].expr->op == ExprOp::column && columns_[i].expr->index == static_cast<int>(i) &&
                 columns_[i].name == input.schema->field(static_cast<int>(i)).name;
    if (identity) return input;
    StepConfig step;
    step.projection = columns_;
    return add("project", "pre_project", std::move(step), input, "aggregate");
  }

  // All columns of the input among the prepared ones; those whose name a key took, under another.
  void carry_input(const Schema& input) {
    for (int i = 0; i < input.size(); ++i) {
      if (is_metadata(input.field(i).name)) continue;  // late rows have them anyway
      const ExprRef column = make_column(input, i, stream_.pos);
      const bool there = std::any_of(columns_.begin(), columns_.end(),
                                     [&](const NamedExpr& c) { return same_expr(*c.expr, *column); });
      if (there) continue;
      const std::optional<std::string> name = input_name(*column);
      columns_.push_back({name ? *name : fmt::format("_in{}", i), column, stream_.pos});
    }
  }

  // The expression as a column of the prepared rows.
  ExprRef prepared(const ExprRef& expr) {
    size_t i = 0;
    while (i < columns_.size() && !same_expr(*columns_[i].expr, *expr)) ++i;
    if (i == columns_.size()) {
      std::string name = fmt::format("_arg{}", i);
      if (expr->op == ExprOp::column && input_name(*expr)) name = *input_name(*expr);
      columns_.push_back({name, expr, expr->pos});
    }
    Expr e;
    e.op = ExprOp::column;
    e.type = expr->type;
    e.nullable = expr->nullable;
    e.index = static_cast<int>(i);
    e.pos = expr->pos;
    return std::make_shared<const Expr>(std::move(e));
  }
  // A plain column keeps its name unless a key took it.
  std::optional<std::string> input_name(const Expr& column) const {
    const std::string& name = input_schema_->field(column.index).name;
    const bool taken =
        std::any_of(columns_.begin(), columns_.end(), [&](const NamedExpr& c) { return c.name == name; });
    return taken ? std::nullopt : std::optional(name);
  }

  std::optional<Rows> window(const Rows& input) {
    const WindowSpec& spec = stream_.window->window;
    StepConfig step;
    std::vector<int> exchange;
    for (size_t i = 0; i < keys_.size(); ++i) {
      const int index = static_cast<int>(i);
      step.keys.push_back(index);
      step.key_exprs.push_back(
          {keys_[i].name, make_column(*input.schema, index, keys_[i].pos), keys_[i].pos});
      exchange.push_back(index);
    }
    const std::shared_ptr<WindowSpec> window = window_spec();
    window->close_on = close_on_;
    step.window = window;
    step.aggregates = bound_.calls;
    const bool session = spec.kind == WindowKind::session;
    std::optional<Rows> rows = add(session ? "session" : "window", session ? "session" : "window",
                                   std::move(step), input, "window", std::move(exchange));
    if (!rows) return rows;
    rows->updates = spec.emit == Emit::updates;
    rows->has_event_time = true;
    rows->schema = builder_.plan().nodes.back().outputs[0];
    builder_.plan().nodes.back().updates = rows->updates;
    return gather_late() ? rows : std::nullopt;
  }

  bool late_is_read() const {
    const auto is_late = [&](const SpecStreamRef& ref) {
      return ref.name == stream_.name && ref.port == "late";
    };
    const JobSpec& spec = builder_.spec();
    return std::any_of(spec.sinks.begin(), spec.sinks.end(),
                       [&](const SpecSink& s) { return is_late(s.from); }) ||
           std::any_of(spec.streams.begin(), spec.streams.end(), [&](const SpecStream& s) {
             return std::any_of(s.from.begin(), s.from.end(), is_late);
           });
  }

  // Rows that are late only because their partition had been idle are found by the window itself, behind the
  // exchange. Where somebody reads late rows they join the others, with the same columns; else both are kept
  // apart, which costs no exchange, and these have the columns that crossed it.
  bool gather_late() {
    if (stream_.window->window.kind == WindowKind::global) {
      builder_.erase_port(stream_.name, "late");  // nothing is ever late
      return true;
    }
    const Rows* found = builder_.find_port(stream_.name, "late");
    if (!found || !late_is_read()) return true;
    const Rows split_late = *found;
    const std::optional<Rows> window_late = builder_.take_other_port(stream_.name, "late");
    if (!window_late) return true;
    const Schema& schema = *window_late->schema;
    StepConfig step;
    std::vector<bool> given(static_cast<size_t>(input_schema_->size()));
    for (int i = 0; i < schema.size(); ++i) {
      std::string name = schema.field(i).name;
      if (i < static_cast<int>(columns_.size())) {
        const Expr& from = *columns_[static_cast<size_t>(i)].expr;
        if (from.op != ExprOp::column || given[static_cast<size_t>(from.index)]) continue;
        given[static_cast<size_t>(from.index)] = true;
        name = input_schema_->field(from.index).name;
      }
      step.projection.push_back({std::move(name), make_column(schema, i, stream_.pos), stream_.pos});
    }
    std::optional<Rows> part = add("project", "late_project", std::move(step), *window_late, "window");
    if (!part) return false;
    StepConfig both;
    both.step = stream_.name;
    std::optional<Rows> late = builder_.add_operator("union", "late", stream_.pos, path("window"),
                                                     std::move(both), {split_late, *part});
    if (late) builder_.set_port(stream_.name, "late", *late);
    return late.has_value();
  }

  // Expressions over aggregates, under the user's names.
  std::optional<Rows> finish(const Rows& input) {
    const Schema& schema = *input.schema;
    std::vector<int> columns;
    for (const Field& field : bound_.results->fields())
      columns.push_back(schema.find(field.name).value_or(0));
    StepConfig step;
    const auto keep = [&](int i) {
      step.projection.push_back({schema.field(i).name, make_column(schema, i, stream_.pos), stream_.pos});
    };
    const int bounds = static_cast<int>(keys_.size()) + 2;
    for (int i = stream_.key_by.empty() ? 1 : 0; i < bounds; ++i) keep(i);
    for (const NamedExpr& output : bound_.outputs)
      step.projection.push_back({output.name, remap_columns(output.expr, columns), output.pos});
    for (int i = bounds; i < schema.size(); ++i)
      if (!bound_.results->find(schema.field(i).name)) keep(i);
    return add("project", "post_project", std::move(step), input, "aggregate");
  }

  std::optional<Rows> having(const Rows& input) {
    StepConfig step;
    step.condition = bind_condition(builder_, stream_.having, input.schema, path("having"));
    if (!step.condition) return std::nullopt;
    return add("filter", "having", std::move(step), input, "having");
  }

  PlanBuilder& builder_;
  const SpecStream& stream_;
  SchemaRef input_schema_;
  std::vector<NamedExpr> keys_;
  BoundAggregates bound_;
  ExprRef close_on_;
  std::vector<NamedExpr> columns_;
};

}  // namespace

std::optional<Rows> plan_window(PlanBuilder& builder, const SpecStream& stream, const Rows& input) {
  return WindowPlanner(builder, stream, input.schema).run(input);
}

}  // namespace rideflow
