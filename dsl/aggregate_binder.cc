#include "dsl/aggregate_binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rideflow {

namespace {

std::string call_text(const AggregateCall& call, const Schema& schema) {
  std::string out = call.function + "(";
  for (size_t i = 0; i < call.args.size(); ++i) out += (i ? ", " : "") + to_string(*call.args[i], schema);
  out += ")";
  if (call.filter) out += " filter (where " + to_string(*call.filter, schema) + ")";
  return out;
}

bool same_call(const AggregateCall& a, const AggregateCall& b) {
  if (a.function != b.function || a.args.size() != b.args.size()) return false;
  if ((a.filter == nullptr) != (b.filter == nullptr)) return false;
  if (a.filter && !same_expr(*a.filter, *b.filter)) return false;
  for (size_t i = 0; i < a.args.size(); ++i)
    if (!same_expr(*a.args[i], *b.args[i])) return false;
  return true;
}

class AggregateBinder {
 public:
  AggregateBinder(const Catalog& catalog, const SchemaRef& input, const std::vector<Field>& keys,
                  Diagnostics& diagnostics)
      : catalog_(catalog), input_(input), diagnostics_(diagnostics), fields_(keys) {
    fields_.push_back({"window_start", Type(Kind::timestamp), false});
    fields_.push_back({"window_end", Type(Kind::timestamp), false});
    first_call_ = fields_.size();
  }

  void add(const SpecNamed& spec, const std::string& path) {
    if (!spec.expr) {
      broken_.push_back(spec.name);
      return;
    }
    path_ = path;
    const bool whole = spec.expr.ast->kind == AstKind::call && catalog_.find_aggregate(spec.expr.ast->text);
    wanted_name_ = whole ? spec.name : "";
    Binder outer(catalog_, make_schema(fields_), diagnostics_, path);
    outer.set_aggregate_hook([&](const Ast& call, const AggregateKind& kind) { return take(call, kind); });
    outer.set_name_hook([&](const Ast& name) { return sibling(name); });
    outer.set_unknown_message([&](const std::string& name) { return unknown(name); });
    ExprRef expr = outer.bind(*spec.expr.ast);
    if (!expr) {
      broken_.push_back(spec.name);
      return;
    }
    const bool same =
        expr->op == ExprOp::column && fields_[static_cast<size_t>(expr->index)].name == spec.name;
    plain_ = plain_ && same;
    outputs_.push_back({spec.name, std::move(expr), spec.pos});
  }

  BoundAggregates finish() {
    return {std::move(calls_), std::move(outputs_), make_schema(std::move(fields_)), plain_};
  }

 private:
  ExprRef take(const Ast& ast, const AggregateKind& kind) {
    Binder inner(catalog_, input_, diagnostics_, path_);
    inner.set_aggregate_hint("an aggregate can't stand inside another");
    std::optional<AggregateCall> call = bind_aggregate_call(inner, ast, kind, AggregatePlace::window);
    if (!call) return nullptr;
    size_t index = 0;
    while (index < calls_.size() && !same_call(calls_[index], *call)) ++index;
    if (index == calls_.size()) {
      call->name = wanted_name_.empty() ? fmt::format("_agg_{}", calls_.size()) : wanted_name_;
      fields_.push_back({call->name, call->aggregate->result_type(), call->aggregate->result_nullable()});
      calls_.push_back(*std::move(call));
    }
    const size_t field = first_call_ + index;
    Expr e;
    e.op = ExprOp::column;
    e.type = fields_[field].type;
    e.nullable = fields_[field].nullable;
    e.index = static_cast<int>(field);
    e.pos = ast.pos;
    return std::make_shared<const Expr>(std::move(e));
  }

  // A name that is no key may be a result given before.
  ExprRef sibling(const Ast& name) const {
    for (const NamedExpr& output : outputs_)
      if (output.name == name.text) return output.expr;
    const bool broken = std::find(broken_.begin(), broken_.end(), name.text) != broken_.end();
    return broken ? make_literal(Value::null(), Type(Kind::null), name.pos) : nullptr;
  }

