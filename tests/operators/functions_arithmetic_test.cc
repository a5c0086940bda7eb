#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/civil.h"
#include "engine/decimal.h"
#include "tests/operators/functions.h"

namespace rideflow::test {
namespace functions_arithmetic_test {

template <class T>
std::optional<Value> reference_integers(const std::string& op, const std::vector<Value>& in) {
  const Int128 x = in[0].integer;
  const Int128 y = in[1].integer;
  if ((op == "/" || op == "%") && y == 0) return std::nullopt;
  const Int128 r = op == "+" ? x + y : op == "-" ? x - y : op == "*" ? x * y : op == "/" ? x / y : x % y;
  if (r < std::numeric_limits<T>::min() || r > std::numeric_limits<T>::max()) return std::nullopt;
  return sizeof(T) == 4 ? Value::int32(static_cast<int32_t>(r)) : Value::int64(static_cast<int64_t>(r));
}

TEST(Arithmetic, IntegersFailInsteadOfWrapping) {
  for (const std::string op : {"+", "-", "*", "/", "%"}) {
    check_function(op, {Kind::int64, Kind::int64},
                   [&](const auto& in) { return reference_integers<int64_t>(op, in); });
    check_function(op, {Kind::int32, Kind::int32},
                   [&](const auto& in) { return reference_integers<int32_t>(op, in); });
    check_function(op, {Kind::int32, Kind::int64},
                   [&](const auto& in) { return reference_integers<int64_t>(op, in); });
  }
  EXPECT_EQ(call_text("/", {lit(7), lit(2)}), "3");
  EXPECT_EQ(call_text("/", {lit(-7), lit(2)}), "-3");
  EXPECT_EQ(call_text("%", {lit(-7), lit(3)}), "-1");
  EXPECT_EQ(call_text("/", {lit(7), lit(0)}), "error: division by zero");
  EXPECT_EQ(call_text("+", {lit(INT32_MAX), lit(1)}), "error: 2147483647 + 1 is out of range of int32");
  EXPECT_EQ(call_text("neg", {lit(INT64_MIN)}), "error: -(-9223372036854775808) is out of range of int64");
  EXPECT_EQ(call_text("neg", {dec("1.50", 5, 2)}), "-1.50");
}

TEST(Arithmetic, DoublesFailWhenTheyOverflowOrDivideByZero) {
  for (const std::string op : {"+", "-", "*", "/", "%"}) {
    check_function(op, {Kind::float64, Kind::float64}, [&](const auto& in) -> std::optional<Value> {
      const double x = in[0].number;
      const double y = in[1].number;
      if ((op == "/" || op == "%") && y == 0) return std::nullopt;
      const double r = op == "+"   ? x + y
                       : op == "-" ? x - y
                       : op == "*" ? x * y
                       : op == "/" ? x / y
                                   : std::fmod(x, y);
      if (std::isinf(r) && std::isfinite(x) && std::isfinite(y)) return std::nullopt;
      return Value::float64(r);
    });
  }
  EXPECT_EQ(call_text("/", {lit(1.0), lit(0)}), "error: division by zero");
  EXPECT_EQ(call_text("*", {lit(1e300), lit(1e300)}), "error: 1e+300 * 1e+300 is out of range of double");
  EXPECT_EQ(call_text("+", {lit(1), lit(2.5)}), "3.5");
}

TEST(Arithmetic, DecimalsKeepTheirPlaces) {
  EXPECT_EQ(call_text("+", {dec("1.5", 3, 1), dec("2.25", 5, 2)}), "3.75");
  EXPECT_EQ(call_text("*", {dec("1.5", 3, 1), dec("2.25", 5, 2)}), "3.375");
  EXPECT_EQ(call_text("/", {dec("1", 3, 0), dec("3", 3, 0)}), "0.333333");
  EXPECT_EQ(call_text("/", {dec("2.00", 10, 2), lit(3)}), "0.6666666666667");
  EXPECT_EQ(call_text("%", {dec("7.5", 3, 1), lit(2)}), "1.5");
  EXPECT_EQ(call_text("+", {dec("1.5", 3, 1), lit(2.25)}), "3.75");
  EXPECT_EQ(call_text("/", {dec("1", 3, 0), dec("0", 3, 0)}), "error: division by zero");
  const std::string nines(38, '9');
  EXPECT_THAT(call_text("+", {dec(nines.c_str(), 38, 0), lit(1)}),
              testing::HasSubstr("out of range of decimal(38,0)"));
  EXPECT_THAT(call_text("*", {dec(nines.c_str(), 38, 0), lit(10)}), testing::HasSubstr("out of range"));
  // The product of two long scales gives up places, not digits.
  EXPECT_EQ(call_text("*", {dec("12345678901234567890.12345678", 38, 8), dec("2.00000000", 38, 8)}),
            "24691357802469135780.246914");
  check_function("+", {Type::decimal(20, 4), Type::decimal(12, 3)},
                 [](const auto& in) -> std::optional<Value> {
                   return Value::make_decimal(in[0].decimal + in[1].decimal * 10, 4);
                 });
  check_function("*", {Type::decimal(12, 3), Type::decimal(12, 3)},
                 [](const auto& in) -> std::optional<Value> {
                   return Value::make_decimal(in[0].decimal * in[1].decimal, 6);
                 });
  check_function("%", {Type::decimal(12, 3), Kind::int32}, [](const auto& in) -> std::optional<Value> {
    if (in[1].integer == 0) return std::nullopt;
    return Value::make_decimal(in[0].decimal % (in[1].integer * Int128{1000}), 3);
  });
}

TEST(Arithmetic, TimesAndIntervals) {
  EXPECT_EQ(call_text("-", {ts("2026-01-02"), ts("2026-01-01")}), "P1D");
  EXPECT_EQ(call_text("-", {ts("2026-01-02"), date("2026-01-01")}), "P1D");
  EXPECT_EQ(call_text("-", {date("2026-01-02"), date("2026-01-01")}), "P1D");
  EXPECT_EQ(call_text("+", {ts("2026-01-01"), span("90m")}), "2026-01-01T01:30:00Z");
  EXPECT_EQ(call_text("+", {span("90m"), ts("2026-01-01")}), "2026-01-01T01:30:00Z");
  EXPECT_EQ(call_text("-", {date("2026-01-01"), span("1h")}), "2025-12-31T23:00:00Z");
  EXPECT_EQ(call_text("+", {date("2026-01-01"), lit(31)}), "2026-02-01");
  EXPECT_EQ(call_text("-", {date("2026-01-01"), lit(1)}), "2025-12-31");
  EXPECT_EQ(call_text("+", {span("1h"), span("30m")}), "PT1H30M");
  EXPECT_EQ(call_text("*", {span("1h"), lit(1.5)}), "PT1H30M");
  EXPECT_EQ(call_text("*", {lit(2), span("1h")}), "PT2H");
  EXPECT_EQ(call_text("/", {span("1h"), lit(4)}), "PT15M");
  EXPECT_EQ(call_text("/", {span("1h"), span("30m")}), "2.0");
  EXPECT_EQ(call_text("neg", {span("1h")}), "-PT1H");
  EXPECT_EQ(call_text("-", {ts("2026-01-01"), null_lit()}), "NULL");
  EXPECT_EQ(call_text("/", {span("1h"), lit(0)}), "error: division by zero");
  EXPECT_EQ(call_text("+", {ts("9999-12-31"), span("1d")}),
            "error: 9999-12-31T00:00:00Z + P1D is out of range of timestamp");
  EXPECT_EQ(call_text("-", {date("0001-01-01"), lit(1)}), "error: 0001-01-01 - 1 is out of range of date");
  EXPECT_THAT(call_text("*", {span("1h"), lit(1e300)}), testing::HasSubstr("out of range of interval"));
  EXPECT_EQ(call_text("+", {ts("2026-01-01"), ts("2026-01-01")}),
            "refused: + takes two numbers, or a time and an interval, not (timestamp, timestamp)");
  check_function("-", {Kind::timestamp, Kind::timestamp}, [](const auto& in) -> std::optional<Value> {
    return Value::interval(in[0].integer - in[1].integer);
  });
  check_function("+", {Kind::date, Kind::interval}, [](const auto& in) -> std::optional<Value> {
    const int64_t t = in[0].integer * kMicrosPerDay + in[1].integer;
    return t < kFirstMicros || t > kLastMicros ? std::nullopt : std::optional(Value::timestamp(t));
  });
}

TEST(Arithmetic, RefusesWhatHasNoMeaning) {
  EXPECT_EQ(bind_error("+", {Kind::string, Kind::int64}),
            "+ takes two numbers, or a time and an interval, not (string, int64)");
  EXPECT_THAT(bind_error("neg", {Kind::string}), testing::HasSubstr("not (string)"));
  EXPECT_THAT(bind_error("*", {Kind::timestamp, Kind::int64}), testing::HasSubstr("takes two numbers"));
  EXPECT_EQ(call_text("+", {null_lit(), null_lit()}), "NULL");
}

TEST(Comparison, EveryTypeInTheLanguagesOrder) {
  const std::vector<std::pair<std::string, std::function<bool(int)>>> operators = {
      {"=", [](int c) { return c == 0; }}, {"<>", [](int c) { return c != 0; }},
      {"<", [](int c) { return c < 0; }},  {"<=", [](int c) { return c <= 0; }},
      {">", [](int c) { return c > 0; }},  {">=", [](int c) { return c >= 0; }}};
  for (const auto& each : operators) {
    const std::string& name = each.first;
    const auto& holds = each.second;
    const RowFunction expected = [&holds](const std::vector<Value>& in) -> std::optional<Value> {
      const auto order = compare(in[0], in[1]);
      return Value::boolean(holds(order < 0 ? -1 : order > 0 ? 1 : 0));
    };
    for (const Type& type : some_types()) {
      // Equal values often enough.
      check_function(name, {type, type}, expected, [&](size_t, Random& random) {
        Random few(static_cast<uint64_t>(below(random, 9)));
        return random_value(type, few);
      });
    }
    check_function(name, {Kind::int32, Type::decimal(12, 3)}, expected);
    check_function(name, {Type::decimal(38, 0), Type::decimal(38, 38)}, expected);
    check_function(name, {Kind::int64, Kind::float64}, expected);
    check_function(name, {Kind::string, Kind::string}, expected);
    // Texts that begin alike, of 11 to 34 bytes, with one letter that may be another.
    check_function(name, {Kind::string, Kind::string}, expected, [&](size_t, Random& random) {
      std::string text(std::string("ride_completed_by_the_driver_today"), 0,
                       static_cast<size_t>(11 + below(random, 3) * below(random, 9)));
      if (below(random, 3) == 0)
        text[static_cast<size_t>(below(random, static_cast<int64_t>(text.size())))] = '#';
      return Value::string(text);
    });
  }
}

TEST(Comparison, LiteralsOfTextAreReadAsTheOtherType) {
  EXPECT_EQ(call_text("<", {ts("2026-01-01"), lit("2026-01-02")}), "true");
  EXPECT_EQ(call_text("=", {lit("2026-01-01"), date("2026-01-01")}), "true");
  EXPECT_EQ(call_text("=", {ts("2026-01-01"), date("2026-01-01")}), "true");
  EXPECT_EQ(call_text("<", {ts("2026-01-01"), lit("soon")}), "refused: cannot cast 'soon' to timestamp");
  EXPECT_EQ(bind_error("=", {Kind::string, Kind::int64}),
            "= takes two values of types that can be compared, not (string, int64)");
  EXPECT_EQ(call_text("=", {null_lit(), lit(1)}), "NULL");
}

}  // namespace functions_arithmetic_test
}  // namespace rideflow::test
