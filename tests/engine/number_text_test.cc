// Numbers as text: one way to print a double, and whole numbers in every spelling without loss.
#include "engine/number_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "engine/decimal.h"
#include "engine/interval_text.h"
#include "engine/json_writer.h"
#include "engine/time.h"
#include "engine/value.h"

namespace rideflow {
namespace number_text_test {

TEST(DoubleText, OneWayForAll) {
  const std::vector<std::pair<double, const char*>> all = {
      {300000.0, "300000.0"},
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-2.5, "-2.5"},
      {0.1, "0.1"},
      {1e5, "100000.0"},
      {1e15, "1000000000000000.0"},
      {1e16, "10000000000000000.0"},
      {9007199254740993.0, "9007199254740992.0"},
      {9223372036854775808.0, "9223372036854776000.0"},
      {123456789012345680000.0, "123456789012345680000.0"},
      {999999999999999900000.0, "999999999999999900000.0"},
      {1e21, "1e21"},
      {1.5e21, "1.5e21"},
      {-1.7976931348623157e308, "-1.7976931348623157e308"},
      {1e-6, "0.000001"},
      {1.5e-6, "0.0000015"},
      {1e-7, "1e-7"},
      {1.25e-7, "1.25e-7"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
      {std::numeric_limits<double>::infinity(), "Infinity"},
      {-std::numeric_limits<double>::infinity(), "-Infinity"},
  };
  for (const auto& [v, text] : all) {
    EXPECT_EQ(format_double(v), text);
    EXPECT_EQ(Value::float64(v).to_string(), text);
    std::string json;
    JsonWriter(json).number(v);
    EXPECT_EQ(json, std::isfinite(v) ? text : "null");
  }
}

// Any double reads back as itself, has a point or an exponent, no plus and no more digits than needed.
TEST(DoubleText, ReadsBackEqual) {
  const uint64_t seed = 20260117;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    double v = std::bit_cast<double>(random());
    if (i % 3 == 1) v = static_cast<double>(static_cast<int64_t>(random()) >> (random() % 60));
    if (i % 3 == 2)
      v = static_cast<double>(static_cast<int64_t>(random() >> 20)) / std::pow(10, random() % 12);
    if (!std::isfinite(v)) continue;
    const std::string text = format_double(v);
    double back = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_TRUE(code == std::errc() && end == text.data() + text.size()) << text;
    ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(v)) << text;
    ASSERT_EQ(back, std::strtod(text.c_str(), nullptr)) << text;
    ASSERT_NE(text.find_first_of(".e"), std::string::npos) << text;
    ASSERT_EQ(text.find('+'), std::string::npos) << text;
    const double size = std::fabs(v);
    const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
    ASSERT_EQ(text.find('e') == std::string::npos, plain) << text;
  }
}

TEST(ScaleNumber, EverySpellingOfAWholeNumber) {
  const auto whole = [](std::string_view text) -> std::string {
    const auto v = scale_number(text, 0);
    return !v ? "none" : int128_to_string(v->value) + (v->exact ? "" : " cut");
  };
  EXPECT_EQ(whole("9007199254740993.0"), "9007199254740993");
  EXPECT_EQ(whole("1e18"), "1000000000000000000");
  EXPECT_EQ(whole("9223372036854775807e0"), "9223372036854775807");
  EXPECT_EQ(whole("922337203685477580.7E1"), "9223372036854775807");
  EXPECT_EQ(whole("92233720368547758070000e-4"), "9223372036854775807");
  EXPECT_EQ(whole("-0.0009223372036854775808e22"), "-9223372036854775808");
  EXPECT_EQ(whole("000000000000000000000000000000000000000000007"), "7");
  EXPECT_EQ(whole("+7."), "7");
  EXPECT_EQ(whole("0e99999999999999999999"), "0");
  EXPECT_EQ(whole("1e-99999999999999999999"), "0 cut");
  EXPECT_EQ(whole("1" + std::string(60, '0') + "e-60"), "1");
  EXPECT_EQ(whole("0." + std::string(60, '0') + "1e61"), "1");
  EXPECT_EQ(whole("2.5"), "2 cut");
  EXPECT_EQ(whole("-2.5"), "-2 cut");
  EXPECT_EQ(whole("1e38"), "none");
  EXPECT_EQ(whole("1e99999999999999999999"), "none");
  for (const char* text :
       {"", ".", "-", "e5", "1e", "1e+", "1e5x", "0x1", "1.2.3", "1 ", "--1", "+-1", "1e1.5"})
    EXPECT_EQ(whole(text), "none") << text;
}

