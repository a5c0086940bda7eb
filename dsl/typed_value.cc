#include "dsl/typed_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "dsl/expression_binder.h"
#include "dsl/expression_parser.h"
#include "dsl/expression_types.h"
#include "dsl/scalars.h"
#include "engine/catalog.h"
#include "engine/decimal.h"
#include "engine/number_text.h"

namespace rideflow {

namespace {

Status wrong(const YamlNode& node, const Type& type) {
  const std::string found = node.is_scalar() ? "'" + node.text + "'" : std::string(node.kind_name());
  return Status::user(Code::invalid_argument,
                      fmt::format("expected {}, found {}", with_article(type), found));
}

// A whole number in any spelling: 7, 7.0, 1e18.
std::optional<int64_t> whole_of(const std::string& text) {
  if (const Result<int64_t> v = parse_integer(text); v.ok()) return *v;
  const std::optional<ScaledNumber> v = scale_number(text, 0);
  if (!v || !v->exact || v->value < INT64_MIN || v->value > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(v->value);
}

Result<Value> scalar_of(const YamlNode& node, const Type& type) {
  const std::string& text = node.text;
  switch (type.kind) {
    case Kind::boolean:
      if (const Result<bool> v = parse_boolean(text); v.ok()) return Value::boolean(*v);
      break;
    case Kind::int32:
      if (const auto v = whole_of(text); v && *v >= INT32_MIN && *v <= INT32_MAX)
        return Value::int32(static_cast<int32_t>(*v));
      break;
    case Kind::int64:
      if (const auto v = whole_of(text)) return Value::int64(*v);
      break;
    case Kind::float64:
      if (const Result<double> v = parse_number(text); v.ok()) return Value::float64(*v);
      // YAML's own spellings of what no number is.
      if (text == ".nan") return Value::float64(std::numeric_limits<double>::quiet_NaN());
      if (text == ".inf") return Value::float64(std::numeric_limits<double>::infinity());
      if (text == "-.inf") return Value::float64(-std::numeric_limits<double>::infinity());
      break;
    case Kind::decimal:
      if (const std::optional<Int128> units = parse_decimal(text, type.precision, type.scale))
        return Value::make_decimal(*units, type.scale);
      break;
    case Kind::string:
      return Value::string(text);
    case Kind::bytes:
      return Value::bytes(text);
    case Kind::timestamp:
      if (const Result<Micros> v = parse_time(text); v.ok()) return Value::timestamp(*v);
      break;
    case Kind::date:
      if (const std::optional<int32_t> days = parse_date(text)) return Value::date(*days);
      break;
    case Kind::interval:
      if (const Result<int64_t> v = parse_interval(text); v.ok()) return Value::interval(*v);
      break;
    case Kind::null:
    case Kind::list:
    case Kind::structure:
      break;
  }
  return wrong(node, type);
}

Result<Value> list_of(const YamlNode& node, const Type& type) {
  if (!node.is_list()) return wrong(node, type);
  Value out;
  out.kind = Kind::list;
  const Field& item = type.children->front();
  for (const YamlNode& child : node.items) {
    RF_ASSIGN(Value value, value_of(child, item.type, item.nullable));
    out.items.push_back(std::move(value));
  }
  return out;
}

Result<Value> structure_of(const YamlNode& node, const Type& type) {
  if (!node.is_map()) return wrong(node, type);
  std::vector<std::string> names;
  for (const Field& field : *type.children) names.push_back(field.name);
  for (const YamlEntry& entry : node.entries) {
    if (std::find(names.begin(), names.end(), entry.key) != names.end()) continue;
    return Status::user(Code::invalid_argument,
                        with_suggestion(fmt::format("unknown field '{}'", entry.key), entry.key, names));
  }
  Value out;
  out.kind = Kind::structure;
  for (const Field& field : *type.children) {
    const YamlNode* child = node.find(field.name);
    if (!child) {
      out.items.push_back(default_value(field.type, field.nullable));
      continue;
    }
    RF_ASSIGN(Value value, value_of(*child, field.type, field.nullable));
    out.items.push_back(std::move(value));
  }
  return out;
}

}  // namespace

Result<Value> value_of(const YamlNode& node, const Type& type, bool nullable) {
  if (node.is_null()) {
    if (nullable) return Value::null();
    return Status::user(Code::invalid_argument, fmt::format("null is no {} here", type.to_string()));
  }
  if (type.kind == Kind::list) return list_of(node, type);
  if (type.kind == Kind::structure) return structure_of(node, type);
  if (!node.is_scalar()) return wrong(node, type);
  return scalar_of(node, type);
}

Value default_value(const Type& type, bool nullable) {
  if (nullable) return Value::null();
  Value out;
  out.kind = type.kind;
  out.scale = type.scale;
  if (type.kind == Kind::structure)
    for (const Field& field : *type.children) out.items.push_back(default_value(field.type, field.nullable));
  return out;
}

}  // namespace rideflow
