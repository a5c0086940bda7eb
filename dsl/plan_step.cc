#include <fmt/format.h>

#include <algorithm>

#include "dsl/expression_binder.h"
#include "dsl/expression_lexer.h"
#include "dsl/expression_types.h"
#include "dsl/futile.h"
#include "dsl/option_checker.h"
#include "dsl/plan_parts.h"

namespace rideflow {

namespace {

class StepPlanner {
 public:
  StepPlanner(PlanBuilder& builder, const SpecStream& stream) : builder_(builder), stream_(stream) {}

  std::optional<Rows> run(const std::vector<Rows>& inputs) {
    std::optional<Rows> rows = inputs[0];
    if (stream_.is_union) {
      rows = union_fits(inputs) ? add("union", "union", config(), inputs, "union") : union_as_far(inputs);
    }
    // After a bad condition the rows are what they were: go on, for the errors of the rest.
    if (rows && !stream_.where.text.empty()) {
      if (std::optional<Rows> filtered = where(*rows)) rows = filtered;
    }
    if (rows && stream_.has_select) rows = select(*rows);
    if (rows && stream_.window) return plan_window(builder_, stream_, *rows);
    if (rows && stream_.operation) rows = operation(*rows);
    if (rows && !stream_.split.empty()) rows = split(*rows);
    return rows;
  }

 private:
  std::string path(std::string_view key) const { return dotted("streams." + stream_.name, key); }
  StepConfig config() const {
    StepConfig out;
    out.step = stream_.name;
    return out;
  }
  std::optional<Rows> add(std::string_view kind, std::string_view role, StepConfig config,
                          const std::vector<Rows>& inputs, std::string_view key,
                          std::vector<int> exchange = {}) {
    return builder_.add_operator(kind, role, stream_.pos, path(key), std::move(config), inputs,
                                 std::move(exchange));
  }

  bool union_fits(const std::vector<Rows>& inputs) {
    std::vector<Field> seen;
    bool ok = true;
    for (size_t i = 0; i < inputs.size(); ++i) {
      for (const Field& field : inputs[i].schema->fields()) {
        const auto other =
            std::find_if(seen.begin(), seen.end(), [&](const Field& f) { return f.name == field.name; });
        if (other == seen.end()) {
          seen.push_back(field);
        } else if (field.type.kind == Kind::null || other->type.kind == Kind::null) {
          other->type = Type();  // one of them has an error, which was told
          ok = false;
        } else if (!(other->type == field.type)) {
          builder_.error(
              stream_.from[i].pos, path("union"),
              fmt::format("column '{}' is {} in '{}' and {} before: types must agree (cast it in a "
                          "'select')",
                          field.name, with_article(field.type), stream_.from[i].text(),
                          with_article(other->type)));
          ok = false;
        }
      }
      if (inputs[i].updates != inputs[0].updates) {
        builder_.error(stream_.from[i].pos, path("union"),
                       fmt::format("one of '{}' and '{}' gives updates and the other doesn't",
                                   stream_.from[0].text(), stream_.from[i].text()));
        ok = false;
      }
    }
    return ok;
  }

  // The columns of a union that has errors; those on which its inputs differ have no type.
  Rows union_as_far(const std::vector<Rows>& inputs) const {
    std::vector<Field> fields;
    Rows out = inputs[0];
    for (const Rows& input : inputs) {
      out.has_event_time = out.has_event_time && input.has_event_time;
      for (const Field& field : input.schema->fields()) {
        const auto same = [&](const Field& f) { return f.name == field.name; };
        const auto at = std::find_if(fields.begin(), fields.end(), same);
        if (at == fields.end()) {
          fields.push_back(field);
        } else if (!(at->type == field.type)) {
          at->type = Type();
        }
      }
    }
    out.schema = make_schema(std::move(fields));
    out.partial = true;
    return out;
  }

  std::optional<Rows> where(const Rows& input) {
    StepConfig step = config();
    step.condition = bind_condition(builder_, stream_.where, input.schema, path("where"));
    if (!step.condition) return std::nullopt;
    return add("filter", "filter", std::move(step), {input}, "where");
  }

  std::optional<Rows> select(const Rows& input) {
    StepConfig step = config();
    for (const SpecNamed& named : stream_.select) {
      if (named.name == "*") {
        for (int i = 0; i < input.schema->size(); ++i) {
          const std::string& name = input.schema->field(i).name;
          const bool given = std::any_of(stream_.select.begin(), stream_.select.end(),
                                         [&](const SpecNamed& other) { return other.name == name; });
          if (!given && !input.hidden.contains(name))
            step.projection.push_back({name, make_column(*input.schema, i, named.pos), named.pos});
        }
        continue;
      }
      ExprRef expr = named.plain
                         ? plain_column(named, *input.schema, "select")
                         : bind_expression(builder_, named.expr, input.schema, path("select." + named.name));
      if (expr && expr->type.kind == Kind::null)
        builder_.error(named.pos, path("select." + named.name),
                       "NULL alone has no type: write cast(null as string), or the type you mean");
      // After an error the column has no type, and what reads it none of its own.
      if (!expr) expr = make_literal(Value::null(), Type(), named.pos);
      step.projection.push_back({named.name, std::move(expr), named.pos});
    }
    if (step.projection.empty()) {
      builder_.error(stream_.pos, path("select"), "'select' names no column");
      return std::nullopt;
    }
    return add("project", "project", std::move(step), {input}, "select");
  }

