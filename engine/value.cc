#include "engine/value.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/decimal.h"
#include "engine/number_text.h"
#include "engine/time.h"

namespace rideflow {

namespace {

Value of_integer(Kind kind, int64_t v) {
  Value value;
  value.kind = kind;
  value.integer = v;
  return value;
}

std::strong_ordering compare_doubles(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  if (a < b) return std::strong_ordering::less;
  return a > b ? std::strong_ordering::greater : std::strong_ordering::equal;
}

bool is_integer(const Value& v) {
  return v.kind == Kind::int32 || v.kind == Kind::int64;
}

double as_double(const Value& v) {
  if (v.kind == Kind::float64) return v.number;
  return v.kind == Kind::decimal ? decimal_to_double(v.decimal, v.scale) : static_cast<double>(v.integer);
}

std::strong_ordering compare_numbers(const Value& a, const Value& b) {
  if (is_integer(a) && is_integer(b)) return a.integer <=> b.integer;
  if (a.kind == Kind::float64 || b.kind == Kind::float64) return compare_doubles(as_double(a), as_double(b));
  const Int128 a_units = is_integer(a) ? Int128{a.integer} : a.decimal;
  const Int128 b_units = is_integer(b) ? Int128{b.integer} : b.decimal;
  return compare_decimals(a_units, is_integer(a) ? 0 : a.scale, b_units, is_integer(b) ? 0 : b.scale);
}

bool is_number(const Value& v) {
  return is_integer(v) || v.kind == Kind::float64 || v.kind == Kind::decimal;
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

}  // namespace

Value Value::boolean(bool v) {
  return of_integer(Kind::boolean, v ? 1 : 0);
}
Value Value::int32(int32_t v) {
  return of_integer(Kind::int32, v);
}
Value Value::int64(int64_t v) {
  return of_integer(Kind::int64, v);
}
Value Value::float64(double v) {
  Value value;
  value.kind = Kind::float64;
  value.number = v;
  return value;
}
Value Value::make_decimal(Int128 units, int scale) {
  Value value;
  value.kind = Kind::decimal;
  value.decimal = units;
  value.scale = static_cast<uint8_t>(scale);
  return value;
}
Value Value::string(std::string v) {
  Value value;
  value.kind = Kind::string;
  value.text = std::move(v);
  return value;
}
Value Value::bytes(std::string v) {
  Value value = string(std::move(v));
  value.kind = Kind::bytes;
  return value;
}
Value Value::timestamp(Micros v) {
  return of_integer(Kind::timestamp, v);
}
Value Value::date(int32_t days) {
  return of_integer(Kind::date, days);
}
Value Value::interval(int64_t micros) {
  return of_integer(Kind::interval, micros);
}

std::string Value::to_string() const {
  switch (kind) {
    case Kind::null:
      return "NULL";
    case Kind::boolean:
      return integer != 0 ? "true" : "false";
    case Kind::int32:
    case Kind::int64:
      return std::to_string(integer);
    case Kind::float64:
      return format_double(number);
    case Kind::decimal:
      return format_decimal(decimal, scale);
    case Kind::string:
      return quoted(text);
    case Kind::bytes: {
      std::string out = "x'";
      for (const char c : text) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
      return out + "'";
    }
    case Kind::timestamp:
      return format_timestamp(integer);
    case Kind::date:
      return format_date(static_cast<int32_t>(integer));
    case Kind::interval:
      return interval_to_iso(integer);
    case Kind::list:
    case Kind::structure: {
      std::string out = kind == Kind::list ? "[" : "(";
      for (size_t i = 0; i < items.size(); ++i) {
        if (i > 0) out += ", ";
        out += items[i].to_string();
      }
      return out + (kind == Kind::list ? "]" : ")");
    }
  }
  return "unknown";
}

std::strong_ordering compare(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() <=> b.is_null();
  if (is_number(a) && is_number(b)) return compare_numbers(a, b);
  if (a.kind != b.kind) return a.kind <=> b.kind;
  switch (a.kind) {
    case Kind::string:
    case Kind::bytes: {
      const int order = a.text.compare(b.text);  // char_traits<char> compares as unsigned bytes
      return order <=> 0;
    }
    case Kind::list:
    case Kind::structure:
      for (size_t i = 0; i < a.items.size() && i < b.items.size(); ++i) {
        if (const auto order = compare(a.items[i], b.items[i]); order != 0) return order;
      }
      return a.items.size() <=> b.items.size();
    default:
      return a.integer <=> b.integer;
  }
}

Value value_at(const Column& column, int64_t row) {
  if (column.is_null(row)) return Value::null();
  switch (column.type.kind) {
    case Kind::null:
      return Value::null();
    case Kind::boolean:
      return Value::boolean(column.boolean(row));
    case Kind::int32:
    case Kind::date:
      return of_integer(column.type.kind, column.values<int32_t>()[row]);
    case Kind::int64:
    case Kind::timestamp:
    case Kind::interval:
      return of_integer(column.type.kind, column.values<int64_t>()[row]);
    case Kind::float64:
      return Value::float64(column.values<double>()[row]);
    case Kind::decimal:
      return Value::make_decimal(column.values<Int128>()[row], column.type.scale);
    case Kind::string:
      return Value::string(std::string(column.string(row)));
    case Kind::bytes:
      return Value::bytes(std::string(column.string(row)));
    case Kind::list: {
      Value list;
      list.kind = Kind::list;
      const auto* offsets = column.values<int32_t>();
      for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
        list.items.push_back(value_at(column.children[0], i));
      }
      return list;
    }
    case Kind::structure: {
      Value structure;
      structure.kind = Kind::structure;
      for (const Column& child : column.children) structure.items.push_back(value_at(child, row));
      return structure;
    }
  }
  return Value::null();
}

}  // namespace rideflow