  std::string unknown(const std::string& name) const {
    if (input_->find(name))
      return fmt::format("column '{}' is no key of this step: put it into an aggregate, such as any({})",
                         name, name);
    std::vector<std::string> names;
    for (size_t i = 0; i < first_call_; ++i)
      if (!fields_[i].name.starts_with('_')) names.push_back(fields_[i].name);  // the key of no keys
    for (const NamedExpr& output : outputs_) names.push_back(output.name);
    return with_suggestion(fmt::format("unknown column '{}'", name), name, names);
  }

  const Catalog& catalog_;
  SchemaRef input_;
  Diagnostics& diagnostics_;
  std::vector<Field> fields_;
  size_t first_call_ = 0;
  std::vector<AggregateCall> calls_;
  std::vector<NamedExpr> outputs_;
  std::vector<std::string> broken_;  // results that have errors
  std::string path_;
  std::string wanted_name_;
  bool plain_ = true;
};

}  // namespace

std::optional<AggregateCall> bind_aggregate_call(Binder& input, const Ast& ast, const AggregateKind& kind,
                                                 AggregatePlace place) {
  const auto fail = [&](TextPos pos, std::string message) {
    input.diagnostics().error(pos, input.path(), std::move(message));
    return std::nullopt;
  };
  const AggregateKind* chosen = &kind;
  if (ast.distinct) {
    chosen = input.catalog().find_aggregate(kind.name + "_distinct");
    if (!chosen)
      return fail(ast.pos, fmt::format("{}() takes no 'distinct': only count(distinct x) does", ast.text));
  }
  AggregateCall call;
  call.function = chosen->name;
  call.pos = ast.pos;
  bool ok = true;
  for (const AstRef& arg : ast.args) {
    if (arg->kind == AstKind::star) continue;
    call.args.push_back(input.bind(*arg));
    ok = ok && call.args.back() != nullptr;
  }
  if (ast.filter) {
    call.filter = input.bind_condition(*ast.filter);
    ok = ok && call.filter != nullptr;
  }
  if (!ok) return std::nullopt;
  std::vector<ArgInfo> infos;
  for (const ExprRef& arg : call.args)
    infos.push_back({arg->type, arg->nullable, arg->op == ExprOp::literal ? &arg->value : nullptr});
  Result<std::shared_ptr<const Aggregate>> aggregate = chosen->make(infos);
  if (!aggregate.ok()) return fail(ast.pos, aggregate.status().message());
  if (place == AggregatePlace::window && chosen->name == "approx_quantile" && call.args.size() < 2)
    return fail(ast.pos,
                "approx_quantile() needs its fraction here: approx_quantile(x, 0.9) (the sketch alone is "
                "kept by rollups only)");
  call.aggregate = *std::move(aggregate);
  if (chosen->shares_by_first_argument && !call.args.empty()) {
    AggregateCall shared = call;
    shared.args.resize(1);
    call.share = call_text(shared, input.schema());
  }
  return call;
}

BoundAggregates bind_aggregates(const Catalog& catalog, const SchemaRef& input,
                                const std::vector<Field>& keys, const std::vector<SpecNamed>& aggregates,
                                const std::string& path, Diagnostics& diagnostics) {
  AggregateBinder binder(catalog, input, keys, diagnostics);
  for (const SpecNamed& aggregate : aggregates) {
    const std::string at = dotted(path, aggregate.name);
    const bool taken =
        aggregate.name == "window_start" || aggregate.name == "window_end" ||
        std::any_of(keys.begin(), keys.end(), [&](const Field& key) { return key.name == aggregate.name; });
    if (taken)
      diagnostics.error(aggregate.pos, at,
                        fmt::format("'{}' is already a column of this step's results", aggregate.name));
    else
      binder.add(aggregate, at);
  }
  return binder.finish();
}

}  // namespace rideflow