  // Null after an error, be it one of the column's own definition.
  ExprRef plain_column(const SpecNamed& named, const Schema& schema, std::string_view key) {
    ExprRef column = column_of(schema, named.name, named.pos);
    if (column && column->type.kind == Kind::null) return nullptr;
    if (!column) builder_.error(named.pos, path(key), unknown_plain_column(named.name, schema));
    return column;
  }

  std::optional<Rows> split(const Rows& input) {
    StepConfig step = config();
    bool ok = true;
    for (const SpecNamed& branch : stream_.split) {
      ExprRef condition;
      if (!branch.plain) {
        condition = bind_condition(builder_, branch.expr, input.schema, path("split." + branch.name));
        ok = ok && condition;
      }
      step.branches.push_back({branch.name, std::move(condition), branch.pos});
    }
    if (ok) return add("split", "split", std::move(step), {input}, "split");
    Rows rows = input;
    rows.partial = true;
    for (const SpecNamed& branch : stream_.split) builder_.set_port(stream_.name, branch.name, rows);
    return rows;
  }

  // An operator of the catalog under its own name.
  std::optional<Rows> operation(const Rows& input) {
    const SpecConnector& word = *stream_.operation;
    const OperatorKind* kind = builder_.catalog().find_operator(word.kind);
    if (kind->keyed && input.updates) {
      builder_.error(
          word.pos, path(word.kind),
          fmt::format(
              "'{}' gives updates, which keyed steps can't take back: say 'emit: final' in its window",
              stream_.from[0].text()));
      return std::nullopt;
    }
    StepConfig step = config();
    const size_t errors = builder_.diagnostics().errors().size();
    const OptionContext context = {builder_.catalog(), *builder_.spec().document, builder_.diagnostics(),
                                   input.schema};
    step.options = check_options(kind->options, word.options, word.pos, path(word.kind), context);
    std::vector<int> exchange;
    for (const SpecNamed& key : stream_.key_by) {
      const ExprRef column = key.plain ? plain_column(key, *input.schema, "key_by") : nullptr;
      if (!key.plain)
        builder_.error(key.pos, path("key_by"),
                       "compute the key in a 'select' of this step and name its column here");
      if (!column) continue;
      step.keys.push_back(column->index);
      step.key_exprs.push_back({key.name, column, key.pos});
      exchange.push_back(column->index);
    }
    if (kind->keyed && stream_.key_by.empty())
      builder_.error(word.pos, path(word.kind), fmt::format("'{}' needs 'key_by'", word.kind));
    if (builder_.diagnostics().errors().size() > errors || has_broken_column(*input.schema))
      return std::nullopt;
    return add(kind->name, kind->name, std::move(step), {input}, word.kind, std::move(exchange));
  }

  PlanBuilder& builder_;
  const SpecStream& stream_;
};

}  // namespace

ExprRef bind_condition(PlanBuilder& builder, const SpecExpr& expr, const SchemaRef& schema,
                       const std::string& path) {
  if (!expr) return nullptr;
  Binder binder(builder.catalog(), schema, builder.diagnostics(), path);
  ExprRef bound = binder.bind_condition(*expr.ast);
  warn_of_failing_constants(bound, path, builder.diagnostics());
  warn_of_never_true(bound, path, builder.diagnostics());
  return bound;
}

ExprRef bind_expression(PlanBuilder& builder, const SpecExpr& expr, const SchemaRef& schema,
                        const std::string& path) {
  if (!expr) return nullptr;
  Binder binder(builder.catalog(), schema, builder.diagnostics(), path);
  ExprRef bound = binder.bind(*expr.ast);
  warn_of_failing_constants(bound, path, builder.diagnostics());
  return bound;
}

namespace {

// "fare * 2 as f" as {"fare * 2", "f"}.
std::optional<std::pair<std::string, std::string>> split_at_as(const std::string& text) {
  const size_t at = lower_case(text).rfind(" as ");
  if (at == std::string::npos) return std::nullopt;
  const size_t name = text.find_first_not_of(' ', at + 4);
  const size_t expression_end = text.find_last_not_of(' ', at);
  const bool is_name = name != std::string::npos && text.find_first_of(" ,()'", name) == std::string::npos;
  if (!is_name || expression_end == std::string::npos) return std::nullopt;
  return std::pair(text.substr(0, expression_end + 1), text.substr(name));
}

}  // namespace

std::string unknown_plain_column(const std::string& name, const Schema& schema) {
  if (const std::optional<std::pair<std::string, std::string>> renamed = split_at_as(name))
    return fmt::format("a name stands before its expression: write '{{{}: {}}}'", renamed->second,
                       renamed->first);
  if (name.find(',') != std::string::npos && name.find('(') == std::string::npos)
    return fmt::format("several columns stand in a list: write '[{}]'", name);
  if (name.find_first_of("()+*/|'<>= ") != std::string::npos)
    return fmt::format("an expression needs a name here: write '{{name: {}}}'", name);
  return with_suggestion(fmt::format("unknown column '{}'", name), name, column_names(schema));
}

std::optional<Rows> plan_step(PlanBuilder& builder, const SpecStream& stream,
                              const std::vector<Rows>& inputs) {
  return StepPlanner(builder, stream).run(inputs);
}

}  // namespace rideflow
