#include "dsl/expression_binder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "dsl/expression_lexer.h"
#include "dsl/expression_types.h"
#include "dsl/foreign_words.h"
#include "engine/cast.h"

namespace rideflow {

namespace {

constexpr size_t kMaxBoundParts = 65'536;
constexpr int kMaxBoundDepth = 256;

struct OperatorName {
  std::string_view symbol;
  std::array<std::string_view, 3> names;  // in the catalog, the first that is there
};
constexpr std::array<OperatorName, 15> kOperators = {{
    {"+", {"+", "add", "plus"}},
    {"-", {"-", "subtract", "minus"}},
    {"*", {"*", "multiply", "times"}},
    {"/", {"/", "divide", "div"}},
    {"%", {"%", "mod", "modulo"}},
    {"=", {"=", "equal", "eq"}},
    {"<>", {"<>", "not_equal", "ne"}},
    {"<", {"<", "less", "lt"}},
    {"<=", {"<=", "less_equal", "le"}},
    {">", {">", "greater", "gt"}},
    {">=", {">=", "greater_equal", "ge"}},
    {"||", {"||", "concat", "append"}},
    {"like", {"like", "like", "like"}},
    {"negate", {"negate", "neg", "unary_minus"}},
    {"extract", {"extract", "date_part", "extract"}},
}};

bool is_comparison(std::string_view symbol) {
  return symbol == "=" || symbol == "<>" || symbol == "<" || symbol == "<=" || symbol == ">" ||
         symbol == ">=";
}

bool any_nullable(const std::vector<ExprRef>& args) {
  return std::any_of(args.begin(), args.end(), [](const ExprRef& arg) { return arg->nullable; });
}

bool is_text_literal(const Expr& e) {
  return e.op == ExprOp::literal && e.value.kind == Kind::string;
}

bool takes_text(const Type& type) {
  return type.kind == Kind::timestamp || type.kind == Kind::date;
}

}  // namespace

const FunctionKind* find_operator_function(const Catalog& catalog, std::string_view symbol) {
  for (const OperatorName& op : kOperators) {
    if (op.symbol != symbol) continue;
    for (const std::string_view name : op.names)
      if (const FunctionKind* kind = catalog.find_function(name)) return kind;
  }
  return nullptr;
}

std::string with_suggestion(std::string message, std::string_view word,
                            const std::vector<std::string>& candidates) {
  constexpr size_t kMostListed = 12;
  const std::string hint = did_you_mean(word, candidates);
  if (!hint.empty()) return message + " " + hint;
  if (candidates.empty() || candidates.size() > kMostListed) return message;
  return message + fmt::format(" (there are: {})", fmt::join(candidates, ", "));
}

std::vector<std::string> column_names(const Schema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema.fields()) names.push_back(field.name);
  return names;
}

Binder::Binder(const Catalog& catalog, SchemaRef schema, Diagnostics& diagnostics, std::string path)
    : catalog_(catalog), schema_(std::move(schema)), diagnostics_(diagnostics), path_(std::move(path)) {}

ExprRef Binder::error(TextPos pos, std::string message) {
  diagnostics_.error(pos, path_, std::move(message));
  return nullptr;
}