// Digits are moved over the point and back by the exponent: the value stays.
TEST(ScaleNumber, ThePointMayStandAnywhere) {
  const uint64_t seed = 17;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto v = static_cast<int64_t>(random()) >> (random() % 60);
    std::string digits = std::to_string(v);
    const std::string sign = v < 0 ? "-" : "";
    if (v < 0) digits.erase(0, 1);
    digits.insert(0, random() % 3, '0');
    const auto moved = static_cast<int>(random() % 40) - 20;
    const auto size = static_cast<int>(digits.size());
    std::string text = sign;
    if (moved <= 0) {
      text += digits + std::string(static_cast<size_t>(-moved), '0') + (random() % 2 == 0 ? ".0" : "");
    } else if (moved < size) {
      text += digits.substr(0, static_cast<size_t>(size - moved)) + "." +
              digits.substr(static_cast<size_t>(size - moved));
    } else {
      text += "0." + std::string(static_cast<size_t>(moved - size), '0') + digits;
    }
    text += std::string(moved >= 0 && random() % 2 == 0 ? "E+" : "e") + std::to_string(moved);
    const auto back = scale_number(text, 0);
    ASSERT_TRUE(back && back->exact && back->value == v) << text << " is " << v;
    const auto decimal = parse_decimal(text, kMaxDecimalDigits, 0);
    ASSERT_TRUE(decimal && *decimal == v) << text;
  }
}

TEST(IntervalText, EveryIntervalReadsBackEqual) {
  const uint64_t seed = 4;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<int64_t> all = {
      0, 1, -1, INT64_MAX, INT64_MIN, -3'600'000'000, 86'400'000'000, -86'400'000'001};
  for (int i = 0; i < 5'000; ++i) all.push_back(static_cast<int64_t>(random()) >> (random() % 62));
  for (const int64_t v : all) ASSERT_EQ(parse_interval_text(interval_to_iso(v)), v) << interval_to_iso(v);
}

TEST(IntervalText, WhatPeopleWrite) {
  constexpr int64_t kHour = 3'600'000'000;
  EXPECT_EQ(parse_interval_text("-PT1H"), -kHour);
  EXPECT_EQ(parse_interval_text("+PT1H"), kHour);
  EXPECT_EQ(parse_interval_text("PT-1H"), -kHour) << "as Java's Duration prints it";
  EXPECT_EQ(parse_interval_text("PT-1H-30M"), -kHour * 3 / 2);
  EXPECT_EQ(parse_interval_text("-PT-1H"), kHour);
  EXPECT_EQ(parse_interval_text("PT0.5S"), 500'000);
  EXPECT_EQ(parse_interval_text("-PT0.000001S"), -1);
  EXPECT_EQ(parse_interval_text("P1DT2H"), 26 * kHour);
  EXPECT_EQ(parse_interval_text("P1W"), 7 * 24 * kHour);
  EXPECT_EQ(parse_interval_text("90s"), 90'000'000);
  EXPECT_EQ(parse_interval_text("-1d 12h"), -36 * kHour);
  for (const char* text : {"", "-", "P", "PT", "-P", "P1M", "P1Y", "1mo", "PT1", "1", "--PT1H", "PT1H-",
                           "P0.5D", "PT9223372036854775808S", "106751992d"})
    EXPECT_EQ(parse_interval_text(text), std::nullopt) << text;
}

TEST(Durations, TooLongIsNotNoDuration) {
  for (const char* text : {"10000000y", "99999999999999999999s", "P99999999999999999999D", "5000000d",
                           "120001mo", "9223372036854775807h", "1d99999999999999999999s"}) {
    const auto d = parse_duration(text);
    ASSERT_FALSE(d.ok());
    EXPECT_EQ(d.status().message(),
              "'" + std::string(text) + "' is too long for a duration: the longest are 10000y and 4000000d");
  }
  for (const char* text : {"99999999999999999999", "99999999999999999999q", "5x", "-5s", "PT"})
    EXPECT_NE(parse_duration(text).status().message().find("is not a duration"), std::string::npos) << text;
  EXPECT_NE(parse_duration("0.5d").status().message().find("whole numbers"), std::string::npos);
  EXPECT_TRUE(parse_duration("10000y").ok());
}

}  // namespace number_text_test
}  // namespace rideflow
