// Datum and QueryValue: one value while a query runs.
//
// A Datum points at a value (a dictionary entry, a cell); a QueryValue owns one: a result, a group's key.
// Text form is Druid's: numbers as Java prints them, null is not text.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rollup/sketches.h"

namespace rideflow::rollup {

struct Datum {
  enum class Kind : uint8_t { null, integer, number, text } kind = Kind::null;
  int64_t integer = 0;
  double number = 0;
  std::string_view text;

  static Datum of(int64_t v) { return {Kind::integer, v, 0, {}}; }
  static Datum of(double v) { return {Kind::number, 0, v, {}}; }
  static Datum of(std::string_view v) { return {Kind::text, 0, 0, v}; }
  bool is_null() const { return kind == Kind::null; }
  bool is_numeric() const { return kind == Kind::integer || kind == Kind::number; }
  // REQUIRES: is_numeric().
  double as_double() const { return kind == Kind::integer ? static_cast<double>(integer) : number; }
};

// A number as Java prints it: 882.0, 7.1233507E8, NaN, Infinity.
std::string java_double(double v);
// As Java casts: towards zero, the nearest long beyond their range, NaN is 0.
int64_t java_long(double v);
// Nothing for null.
std::optional<std::string> text_of(const Datum& d);
// The number that a text holds, or that the datum is. Nothing when it is none.
std::optional<double> number_of(const Datum& d);
// Java's words NaN and Infinity too, but not C's: "nan" and "inf" are texts.
std::optional<double> parse_double(std::string_view text);
std::optional<int64_t> parse_long(std::string_view text);

using QueryValue = std::variant<std::monostate, int64_t, double, std::string, std::vector<double>,
                                std::shared_ptr<const Quantiles>, std::shared_ptr<const Distinct>>;

inline bool is_null(const QueryValue& v) {
  return std::holds_alternative<std::monostate>(v);
}
QueryValue value_of(const Datum& d);
// A view of a value; sketches and lists are null. Valid while the value lives.
Datum datum_of(const QueryValue& v);
// Appends JSON: NaN and infinities as text, sketches as what they finalise to.
void append_json(std::string& out, const QueryValue& v);
void append_json_double(std::string& out, double v);

enum class Ordering : uint8_t { lexicographic, alphanumeric, numeric, strlen, version };
std::optional<Ordering> parse_ordering(std::string_view text);
// Negative, 0 or positive; nulls first; a total order. Numbers compare by their exact values, whatever holds
// them (a long, a double, decimal text), NaN after all others. Numeric: what is no number, and the words NaN
// and Infinity are none, sorts before numbers, by its text.
int compare(const Datum& a, const Datum& b, Ordering ordering);

}  // namespace rideflow::rollup
