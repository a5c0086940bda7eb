#include "engine/expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/hash.h"

namespace rideflow {

namespace {

// The text of plans, by which state is found again (engine/state_type.h): a double stays as it always was
// there.
std::string literal_text(const Value& v) {
  return v.kind == Kind::float64 && std::isfinite(v.number) ? fmt::format("{}", v.number) : v.to_string();
}

bool same_value(const Value& a, const Value& b) {
  // Literals that print differently must not be merged: -0 and 0 are equal in the language.
  return a.kind == b.kind && compare(a, b) == 0 &&
         std::bit_cast<uint64_t>(a.number) == std::bit_cast<uint64_t>(b.number);
}

bool same_function(const Expr& a, const Expr& b) {
  if (a.function == b.function) return true;
  if (!a.function || !b.function) return false;
  return a.function->name == b.function->name && a.function->deterministic && b.function->deterministic &&
         a.function->result == b.function->result && a.function->arg_types == b.function->arg_types;
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string name_text(const std::string& name) {
  return is_plain_name(name) ? name : "`" + name + "`";
}

bool is_infix(std::string_view name) {
  constexpr std::string_view kInfix[] = {"+", "-",  "*", "/",  "%",  "=",   "<>",
                                         "<", "<=", ">", ">=", "||", "like"};
  return std::find(std::begin(kInfix), std::end(kInfix), name) != std::end(kInfix);
}

class Printer {
 public:
  explicit Printer(const Schema& schema) : schema_(schema) {}

  std::string text(const Expr& e) const {
    switch (e.op) {
      case ExprOp::literal:
        return literal(e);
      case ExprOp::column:
        return e.index < schema_.size() ? name_text(schema_.field(e.index).name)
                                        : fmt::format("#{}", e.index);
      case ExprOp::field:
        return operand(*e.args[0]) + "." +
               name_text((*e.args[0]->type.children)[static_cast<size_t>(e.index)].name);
      case ExprOp::call:
        return call(e);
      case ExprOp::and_:
        return joined(e.args, 0, " and ", /*operands=*/true);
      case ExprOp::or_:
        return joined(e.args, 0, " or ", /*operands=*/true);
      case ExprOp::not_:
        return "not " + operand(*e.args[0]);
      case ExprOp::is_null:
        return operand(*e.args[0]) + " is null";
      case ExprOp::in_list:
        return operand(*e.args[0]) + " in (" + joined(e.args, 1, ", ", false) + ")";
      case ExprOp::case_:
        return case_text(e);
      case ExprOp::coalesce:
        return "coalesce(" + joined(e.args, 0, ", ", false) + ")";
      case ExprOp::cast:
      case ExprOp::try_cast:
        return fmt::format("{}({} as {})", e.op == ExprOp::cast ? "cast" : "try_cast", text(*e.args[0]),
                           e.type.to_string());
    }
    return "?";
  }

 private:
  static std::string literal(const Expr& e) {
    switch (e.value.kind) {
      case Kind::timestamp:
        return "timestamp '" + e.value.to_string() + "'";
      case Kind::date:
        return "date '" + e.value.to_string() + "'";
      case Kind::interval:
        return "interval '" + e.value.to_string() + "'";
      default:
        return literal_text(e.value);
    }
  }

  // In parentheses where the language needs them around a part of an operator.
  std::string operand(const Expr& e) const {
    const bool atom = e.op == ExprOp::literal || e.op == ExprOp::column || e.op == ExprOp::field ||
                      e.op == ExprOp::case_ || e.op == ExprOp::coalesce || e.op == ExprOp::cast ||
                      e.op == ExprOp::try_cast ||
                      (e.op == ExprOp::call && !is_infix(e.function->name) && e.function->name != "neg");
    return atom ? text(e) : "(" + text(e) + ")";
  }

  std::string joined(const std::vector<ExprRef>& args, size_t from, std::string_view by,
                     bool operands) const {
    std::string out;
    for (size_t i = from; i < args.size(); ++i) {
      if (i > from) out += by;
      out += operands ? operand(*args[i]) : text(*args[i]);
    }
    return out;
  }

  std::string call(const Expr& e) const {
    const std::string& name = e.function->name;
    if (is_infix(name) && e.args.size() == 2) {
      return operand(*e.args[0]) + " " + name + " " + operand(*e.args[1]);
    }
    if (name == "neg") return "-" + operand(*e.args[0]);
    return name + "(" + joined(e.args, 0, ", ", false) + ")";
  }

  std::string case_text(const Expr& e) const {
    std::string out = "case";
    for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
      out += " when " + text(*e.args[i]) + " then " + text(*e.args[i + 1]);
    }
    return out + " else " + text(*e.args.back()) + " end";
  }

  const Schema& schema_;
};

}  // namespace

ExprRef make_literal(Value v, Type type, TextPos pos) {
  auto e = std::make_shared<Expr>();
  e->op = ExprOp::literal;
  e->type = std::move(type);
  e->nullable = v.is_null();
  e->value = std::move(v);
  e->pos = pos;
  return e;
}

ExprRef make_column(const Schema& schema, int index, TextPos pos) {
  auto e = std::make_shared<Expr>();
  e->op = ExprOp::column;
  e->type = schema.field(index).type;
  e->nullable = schema.field(index).nullable;
  e->index = index;
  e->pos = pos;
  return e;
}

bool same_expr(const Expr& a, const Expr& b) {
  if (&a == &b) return true;
  if (a.op != b.op || a.index != b.index || a.args.size() != b.args.size() || !(a.type == b.type))
    return false;
  if (!same_value(a.value, b.value) || !same_function(a, b)) return false;
  for (size_t i = 0; i < a.args.size(); ++i) {
    if (!same_expr(*a.args[i], *b.args[i])) return false;
  }
  return true;
}

uint64_t hash_expr(const Expr& e) {
  uint64_t h = hash_combine(static_cast<uint64_t>(e.op), static_cast<uint64_t>(e.type.kind));
  h = hash_combine(h, static_cast<uint64_t>(e.index));
  if (e.op == ExprOp::literal) h = hash_combine(h, hash_bytes(literal_text(e.value)));
  if (e.function) h = hash_combine(h, hash_bytes(e.function->name));
  for (const ExprRef& arg : e.args) h = hash_combine(h, hash_expr(*arg));
  return h;
}

std::string to_string(const Expr& e, const Schema& schema) {
  return Printer(schema).text(e);
}

void collect_columns(const Expr& e, std::vector<int>& out) {
  if (e.op == ExprOp::column) {
    const auto at = std::lower_bound(out.begin(), out.end(), e.index);
    if (at == out.end() || *at != e.index) out.insert(at, e.index);
  }
  for (const ExprRef& arg : e.args) collect_columns(*arg, out);
}

ExprRef remap_columns(const ExprRef& e, std::span<const int> columns) {
  auto copy = std::make_shared<Expr>(*e);
  if (e->op == ExprOp::column) {
    copy->index = columns[static_cast<size_t>(e->index)];
    return copy;
  }
  bool changed = false;
  for (ExprRef& arg : copy->args) {
    ExprRef mapped = remap_columns(arg, columns);
    changed |= mapped != arg;
    arg = std::move(mapped);
  }
  return changed ? ExprRef(copy) : e;
}

}  // namespace rideflow
