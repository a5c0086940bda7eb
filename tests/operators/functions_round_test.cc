// round, floor, ceil, trunc against exact arithmetic on decimal digits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "engine/decimal.h"
#include "tests/operators/functions.h"

namespace rideflow::test {
namespace functions_round_test {

using testing::HasSubstr;

// What Python's decimal module says: Decimal(repr(x)) to places, ROUND_HALF_UP, back to the nearest double.
struct Known {
  double x;
  int places;
  double rounded;
};
constexpr Known kKnown[] = {
    {0x1.23d70a3d70a3dp-2, 2, 0x1.28f5c28f5c28fp-2},
    {0x1.0147ae147ae14p+0, 2, 0x1.028f5c28f5c29p+0},
    {0x1.5666666666666p+1, 2, 0x1.570a3d70a3d71p+1},
    {0x1.23d70a3d70a3dp-2, 2, 0x1.28f5c28f5c28fp-2},
    {0x1.3ffffffffffffp+1, 0, 0x1.0000000000000p+1},
    {0x1.fffffffffffffp-2, 0, 0x0.0p+0},
    {0x1.1f71fb04cb74ep+40, 3, 0x1.1f71fb04cb750p+40},
    {0x1.674e79fcecd23p+46, 1, 0x1.674e79fcecd26p+46},
    {0x1.674e79c5fe521p+43, 2, 0x1.674e79c5fe51fp+43},
    {0x1.fffffffffffffp+51, 0, 0x1.0000000000000p+52},
    {0x1.0000000000000p+53, -1, 0x1.ffffffffffffep+52},
    {0x1.b69b4ba630f35p+56, -3, 0x1.b69b4ba630f49p+56},
    {0x1.0f0cf064dd592p+73, -21, 0x1.0f0cf064dd592p+73},
    {0x0.0000000000001p-1022, 323, 0x0.0000000000002p-1022},
    {0x0.0000000000001p-1022, 324, 0x0.0000000000001p-1022},
    {-0x1.0000000000000p-1, 0, -0x1.0000000000000p+0},
    {-0x1.8000000000000p+0, 0, -0x1.0000000000000p+1},
    {0x1.0000000000000p-1, 0, 0x1.0000000000000p+0},
    {0x1.c1fffffffffffp+8, -2, 0x1.9000000000000p+8},
    {0x1.c200000000000p+8, -2, 0x1.f400000000000p+8},
    {0x1.9000000000000p+5, -2, 0x1.9000000000000p+6},
    {0x1.8ffffffffffffp+5, -2, 0x0.0p+0},
    {0x1.7e43c8800759cp+996, 2, 0x1.7e43c8800759cp+996},
    {0x1.d99999999999ap+1, -400, 0x0.0p+0},
    {0x1.ca88be5dcc4cap+62, 3, 0x1.ca88be5dcc4cap+62},
    {0x1.d924af0bf1a5ep-4, 6, 0x1.d9253543aeab8p-4},
    {-0x1.50e0fdf3b645ap+9, 4, -0x1.50e0ff9724745p+9},
    {0x1.44156e264e486p-6, 6, 0x1.44178705425f2p-6},
    {0x1.25c8de848ea8bp-4, 9, 0x1.25c8de894063ap-4},
    {0x1.9ed7c6fbd273dp-9, 5, 0x1.9f7f8ca8198f2p-9},
    {0x1.01ef0a0b90476p+26, -4, 0x1.01f3280000000p+26},
    {0x1.6d7954565501fp+15, 2, 0x1.6d7951eb851ecp+15},
    {0x1.ee147ae147ae2p-1, 2, 0x1.f0a3d70a3d70ap-1},
    {-0x1.b003686a4ca4fp-15, 6, -0x1.b43526527a205p-15},
    {0x1.2600f30a58247p-1, -7, 0x0.0p+0},
    {0x1.9dec1c1d6cf85p-3, 6, 0x1.9dec5f394b7b3p-3},
    {0x1.ddea314f51409p-11, 13, 0x1.ddea314f2c98bp-11},
    {0x1.bf8d23d70a3d7p+14, 2, 0x1.bf8d28f5c28f6p+14},
    {0x1.e5fe9eef9d89fp-39, -7, 0x0.0p+0},
    {0x1.9d341f0b29654p+8, 0, 0x1.9d00000000000p+8},
    {-0x1.3d39000000000p+15, 0, -0x1.3d3a000000000p+15},
    {0x1.99409b6e53cc4p+25, 10, 0x1.99409b6e53cc4p+25},
    {0x1.18b0f514ac756p+11, 10, 0x1.18b0f514ac70ap+11},
    {0x1.15d414291a1c5p-12, -4, 0x0.0p+0},
    {0x1.93246be3e7ec2p-34, 9, 0x0.0p+0},
    {-0x1.033928f5c28f6p+13, 2, -0x1.0339333333333p+13},
    {0x1.8f24656778ae1p-12, 13, 0x1.8f24656715d95p-12},
    {0x1.03e0a1dccb6d7p+19, -6, 0x1.e848000000000p+19},
    {0x1.9b9dad4e2b7abp-14, 9, 0x1.9b9dcd275d089p-14},
    {0x1.c1ee39f03fbc1p+45, 1, 0x1.c1ee39f03fbc0p+45},
    {-0x1.fe1d24189374cp+15, 3, -0x1.fe1d245a1cac1p+15},
    {0x1.5351dd4ca96afp+7, -2, 0x1.9000000000000p+7},
    {0x1.dd3999999999ap+8, 2, 0x1.dd3ae147ae148p+8},
    {0x1.f32d9203eb6eap-35, 2, 0x0.0p+0},
    {0x1.180008f01c37cp+61, 9, 0x1.180008f01c37cp+61},
    {0x1.c3506b851eb85p+14, 2, 0x1.c35070a3d70a4p+14},
    {-0x1.83a6bcd1eb853p+22, 2, -0x1.83a6bcd70a3d7p+22},
    {0x1.78f5c28f5c28fp-1, 4, 0x1.78fc504816f00p-1},
    {-0x1.7bd72d566cf43p+15, 4, -0x1.7bd72d5cfaacep+15},
    {0x1.2f0cc45c86132p+42, 2, 0x1.2f0cc45c86133p+42},
    {0x1.53851eb851eb7p+2, 2, 0x1.5333333333333p+2},
    {0x1.02b5c28f5c28fp+7, 2, 0x1.02b851eb851ecp+7},
    {0x1.cfaedf89bf956p+48, -1, 0x1.cfaedf89bf980p+48},
    {0x1.44f61454f1f84p+0, -5, 0x0.0p+0},
    {0x1.8800000000001p+4, 0, 0x1.9000000000000p+4},
    {0x1.542ed810624ddp+12, 4, 0x1.542ed844d013bp+12},
    {0x1.41e93a23f577bp+37, -7, 0x1.41e6ff6800000p+37},
    {0x1.67e10e3b3475cp-4, 2, 0x1.70a3d70a3d70ap-4},
    {0x1.9510ccccccccdp+12, 1, 0x1.951199999999ap+12},
    {0x1.3df837c000000p+25, 0, 0x1.3df8380000000p+25},
    {-0x1.ece703afb7e91p-2, 4, -0x1.ecf41f212d773p-2},
    {0x1.3249a87bfa43fp+26, -4, 0x1.3248340000000p+26},
    {0x1.16cc34034752cp+21, 9, 0x1.16cc34034752cp+21},
    {0x1.3525be1f2e5c8p+52, 1, 0x1.3525be1f2e5c8p+52},
    {0x1.63db69f707ea5p+25, -1, 0x1.63db6a0000000p+25},
    {0x1.3c408d8ec95c1p-5, 5, 0x1.3c4b09e98dcdbp-5},
    {0x1.0c7e648be7bd6p-7, -1, 0x0.0p+0},
    {-0x1.38703afb7e90fp+2, 4, -0x1.386f694467382p+2},
    {-0x1.f34df18000000p+24, 0, -0x1.f34df20000000p+24},
    {-0x1.a53263147ae13p+21, 2, -0x1.a532630a3d70ap+21},
};

double rounded(const std::string& name, double x, int64_t places) {
  const auto value = eval_constant(call_function(name, {make_literal(Value::float64(x), Kind::float64),
                                                        make_literal(Value::int64(places), Kind::int64)}));
  EXPECT_TRUE(value.ok()) << value.status().to_string();
  return value.ok() ? value->number : std::nan("");
}

TEST(Rounding, DoublesAsPythonsDecimalRoundsThem) {
  for (const Known& known : kKnown)
    EXPECT_EQ(rounded("round", known.x, known.places), known.rounded)
        << known.x << " to " << known.places << " places";
}

// The same by digits: the fewest with which printf's text reads back equal, cut by hand.
std::optional<double> by_digits(const std::string& name, double x, int places) {
  char text[40];
  int precision = 0;
  for (; precision < 17; ++precision) {
    std::snprintf(text, sizeof(text), "%.*e", precision, x);
    if (std::strtod(text, nullptr) == x) break;
  }
  Int128 digits = 0;
  for (const char* at = text; *at != 'e'; ++at)
    if (*at >= '0' && *at <= '9') digits = digits * 10 + (*at - '0');
  const int exponent = std::atoi(std::strchr(text, 'e') + 1) - precision;
  int drop = -(exponent + places);
  if (drop <= 0) return x;
  Int128 whole = 0;
  Int128 rest = digits;
  Int128 one = 0;  // 10^drop, where it is not beyond all digits
  if (drop < 30) {
    one = power_of_ten(drop);
    whole = digits / one;
    rest = digits % one;
  }
  const bool negative = std::signbit(x);
  bool up = false;
  if (name == "round") up = one != 0 && rest * 2 >= one;
  if (name == "floor") up = negative && rest != 0;
  if (name == "ceil") up = !negative && rest != 0;
  if (up) ++whole;
  const double v = std::strtod((int128_to_string(whole) + "e" + std::to_string(-places)).c_str(), nullptr);
  if (std::isinf(v)) return std::nullopt;
  return whole == 0 ? 0.0 : negative ? -v : v;
}

TEST(Rounding, DoublesOfEverySizeToEveryPlace) {
  for (const std::string name : {"round", "floor", "ceil", "trunc"}) {
    check_function(
        name, {Kind::float64, Kind::int64},
        [&](const auto& in) -> std::optional<Value> {
          if (!std::isfinite(in[0].number)) return in[0];
          const auto v = by_digits(name, in[0].number, static_cast<int>(in[1].integer));
          return v ? std::optional(Value::float64(*v)) : std::nullopt;
        },
        [](size_t i, Random& random) {
          if (i == 1)
            return Value::int64(below(random, 8) == 0 ? below(random, 700) - 350 : below(random, 24) - 8);
          const double scale = std::pow(10.0, static_cast<double>(below(random, 5)));
          double x = (static_cast<double>(below(random, 2'000'001)) - 1'000'000 + 0.5) / scale;  // many ties
          if (below(random, 3) == 0) x = std::nextafter(x, below(random, 2) == 0 ? 1e9 : -1e9);
          if (below(random, 3) == 0) x *= std::pow(10.0, static_cast<double>(below(random, 40) - 20));
          return Value::float64(below(random, 20) == 0 ? 1e308 * static_cast<double>(below(random, 2)) : x);
        });
  }
}

TEST(Rounding, NothingIsInvented) {
  EXPECT_EQ(call_text("round", {lit(98765432109876.55), lit(1)}), "98765432109876.6");
  EXPECT_EQ(call_text("round", {lit(12345678901234.56), lit(2)}), "12345678901234.56");
  EXPECT_EQ(call_text("round", {lit(2.4999999999999996), lit(0)}), "2.0");
  EXPECT_EQ(call_text("round", {lit(0.285), lit(2)}), "0.29");
  EXPECT_EQ(call_text("round", {lit(-0.3), lit(0)}), "0.0") << "no -0";
  EXPECT_EQ(call_text("round", {lit(1.7e308), lit(-308)}),
            "error: round(1.7e308, -308) is out of range of double");
  EXPECT_EQ(call_text("floor", {lit(0.3), lit(1)}), "0.3");
  EXPECT_EQ(call_text("ceil", {lit(-7.01), lit(1)}), "-7.0");
  EXPECT_EQ(call_text("trunc", {lit(-2.79), lit(1)}), "-2.7");
}

// units of 10^-scale to places, exactly.
std::optional<Int128> exact_units(const std::string& name, Int128 units, int scale, int64_t places) {
  if (places >= scale) return units;
  const int64_t drop = scale - places;
  const Int128 one = drop > 38 ? 0 : power_of_ten(static_cast<int>(drop));
  const Int128 rest = one == 0 ? units : units % one;
  Int128 whole = units - rest;  // still in units of the old scale
  const Int128 size = rest < 0 ? -rest : rest;
  bool away = name == "round"   ? one != 0 && size >= one - size
              : name == "floor" ? rest < 0
                                : name == "ceil" && rest > 0;
  if (!away) return whole;
  if (one == 0) return std::nullopt;
  return whole + (units < 0 ? -one : one);
}

TEST(Rounding, DecimalsToEveryPlace) {
  for (const std::string name : {"round", "floor", "ceil", "trunc"}) {
    for (const auto& [precision, scale] :
         std::vector<std::pair<int, int>>{{12, 3}, {18, 0}, {20, 10}, {5, 5}}) {
      const Type type = Type::decimal(precision, scale);
      check_function(
          name, {type, Kind::int64},
          [&, s = scale](const auto& in) -> std::optional<Value> {
            const auto units = exact_units(name, in[0].decimal, s, in[1].integer);
            if (!units || !fits_precision(*units, 38)) return std::nullopt;
            return Value::make_decimal(*units, s);
          },
          [&](size_t i, Random& random) {
            return i == 1 ? Value::int64(below(random, 14) - 7) : random_value(type, random);
          });
    }
  }
}

TEST(Rounding, DecimalsToLiteralPlaces) {
  EXPECT_EQ(call_text("round", {dec("12345.67", 10, 2), lit(-2)}), "12300");
  EXPECT_EQ(call_text("round", {dec("12350.00", 10, 2), lit(-2)}), "12400");
  EXPECT_EQ(call_text("round", {dec("-12350.00", 10, 2), lit(-2)}), "-12400");
  EXPECT_EQ(call_text("round", {dec("999.5", 4, 1), lit(-3)}), "1000");
  EXPECT_EQ(call_text("round", {dec("499.9", 4, 1), lit(-3)}), "0");
  EXPECT_EQ(call_text("round", {dec("499.9", 4, 1), lit(-40)}), "0");
  EXPECT_EQ(call_text("ceil", {dec("0.1", 4, 1), lit(-5)}), "100000");
  EXPECT_EQ(call_text("floor", {dec("-0.1", 4, 1), lit(-2)}), "-100");
  EXPECT_EQ(call_text("trunc", {dec("-129.9", 4, 1), lit(-1)}), "-120");
  EXPECT_EQ(call_text("round", {dec("2.345", 10, 3), lit(2)}), "2.35");
  EXPECT_EQ(call_text("round", {dec("2.345", 10, 3), lit(7)}), "2.345");
  const std::string nines(38, '9');
  EXPECT_THAT(call_text("round", {dec(nines.c_str(), 38, 0), lit(-2)}),
              HasSubstr("is out of range of decimal(38,0)"));
}

TEST(Rounding, IntegersStayExact) {
  EXPECT_EQ(call_text("round", {lit(int64_t{9007199254740993}), lit(2)}), "9007199254740993");
  EXPECT_EQ(call_text("round", {lit(int64_t{9007199254740995}), lit(-1)}), "9007199254741000");
  EXPECT_EQ(call_text("floor", {lit(-15), lit(-1)}), "-20");
  EXPECT_EQ(call_text("round", {lit(INT32_MAX), lit(-1)}),
            "error: round(2147483647, -1) is out of range of int32");
  check_function(
      "round", {Kind::int64, Kind::int64},
      [](const auto& in) -> std::optional<Value> {
        const auto units = exact_units("round", in[0].integer, 0, in[1].integer);
        if (!units || *units < INT64_MIN || *units > INT64_MAX) return std::nullopt;
        return Value::int64(static_cast<int64_t>(*units));
      },
      [](size_t i, Random& random) {
        return i == 1 ? Value::int64(below(random, 30) - 22) : Value::int64(static_cast<int64_t>(random()));
      });
}

}  // namespace functions_round_test
}  // namespace rideflow::test
