// Value: one value of any type, for the slow paths: literals, tests, JSON, sinks that write row by row.
//
// The hot path never makes one. Equality and order are those of the language: nulls last, NaN equal to itself
// and after every number, -0 = 0, strings by bytes, decimals by value.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/column.h"
#include "engine/ids.h"
#include "engine/type.h"

namespace rideflow {

struct Value {
  Kind kind = Kind::null;  // Kind::null is NULL of any type
  int64_t integer = 0;     // boolean, int32, int64, timestamp (us), date (days), interval (us)
  double number = 0;       // float64
  Int128 decimal = 0;      // decimal: units of 10^-scale
  uint8_t scale = 0;
  std::string text;          // string, bytes
  std::vector<Value> items;  // list items; structure fields in order

  static Value null() { return {}; }
  static Value boolean(bool v);
  static Value int32(int32_t v);
  static Value int64(int64_t v);
  static Value float64(double v);
  static Value make_decimal(Int128 units, int scale);
  static Value string(std::string v);
  static Value bytes(std::string v);
  static Value timestamp(Micros v);
  static Value date(int32_t days);
  static Value interval(int64_t micros);

  bool is_null() const { return kind == Kind::null; }
  bool is_true() const { return kind == Kind::boolean && integer != 0; }
  // For messages and the console: 'Lyon', 12.50, 2026-01-01T00:00:00Z, NULL.
  std::string to_string() const;
};

// The language's order. REQUIRES: same kind, or null, or both numeric.
std::strong_ordering compare(const Value& a, const Value& b);
inline bool operator==(const Value& a, const Value& b) {
  return compare(a, b) == 0;
}

Value value_at(const Column& column, int64_t row);

}  // namespace rideflow
