#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/decimal.h"
#include "engine/hash.h"
#include "tests/operators/functions.h"

namespace rideflow::test {
namespace functions_math_test {

using testing::HasSubstr;

TEST(Math, FunctionsOfDoublesFailWithoutAValue) {
  const std::vector<std::pair<std::string, double (*)(double)>> all = {
      {"sqrt", std::sqrt}, {"ln", std::log}, {"log10", std::log10}, {"exp", std::exp}};
  for (const auto& each : all) {
    const auto f = each.second;
    check_function(each.first, {Kind::float64}, [f](const auto& in) -> std::optional<Value> {
      const double r = f(in[0].number);
      return !std::isfinite(r) && std::isfinite(in[0].number) ? std::nullopt
                                                              : std::optional(Value::float64(r));
    });
  }
  EXPECT_EQ(call_text("sqrt", {lit(-1)}), "error: sqrt(-1) has no value");
  EXPECT_EQ(call_text("ln", {lit(0)}), "error: ln(0) has no value");
  EXPECT_EQ(call_text("power", {lit(2), lit(0.5)}), "1.4142135623730951");
  EXPECT_EQ(call_text("pow", {lit(10), lit(400)}), "error: power(10, 400) has no value");
  EXPECT_EQ(call_text("power", {lit(-8), lit(0.5)}), "error: power(-8, 0.5) has no value");
  EXPECT_EQ(call_text("sqrt", {dec("2.25", 5, 2)}), "1.5");
  EXPECT_EQ(bind_error("sqrt", {Kind::string}), "sqrt takes a number, not (string)");
}

TEST(Math, AbsAndSign) {
  EXPECT_EQ(call_text("abs", {lit(INT32_MIN)}), "error: abs(-2147483648) is out of range of int32");
  EXPECT_EQ(call_text("abs", {dec("-1.50", 5, 2)}), "1.50");
  EXPECT_EQ(call_text("abs", {lit(-0.5)}), "0.5");
  EXPECT_EQ(call_text("sign", {dec("-1.50", 5, 2)}), "-1");
  EXPECT_EQ(call_text("sign", {span("1h")}), "1");
  EXPECT_EQ(call_text("sign", {lit(0)}), "0");
  check_function("abs", {Kind::int64}, [](const auto& in) -> std::optional<Value> {
    if (in[0].integer == INT64_MIN) return std::nullopt;
    return Value::int64(std::abs(in[0].integer));
  });
}

TEST(Math, Rounding) {
  EXPECT_EQ(call_text("round", {lit(2.5)}), "3.0");
  EXPECT_EQ(call_text("round", {lit(-2.5)}), "-3.0");
  EXPECT_EQ(call_text("round", {lit(0.285), lit(2)}), "0.29");
  EXPECT_EQ(call_text("round", {lit(2.345), lit(2)}), "2.35");
  EXPECT_EQ(call_text("round", {lit(-1.005), lit(2)}), "-1.01");
  EXPECT_EQ(call_text("round", {lit(1250.0), lit(-2)}), "1300.0");
  EXPECT_EQ(call_text("round", {lit(1e300), lit(2)}), "1e300");
  EXPECT_EQ(call_text("round", {lit(3.7), lit(-400)}), "0.0");
  EXPECT_EQ(call_text("round", {lit(7)}), "7");
  EXPECT_EQ(call_text("round", {dec("2.345", 10, 3), lit(2)}), "2.35");
  EXPECT_EQ(call_text("round", {dec("-2.5", 10, 1)}), "-3");
  EXPECT_EQ(call_text("floor", {dec("-2.5", 10, 1)}), "-3");
  EXPECT_EQ(call_text("ceil", {dec("-2.5", 10, 1)}), "-2");
  EXPECT_EQ(call_text("ceil", {dec("9.5", 2, 1)}), "10");
  EXPECT_EQ(call_text("floor", {lit(-2.5)}), "-3.0");
  EXPECT_EQ(call_text("ceiling", {lit(2.1)}), "3.0");
  // Every number of three places is its own rounding, and rounds to two as its text does.
  for (int i = -20'000; i <= 20'000; i += 13) {
    const double x = i / 1000.0;
    const auto units = parse_decimal(fmt::format("{}", x), 20, 2);
    const std::string got = call_text("round", {lit(x), lit(2)});
    ASSERT_EQ(std::stod(got), decimal_to_double(*units, 2)) << x;
    if (i % 50 == 0) {
      ASSERT_EQ(std::stod(call_text("round", {lit(x), lit(3)})), x);
    }
  }
}

TEST(Math, TryDivideGivesNull) {
  check_function("try_divide", {Kind::int64, Kind::int64}, [](const auto& in) -> std::optional<Value> {
    const bool bad = in[1].integer == 0 || (in[0].integer == INT64_MIN && in[1].integer == -1);
    return bad ? Value::null() : Value::int64(in[0].integer / in[1].integer);
  });
  EXPECT_EQ(call_text("try_divide", {lit(1.0), lit(0)}), "NULL");
  EXPECT_EQ(call_text("try_divide", {span("1h"), span("0s")}), "NULL");
}

TEST(Choice, LeastAndGreatestLeaveNullsOut) {
  for (const Type& type : some_types()) {
    for (const bool greatest : {false, true}) {
      check_function(
          greatest ? "greatest" : "least", {type, type, type},
          [greatest](const auto& in) -> std::optional<Value> {
            Value best;
            for (const Value& v : in) {
              if (v.is_null()) continue;
              const bool better = best.is_null() || (greatest ? compare(v, best) > 0 : compare(v, best) < 0);
              if (better) best = v;
            }
            return best;
          },
          {}, /*strict=*/false);
    }
  }
  EXPECT_EQ(call_text("greatest", {lit(1), lit(2.5)}), "2.5");
  EXPECT_EQ(call_text("least", {null_lit(), null_lit()}), "NULL");
  EXPECT_EQ(call_text("greatest", {lit(1), lit("a")}),
            "refused: greatest takes values of types that can be compared, not (int32, string)");
}

TEST(Choice, NullifAndIfnull) {
  check_function(
      "nullif", {Kind::int64, Kind::int64},
      [](const auto& in) -> std::optional<Value> {
        return !in[0].is_null() && !in[1].is_null() && in[0] == in[1] ? Value::null() : in[0];
      },
      [](size_t, Random& random) { return Value::int64(below(random, 3)); }, /*strict=*/false);
  check_function(
      "ifnull", {Kind::string, Kind::string},
      [](const auto& in) -> std::optional<Value> { return in[0].is_null() ? in[1] : in[0]; }, {},
      /*strict=*/false);
  EXPECT_EQ(call_text("nullif", {lit(0), lit(0.0)}), "NULL");
  EXPECT_EQ(call_text("nullif", {lit("a"), null_lit()}), "'a'");
  EXPECT_EQ(call_text("ifnull", {null_lit(), lit(7)}), "7");
}

TEST(Hash, IsStableAndTheSameForEqualNumbers) {
  EXPECT_EQ(call_text("hash64", {lit(7)}), call_text("hash64", {lit(int64_t{7})}));
  EXPECT_EQ(call_text("hash64", {lit(0.0)}), call_text("hash64", {lit(-0.0)}));
  EXPECT_EQ(call_text("hash64", {lit("Lyon")}), std::to_string(static_cast<int64_t>(hash_bytes("Lyon"))));
  EXPECT_NE(call_text("hash64", {lit("a"), lit("b")}), call_text("hash64", {lit("b"), lit("a")}));
  EXPECT_EQ(call_text("hash64", {lit("a"), null_lit()}), "NULL");
  EXPECT_EQ(call_text("hash64", {lit(1)}), "3439722301264460078") << "hashes are part of the format";
  EXPECT_THAT(bind_error("hash64", {Type::decimal(3, 1)}), HasSubstr("not (decimal(3,1))"));
}

TEST(Geography, Distances) {
  EXPECT_EQ(call_text("distance_km", {lit(45.76), lit(4.83), lit(45.76), lit(4.83)}), "0.0");
  const double paris_lyon =
      std::stod(call_text("distance_km", {lit(48.8566), lit(2.3522), lit(45.764), lit(4.8357)}));
  EXPECT_NEAR(paris_lyon, 391.5, 0.1);
  const double half_way = std::stod(call_text("distance_km", {lit(0), lit(0), lit(0), lit(180)}));
  EXPECT_NEAR(half_way, 3.14159265358979 * 6371.0088, 1e-6);
  EXPECT_NEAR(std::stod(call_text("distance_km", {lit(0), lit(179.5), lit(0), lit(-179.5)})), 111.195, 0.001);
  EXPECT_EQ(call_text("distance_km", {lit(91), lit(0), lit(0), lit(0)}),
            "error: distance_km: latitude 91 and longitude 0 are no place on Earth");
  EXPECT_THAT(call_text("distance_km", {lit(0), lit(0), lit(NAN), lit(0)}), HasSubstr("error"));
}

TEST(Geography, CellsAreNamedByTheirCorner) {
  EXPECT_EQ(call_text("grid_cell", {lit(45.7640), lit(4.8357), lit(0.01)}), "'45.76:4.83'");
  EXPECT_EQ(call_text("grid_cell", {lit(-0.001), lit(-0.001), lit(0.01)}), "'-0.01:-0.01'");
  EXPECT_EQ(call_text("grid_cell", {lit(1.15), lit(0.29), lit(0.01)}), "'1.15:0.29'");  // 1.15 / 0.01 < 115
  EXPECT_EQ(call_text("grid_cell", {lit(45.7), lit(4.8), lit(0.25)}), "'45.50:4.75'");
  EXPECT_EQ(call_text("grid_cell", {lit(45.7), lit(4.8), lit(5)}), "'45:0'");
  EXPECT_EQ(call_text("grid_cell", {lit(45.7), lit(4.8), lit(0)}),
            "error: grid_cell: the size 0 is not between 0.0000001 and 90 degrees");
  EXPECT_THAT(call_text("grid_cell", {lit(45.7), lit(200), lit(1)}), HasSubstr("no place on Earth"));
  // Every border of the grid belongs to its own cell.
  for (int i = -18'000; i < 18'000; i += 37) {
    const std::string text = format_decimal(i, 2);
    ASSERT_EQ(call_text("grid_cell", {lit(0.0), lit(std::stod(text)), lit(0.01)}), "'0.00:" + text + "'");
  }
}

TEST(Geography, Boxes) {
  EXPECT_EQ(call_text("in_box", {lit(45.0), lit(4.0), lit(45), lit(4), lit(46), lit(5)}), "true");
  EXPECT_EQ(call_text("in_box", {lit(44.9), lit(4.5), lit(45), lit(4), lit(46), lit(5)}), "false");
  EXPECT_EQ(call_text("in_box", {lit(0), lit(-179), lit(-10), lit(170), lit(10), lit(-170)}), "true");
  EXPECT_EQ(call_text("in_box", {lit(0), lit(0), lit(-10), lit(170), lit(10), lit(-170)}), "false");
}

}  // namespace functions_math_test
}  // namespace rideflow::test