ExprRef Binder::node(ExprOp op, Type type, bool nullable, std::vector<ExprRef> args, TextPos pos) {
  Expr e;
  e.op = op;
  e.type = std::move(type);
  e.nullable = nullable;
  e.args = std::move(args);
  e.pos = pos;
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef Binder::to(const ExprRef& expr, const Type& type, TextPos pos) {
  Result<ExprRef> out = coerce(expr, type);
  if (!out.ok()) return error(pos, out.status().message());
  return *out;
}

bool Binder::bind_all(const std::vector<AstRef>& asts, std::vector<ExprRef>& out) {
  bool ok = true;
  for (const AstRef& ast : asts) {
    out.push_back(bind(*ast));
    ok = ok && out.back() != nullptr;
  }
  return ok;
}

// Coerces all to one type; text literals follow a timestamp or date among them.
bool Binder::unify(std::vector<ExprRef>& exprs, TextPos pos, std::string_view what) {
  Type type;
  for (const ExprRef& e : exprs)
    if (!is_text_literal(*e) && takes_text(e->type)) type = e->type;
  const bool time = type.kind != Kind::null;
  for (const ExprRef& e : exprs) {
    if (time && is_text_literal(*e)) continue;
    const std::optional<Type> common = common_type(type, e->type);
    if (!common) {
      error(pos, fmt::format("{} must have one type, here are {} and {} (cast one of them)", what,
                             type.to_string(), e->type.to_string()));
      return false;
    }
    type = *common;
  }
  for (ExprRef& e : exprs) {
    e = to(e, type, e->pos);
    if (!e) return false;
  }
  return true;
}

Binder::Extent Binder::extent(const ExprRef& expr) {
  if (const auto known = extents_.find(expr.get()); known != extents_.end()) return known->second.second;
  Extent out;
  for (const ExprRef& arg : expr->args) {
    const Extent of_arg = extent(arg);
    out.depth = std::max(out.depth, of_arg.depth + 1);
    out.parts = std::min(out.parts + of_arg.parts, kMaxBoundParts + 1);
  }
  extents_.emplace(expr.get(), std::make_pair(expr, out));
  return out;
}

// What is written is bounded by the parser. 'between', 'case' and nullif() repeat an operand, and a name may
// stand for another expression, so that a few lines can mean a tree that nobody can walk through.
ExprRef Binder::bind(const Ast& ast) {
  ExprRef expr = bind_any(ast);
  if (!expr) return expr;
  const Extent all = extent(expr);
  if (all.parts > kMaxBoundParts) {
    return error(ast.pos,
                 fmt::format("the expression has more than {} parts, counting what names stand for and "
                             "what 'between', 'case' and nullif() repeat",
                             kMaxBoundParts));
  }
  if (all.depth > kMaxBoundDepth) {
    return error(ast.pos,
                 fmt::format("the expression is nested deeper than {} levels, counting what names stand "
                             "for",
                             kMaxBoundDepth));
  }
  return expr;
}

ExprRef Binder::bind_any(const Ast& ast) {
  switch (ast.kind) {
    case AstKind::null_literal:
      return make_literal(Value::null(), Type(Kind::null), ast.pos);
    case AstKind::boolean:
      return make_literal(Value::boolean(ast.number != 0), Type(Kind::boolean), ast.pos);
    case AstKind::number: {
      Result<ExprRef> literal = number_literal(ast.text, ast.pos);
      if (!literal.ok()) return error(ast.pos, literal.status().message());
      return *literal;
    }
    case AstKind::string:
      return make_literal(Value::string(ast.text), Type(Kind::string), ast.pos);
    case AstKind::timestamp:
      return make_literal(Value::timestamp(ast.number), Type(Kind::timestamp), ast.pos);
    case AstKind::date:
      return make_literal(Value::date(static_cast<int32_t>(ast.number)), Type(Kind::date), ast.pos);
    case AstKind::interval:
      return make_literal(Value::interval(ast.number), Type(Kind::interval), ast.pos);
    case AstKind::name:
      return column(ast);
    case AstKind::field:
      return field(ast);
    case AstKind::star:
      return error(ast.pos, "'*' stands only in count(*)");
    case AstKind::call:
      return call(ast);
    case AstKind::not_:
    case AstKind::and_:
    case AstKind::or_:
      return logic(ast);
    case AstKind::negate:
    case AstKind::binary:
    case AstKind::like:
      return operation(ast);
    case AstKind::in:
      return in(ast);
    case AstKind::between:
      return between(ast);
    case AstKind::is_null:
    case AstKind::is_truth:
      return is_test(ast);
    case AstKind::distinct_from:
      return distinct_from(ast);
    case AstKind::case_:
      return case_of(ast);
    case AstKind::cast:
    case AstKind::try_cast:
      return cast(ast);
  }
  return nullptr;
}

ExprRef Binder::bind_condition(const Ast& ast) {
  ExprRef expr = bind(ast);
  if (!expr) return nullptr;
  if (expr->type.kind == Kind::null) return to(expr, Type(Kind::boolean), ast.pos);
  if (expr->type.kind != Kind::boolean)
    return error(ast.pos,
                 fmt::format("a condition must be true or false, this is {}", with_article(expr->type)));
  return expr;
}

ExprRef Binder::column(const Ast& ast) {
  // Without a type: its definition has an error, which was told.
  const auto known = [](ExprRef e) { return e->type.kind == Kind::null ? nullptr : e; };
  if (const std::optional<int> index = schema_->find(ast.text))
    return known(make_column(*schema_, *index, ast.pos));
  if (name_hook_) {
    if (ExprRef other = name_hook_(ast)) return known(std::move(other));
  }
  const bool callable =
      catalog_.find_function(ast.text) || (aggregate_hook_ && catalog_.find_aggregate(ast.text));
  if (callable)
    return error(ast.pos,
                 fmt::format("unknown column '{}' (the function is written {}())", ast.text, ast.text));
  if (const std::string_view advice = advice_on_name(lower_case(ast.text)); !advice.empty())
    return error(ast.pos, fmt::format("unknown column '{}': {}", ast.text, advice));
  if (unknown_message_) {
    std::string message = unknown_message_(ast.text);
    if (!message.empty()) return error(ast.pos, std::move(message));
  }
  return error(ast.pos, with_suggestion(fmt::format("unknown column '{}'", ast.text), ast.text,
                                        column_names(*schema_)));
}

ExprRef Binder::field(const Ast& ast) {
  const ExprRef parent = bind(*ast.args[0]);
  if (!parent) return nullptr;
  if (parent->type.kind != Kind::structure)
    return error(ast.pos,
                 fmt::format("'.{}' needs a struct, this is {}", ast.text, with_article(parent->type)));
  const std::vector<Field>& fields = *parent->type.children;
  std::vector<std::string> names;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == ast.text) {
      Expr e;
      e.op = ExprOp::field;
      e.type = fields[i].type;
      e.nullable = parent->nullable || fields[i].nullable;
      e.args = {parent};
      e.index = static_cast<int>(i);
      e.pos = ast.pos;
      return std::make_shared<const Expr>(std::move(e));
    }
    names.push_back(fields[i].name);
  }
  return error(ast.pos, with_suggestion(fmt::format("unknown field '{}'", ast.text), ast.text, names));
}

