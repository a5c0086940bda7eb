#include "dsl/expression_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/cast.h"
#include "engine/decimal.h"
#include "engine/time.h"

namespace rideflow {

namespace {

std::optional<ExprRef> number_as(const Expr& literal, const Type& type) {
  const Value& v = literal.value;
  const bool whole = v.kind == Kind::int32 || v.kind == Kind::int64;
  if (whole && type.kind == Kind::int64) return make_literal(Value::int64(v.integer), type, literal.pos);
  if (whole && type.kind == Kind::int32) {
    if (v.integer < INT32_MIN || v.integer > INT32_MAX) return std::nullopt;
    return make_literal(Value::int32(static_cast<int32_t>(v.integer)), type, literal.pos);
  }
  if (whole && type.kind == Kind::float64)
    return make_literal(Value::float64(static_cast<double>(v.integer)), type, literal.pos);
  if (whole && type.kind == Kind::decimal) {
    const std::optional<Int128> units = rescale(v.integer, 0, type.scale);
    if (!units || !fits_precision(*units, type.precision)) return std::nullopt;
    return make_literal(Value::make_decimal(*units, type.scale), type, literal.pos);
  }
  if (v.kind == Kind::decimal && type.kind == Kind::decimal && type.scale >= v.scale) {
    const std::optional<Int128> units = rescale(v.decimal, v.scale, type.scale);
    if (!units || !fits_precision(*units, type.precision)) return std::nullopt;
    return make_literal(Value::make_decimal(*units, type.scale), type, literal.pos);
  }
  return std::nullopt;
}

Result<ExprRef> text_as(const Expr& literal, const Type& type) {
  const std::string& text = literal.value.text;
  const auto bad = [&](std::string_view what, std::string_view sample) {
    return Status::user(
        Code::invalid_argument,
        fmt::format("'{}' is compared with a {} but is not one (write '{}')", text, what, sample));
  };
  if (type.kind == Kind::timestamp) {
    const std::optional<Micros> time = parse_timestamp(text);
    if (!time) return bad("timestamp", "2026-01-31T12:00:00Z");
    return make_literal(Value::timestamp(*time), type, literal.pos);
  }
  const std::optional<int32_t> days = parse_date(text);
  if (!days) return bad("date", "2026-01-31");
  return make_literal(Value::date(*days), type, literal.pos);
}

}  // namespace

Result<ExprRef> coerce(const ExprRef& expr, const Type& type) {
  if (expr->type == type) return expr;
  if (expr->op == ExprOp::literal) {
    if (expr->value.is_null()) return make_literal(Value::null(), type, expr->pos);
    if (const std::optional<ExprRef> number = number_as(*expr, type)) return *number;
    if (expr->value.kind == Kind::string && (type.kind == Kind::timestamp || type.kind == Kind::date))
      return text_as(*expr, type);
  }
  Expr node;
  node.op = ExprOp::cast;
  node.type = type;
  node.nullable = expr->nullable;
  node.args = {expr};
  node.pos = expr->pos;
  return ExprRef(std::make_shared<const Expr>(std::move(node)));
}

Result<ExprRef> number_literal(const std::string& text, TextPos pos) {
  int64_t whole = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (text.find_first_of(".eE") == std::string::npos) {
    const auto [stop, code] = std::from_chars(begin, end, whole);
    if (code == std::errc() && stop == end) return make_literal(Value::int64(whole), Type(Kind::int64), pos);
    if (std::optional<ExprRef> exact = decimal_literal(text, pos)) return *exact;
  }
  double number = 0;
  const std::string padded = text.starts_with('.') ? "0" + text : text;
  const auto [stop, code] = std::from_chars(padded.data(), padded.data() + padded.size(), number);
  if (code != std::errc() || !std::isfinite(number))
    return Status::user(Code::invalid_argument, fmt::format("the number {} is too large for a double", text));
  return make_literal(Value::float64(number), Type(Kind::float64), pos);
}

std::optional<ExprRef> decimal_literal(const std::string& text, TextPos pos) {
  if (text.find_first_of("eE") != std::string::npos) return std::nullopt;
  const size_t point = text.find('.');
  const int scale =
      point == std::string::npos ? 0 : static_cast<int>(std::min<size_t>(text.size() - point - 1, 99));
  if (scale > kMaxDecimalDigits) return std::nullopt;
  const std::optional<Int128> units = parse_decimal(text, kMaxDecimalDigits, scale);
  if (!units) return std::nullopt;
  int digits = std::max(1, scale);
  while (digits < kMaxDecimalDigits && !fits_precision(*units, digits)) ++digits;
  return make_literal(Value::make_decimal(*units, scale), Type::decimal(digits, scale), pos);
}

std::string with_article(const Type& type) {
  const std::string name = type.to_string();
  return fmt::format("{} {}", name.starts_with('i') ? "an" : "a", name);  // int32, int64, interval
}

bool can_fail(const Expr& expr) {
  if (expr.op == ExprOp::cast && cast_can_fail(expr.args[0]->type, expr.type)) return true;
  if (expr.op == ExprOp::call && expr.function->can_fail) return true;
  return std::any_of(expr.args.begin(), expr.args.end(), [](const ExprRef& arg) { return can_fail(*arg); });
}

}  // namespace rideflow