ExprRef Binder::logic(const Ast& ast) {
  std::vector<ExprRef> args;
  bool ok = true;
  for (const AstRef& arg : ast.args) {
    args.push_back(bind_condition(*arg));
    ok = ok && args.back() != nullptr;
  }
  if (!ok) return nullptr;
  const ExprOp op = ast.kind == AstKind::not_   ? ExprOp::not_
                    : ast.kind == AstKind::and_ ? ExprOp::and_
                                                : ExprOp::or_;
  const bool nullable = any_nullable(args);
  return node(op, Type(Kind::boolean), nullable, std::move(args), ast.pos);
}

ExprRef Binder::negated_if(const Ast& ast, ExprRef expr) {
  if (!expr || !ast.negated) return expr;
  const bool nullable = expr->nullable;
  return node(ExprOp::not_, Type(Kind::boolean), nullable, {std::move(expr)}, ast.pos);
}

// A number with a point beside a decimal is exact, not a double; a NULL takes the type beside it.
void Binder::adapt_literals(const Ast& ast, std::vector<ExprRef>& args) {
  for (size_t i = 0; i < 2; ++i) {
    const ExprRef& other = args[1 - i];
    if (ast.args[i]->kind == AstKind::number && other->type.kind == Kind::decimal) {
      if (const std::optional<ExprRef> exact = decimal_literal(ast.args[i]->text, ast.args[i]->pos))
        args[i] = *exact;
    }
    if (args[i]->type.kind == Kind::null && other->type.kind != Kind::null) {
      Type type = other->type;
      if (ast.text == "-" && takes_text(type)) type = Type(Kind::interval);
      args[i] = make_literal(Value::null(), type, args[i]->pos);
    }
  }
}

ExprRef Binder::operation(const Ast& ast) {
  std::vector<ExprRef> args;
  if (!bind_all(ast.args, args)) return nullptr;
  if (ast.kind == AstKind::negate) return invoke_operator("negate", std::move(args), ast.pos);
  if (ast.kind == AstKind::like) return negated_if(ast, invoke_operator("like", std::move(args), ast.pos));
  const auto is_text = [](const ExprRef& arg) { return arg->type.kind == Kind::string; };
  if (ast.text == "+" && is_text(args[0]) && is_text(args[1]))
    return error(ast.pos, "texts are joined by '||', not by '+'");
  adapt_literals(ast, args);
  if (is_comparison(ast.text)) return compare(ast.text, args[0], args[1], ast.pos);
  return invoke_operator(ast.text, std::move(args), ast.pos);
}

ExprRef Binder::compare(const std::string& symbol, ExprRef left, ExprRef right, TextPos pos) {
  // A literal follows the column, so that comparing an int32 column costs no cast.
  const auto narrow = [](ExprRef& literal, const ExprRef& other) {
    const bool whole = literal->op == ExprOp::literal && literal->value.kind == Kind::int64;
    if (!whole || other->type.kind != Kind::int32) return;
    if (literal->value.integer < INT32_MIN || literal->value.integer > INT32_MAX) return;
    if (Result<ExprRef> narrowed = coerce(literal, Type(Kind::int32)); narrowed.ok()) literal = *narrowed;
  };
  narrow(left, right);
  narrow(right, left);
  std::vector<ExprRef> args = {std::move(left), std::move(right)};
  if (!unify(args, pos, fmt::format("both sides of '{}'", symbol))) return nullptr;
  return invoke_operator(symbol, std::move(args), pos);
}

ExprRef Binder::between(const Ast& ast) {
  std::vector<ExprRef> args;
  if (!bind_all(ast.args, args)) return nullptr;
  for (size_t i = 1; i < 3; ++i) {
    if (ast.args[i]->kind == AstKind::number && args[0]->type.kind == Kind::decimal) {
      if (const std::optional<ExprRef> exact = decimal_literal(ast.args[i]->text, ast.args[i]->pos))
        args[i] = *exact;
    }
  }
  ExprRef low = compare(">=", args[0], args[1], ast.pos);
  ExprRef high = low ? compare("<=", args[0], args[2], ast.pos) : nullptr;
  if (!high) return nullptr;
  const bool nullable = low->nullable || high->nullable;
  return negated_if(ast, node(ExprOp::and_, Type(Kind::boolean), nullable, {low, high}, ast.pos));
}

ExprRef Binder::in(const Ast& ast) {
  std::vector<ExprRef> args;
  if (!bind_all(ast.args, args)) return nullptr;
  for (size_t i = 1; i < args.size(); ++i) {
    if (ast.args[i]->kind == AstKind::number && args[0]->type.kind == Kind::decimal) {
      if (const std::optional<ExprRef> exact = decimal_literal(ast.args[i]->text, ast.args[i]->pos))
        args[i] = *exact;
    }
  }
  if (!unify(args, ast.pos, "the value and the list of 'in'")) return nullptr;
  const bool nullable = any_nullable(args);
  return negated_if(ast, node(ExprOp::in_list, Type(Kind::boolean), nullable, std::move(args), ast.pos));
}

ExprRef Binder::is_test(const Ast& ast) {
  if (ast.kind == AstKind::is_null) {
    ExprRef arg = bind(*ast.args[0]);
    if (!arg) return nullptr;
    return negated_if(ast, node(ExprOp::is_null, Type(Kind::boolean), false, {std::move(arg)}, ast.pos));
  }
  ExprRef arg = bind_condition(*ast.args[0]);
  if (!arg) return nullptr;
  if (ast.text == "false") {
    const bool nullable = arg->nullable;
    arg = node(ExprOp::not_, Type(Kind::boolean), nullable, {std::move(arg)}, ast.pos);
  }
  ExprRef no = make_literal(Value::boolean(false), Type(Kind::boolean), ast.pos);
  return negated_if(
      ast, node(ExprOp::coalesce, Type(Kind::boolean), false, {std::move(arg), std::move(no)}, ast.pos));
}

// not coalesce(a = b, a is null and b is null).
ExprRef Binder::distinct_from(const Ast& ast) {
  std::vector<ExprRef> args;
  if (!bind_all(ast.args, args)) return nullptr;
  ExprRef equal = compare("=", args[0], args[1], ast.pos);
  if (!equal) return nullptr;
  const Type boolean(Kind::boolean);
  ExprRef left = node(ExprOp::is_null, boolean, false, {args[0]}, ast.pos);
  ExprRef right = node(ExprOp::is_null, boolean, false, {args[1]}, ast.pos);
  ExprRef both = node(ExprOp::and_, boolean, false, {std::move(left), std::move(right)}, ast.pos);
  ExprRef same = node(ExprOp::coalesce, boolean, false, {std::move(equal), std::move(both)}, ast.pos);
  return ast.negated ? same : node(ExprOp::not_, boolean, false, {std::move(same)}, ast.pos);
}

ExprRef Binder::case_of(const Ast& ast) {
  const size_t first = ast.has_operand ? 1 : 0;
  const size_t pairs = (ast.args.size() - first) / 2;
  ExprRef operand;
  if (ast.has_operand) {
    operand = bind(*ast.args[0]);
    if (!operand) return nullptr;
  }
  std::vector<ExprRef> conditions;
  std::vector<ExprRef> values;
  bool ok = true;
  for (size_t i = 0; i < pairs; ++i) {
    const Ast& when = *ast.args[first + 2 * i];
    if (operand) {
      const ExprRef value = bind(when);
      conditions.push_back(value ? compare("=", operand, value, when.pos) : nullptr);
    } else {
      conditions.push_back(bind_condition(when));
    }
    values.push_back(bind(*ast.args[first + 2 * i + 1]));
    ok = ok && conditions.back() && values.back();
  }
  values.push_back(ast.has_else ? bind(*ast.args.back())
                                : make_literal(Value::null(), Type(Kind::null), ast.pos));
  if (!ok || !values.back() || !unify(values, ast.pos, "the results of 'case'")) return nullptr;
  std::vector<ExprRef> args;
  for (size_t i = 0; i < pairs; ++i) {
    args.push_back(conditions[i]);
    args.push_back(values[i]);
  }
  args.push_back(values.back());
  const Type type = values.back()->type;
  const bool nullable = any_nullable(values);
  return node(ExprOp::case_, type, nullable, std::move(args), ast.pos);
}

ExprRef Binder::cast(const Ast& ast) {
  ExprRef arg = bind(*ast.args[0]);
  if (!arg) return nullptr;
  if (arg->type.kind == Kind::null) return make_literal(Value::null(), ast.type, ast.pos);
  if (!can_cast(arg->type, ast.type))
    return error(ast.pos,
                 fmt::format("{} can't be cast to {}", with_article(arg->type), ast.type.to_string()));
  if (ast.kind == AstKind::try_cast) return node(ExprOp::try_cast, ast.type, true, {std::move(arg)}, ast.pos);
  if (arg->type == ast.type) return arg;
  if (ast.type.kind == Kind::decimal && ast.args[0]->kind == AstKind::number) {
    if (const std::optional<ExprRef> exact = decimal_literal(ast.args[0]->text, ast.pos)) arg = *exact;
  }
  const bool nullable = arg->nullable;
  return node(ExprOp::cast, ast.type, nullable, {std::move(arg)}, ast.pos);
}

ExprRef Binder::call(const Ast& ast) {
  bool known = false;
  if (ExprRef out = conditional(ast, known); known) return out;
  const AggregateKind* aggregate = catalog_.find_aggregate(ast.text);
  const FunctionKind* function = catalog_.find_function(ast.text);
  if (ast.text == "extract") function = find_operator_function(catalog_, "extract");
  const bool wants_aggregate = aggregate_hook_ || ast.distinct || ast.filter;
  if (aggregate && (wants_aggregate || !function)) {
    if (!aggregate_hook_)
      return error(ast.pos, fmt::format("{}() is an aggregate: {}", ast.text, aggregate_hint_));
    return aggregate_hook_(ast, *aggregate);
  }
  if (!function) return unknown_function(ast);
  if (ast.distinct || ast.filter)
    return error(ast.pos, fmt::format("{}() is not an aggregate: it takes no '{}'", ast.text,
                                      ast.filter ? "filter" : "distinct"));
  std::vector<ExprRef> args;
  if (!bind_all(ast.args, args)) return nullptr;
  return invoke(*function, std::move(args), ast.pos);
}

// coalesce, ifnull, nullif and if are the evaluator's own: they do not look at what they do not need.
ExprRef Binder::conditional(const Ast& ast, bool& known) {
  const std::string& name = ast.text;
  known = name == "coalesce" || name == "ifnull" || name == "nvl" || name == "nullif" || name == "if";
  if (!known) return nullptr;
  const size_t least = name == "if" ? 3 : name == "coalesce" ? 1 : 2;
  const size_t most = name == "coalesce" ? ast.args.size() : least;
  if (ast.args.size() < least || ast.args.size() > most)
    return error(ast.pos, fmt::format("{}() takes {}{} arguments, here are {}", name,
                                      name == "coalesce" ? "at least " : "", least, ast.args.size()));
  std::vector<ExprRef> args;
  if (name == "if") {
    args.push_back(bind_condition(*ast.args[0]));
    args.push_back(bind(*ast.args[1]));
    args.push_back(bind(*ast.args[2]));
    if (!args[0] || !args[1] || !args[2]) return nullptr;
    std::vector<ExprRef> values = {args[1], args[2]};
    if (!unify(values, ast.pos, "the results of 'if'")) return nullptr;
    const Type type = values[0]->type;
    const bool nullable = any_nullable(values);
    return node(ExprOp::case_, type, nullable, {args[0], values[0], values[1]}, ast.pos);
  }
  if (!bind_all(ast.args, args)) return nullptr;
  if (name == "nullif") {
    ExprRef equal = compare("=", args[0], args[1], ast.pos);
    if (!equal) return nullptr;
    ExprRef none = make_literal(Value::null(), args[0]->type, ast.pos);
    const Type type = args[0]->type;
    return node(ExprOp::case_, type, true, {std::move(equal), std::move(none), args[0]}, ast.pos);
  }
  if (!unify(args, ast.pos, fmt::format("the arguments of {}()", name))) return nullptr;
  const Type type = args[0]->type;
  const bool nullable =
      std::all_of(args.begin(), args.end(), [](const ExprRef& arg) { return arg->nullable; });
  return node(ExprOp::coalesce, type, nullable, std::move(args), ast.pos);
}

ExprRef Binder::unknown_function(const Ast& ast) {
  if (const std::string_view advice = advice_on_function(ast.text); !advice.empty())
    return error(ast.pos, fmt::format("unknown function '{}': {}", ast.text, advice));
  std::vector<std::string> names = {"coalesce", "nullif", "ifnull", "if", "cast", "try_cast", "extract"};
  for (const auto& [name, kind] : catalog_.functions()) names.push_back(name);
  if (aggregate_hook_)
    for (const auto& [name, kind] : catalog_.aggregates()) names.push_back(name);
  return error(ast.pos, with_suggestion(fmt::format("unknown function '{}'", ast.text), ast.text, names));
}

ExprRef Binder::invoke_operator(std::string_view symbol, std::vector<ExprRef> args, TextPos pos) {
  const FunctionKind* kind = find_operator_function(catalog_, symbol);
  if (!kind) return error(pos, fmt::format("the operator '{}' is not available in this build", symbol));
  return invoke(*kind, std::move(args), pos);
}

ExprRef Binder::invoke(const FunctionKind& kind, std::vector<ExprRef> args, TextPos pos) {
  std::vector<ArgInfo> infos;
  for (const ExprRef& arg : args)
    infos.push_back({arg->type, arg->nullable, arg->op == ExprOp::literal ? &arg->value : nullptr});
  Result<BoundFunction> bound = kind.bind(infos);
  if (!bound.ok()) return error(pos, bound.status().message());
  auto function = std::make_shared<const BoundFunction>(*std::move(bound));
  for (size_t i = 0; i < args.size() && i < function->arg_types.size(); ++i) {
    args[i] = to(args[i], function->arg_types[i], args[i]->pos);
    if (!args[i]) return nullptr;
  }
  Expr e;
  e.op = ExprOp::call;
  e.type = function->result;
  e.nullable = function->nullable || (function->strict && any_nullable(args));
  e.args = std::move(args);
  e.function = std::move(function);
  e.pos = pos;
  return std::make_shared<const Expr>(std::move(e));
}

}  // namespace rideflow
