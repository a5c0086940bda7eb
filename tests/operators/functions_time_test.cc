#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/civil.h"
#include "engine/time.h"
#include "tests/operators/functions.h"

namespace rideflow::test {
namespace functions_time_test {

using testing::HasSubstr;

TEST(TimeFunctions, DateTrunc) {
  const Typed t = ts("2026-03-29T12:34:56.789Z");
  const std::vector<std::pair<const char*, const char*>> all = {
      {"second", "2026-03-29T12:34:56Z"},  {"MINUTE", "2026-03-29T12:34:00Z"},
      {"hour", "2026-03-29T12:00:00Z"},    {"day", "2026-03-29T00:00:00Z"},
      {"week", "2026-03-23T00:00:00Z"},    {"month", "2026-03-01T00:00:00Z"},
      {"quarter", "2026-01-01T00:00:00Z"}, {"year", "2026-01-01T00:00:00Z"},
      {"15m", "2026-03-29T12:30:00Z"}};
  for (const auto& each : all)
    EXPECT_EQ(call_text("date_trunc", {lit(each.first), t}), each.second) << each.first;
  EXPECT_EQ(call_text("date_trunc", {lit("day"), t, lit("Europe/Paris")}), "2026-03-28T23:00:00Z");
  EXPECT_EQ(call_text("date_trunc", {lit("month"), date("2026-03-29")}), "2026-03-01T00:00:00Z");
  EXPECT_EQ(call_text("date_trunc", {lit("fortnight"), t}).substr(0, 57),
            "refused: date_trunc: 'fortnight' is not a unit: write sec");
  EXPECT_THAT(call_text("date_trunc", {lit("0s"), t}), HasSubstr("is not a unit"));
  EXPECT_THAT(call_text("date_trunc", {lit("day"), t, lit("Mars/Base")}),
              HasSubstr("'Mars/Base' is not a time zone"));
  EXPECT_THAT(bind_error("date_trunc", {Kind::string, Kind::timestamp}), HasSubstr("must be a text literal"));
  EXPECT_THAT(bind_error("date_trunc", {Kind::string, Kind::int64}), HasSubstr("not (string, int64)"));
}

TEST(TimeFunctions, Extract) {
  const Typed t = ts("2026-01-04T12:34:56.789012Z");  // a Sunday
  const std::vector<std::pair<const char*, const char*>> all = {{"year", "2026"},
                                                                {"quarter", "1"},
                                                                {"month", "1"},
                                                                {"week", "1"},
                                                                {"isoyear", "2026"},
                                                                {"day", "4"},
                                                                {"doy", "4"},
                                                                {"dow", "0"},
                                                                {"isodow", "7"},
                                                                {"hour", "12"},
                                                                {"minute", "34"},
                                                                {"second", "56"},
                                                                {"millisecond", "789"},
                                                                {"microsecond", "789012"},
                                                                {"epoch", "1767530096.789012"}};
  for (const auto& each : all)
    EXPECT_EQ(call_text("extract", {lit(each.first), t}), each.second) << each.first;
  EXPECT_EQ(call_text("extract", {lit("hour"), t, lit("Asia/Kathmandu")}), "18");
  EXPECT_EQ(call_text("extract", {lit("epoch"), span("90m")}), "5400.0");
  EXPECT_EQ(call_text("extract", {lit("minute"), span("26h30m")}), "30");
  EXPECT_EQ(call_text("extract", {lit("day"), span("26h30m")}), "1");
  EXPECT_EQ(call_text("extract", {lit("hour"), span("26h30m")}), "2");
  EXPECT_THAT(call_text("extract", {lit("month"), span("1h")}),
              HasSubstr("'month' is not a part of an interval"));
  EXPECT_THAT(call_text("extract", {lit("eon"), t}),
              HasSubstr("'eon' is not a part of a time; there are epoch, year"));
  EXPECT_EQ(call_text("extract", {lit("day"), null_lit(Kind::timestamp)}), "NULL");
}

TEST(TimeFunctions, ToTimestamp) {
  EXPECT_EQ(call_text("to_timestamp", {lit("2026-01-01 12:00:00")}), "2026-01-01T12:00:00Z");
  EXPECT_EQ(call_text("to_timestamp", {lit("2026-01-01 12:00:00"), lit("Europe/Paris")}),
            "2026-01-01T11:00:00Z");
  EXPECT_EQ(call_text("to_timestamp", {lit("noon")}), "error: to_timestamp: 'noon' is not a timestamp");
  EXPECT_EQ(call_text("to_timestamp", {lit(1'767'225'600)}), "2026-01-01T00:00:00Z");
  EXPECT_EQ(call_text("to_timestamp", {lit(1'767'225'600.25)}), "2026-01-01T00:00:00.250Z");
  EXPECT_EQ(call_text("to_timestamp", {lit(int64_t{1'767'225'600'000'001}), lit("us")}),
            "2026-01-01T00:00:00.000001Z");
  EXPECT_EQ(call_text("to_timestamp", {lit(INT64_MAX)}),
            "error: to_timestamp: 9223372036854775807 is out of range");
  EXPECT_THAT(call_text("to_timestamp", {lit(1e300)}), HasSubstr("out of range"));
  EXPECT_THAT(call_text("to_timestamp", {lit(1), lit("min")}), HasSubstr("'min' is not a unit of numbers"));
  EXPECT_THAT(bind_error("to_timestamp", {Kind::boolean}), HasSubstr("not (bool)"));
  check_function("to_timestamp", {Kind::string}, [](const auto& in) -> std::optional<Value> {
    const auto t = parse_timestamp(in[0].text);
    return t ? std::optional(Value::timestamp(*t)) : std::nullopt;
  });
}

TEST(TimeFunctions, FormatAndZones) {
  const Typed t = ts("2026-01-01T12:34:56Z");
  EXPECT_EQ(call_text("format", {t, lit("dd.MM.yyyy HH:mm"), lit("Europe/Paris")}), "'01.01.2026 13:34'");
  EXPECT_EQ(call_text("format_timestamp", {date("2026-01-01"), lit("EEE")}), "'Thu'");
  EXPECT_EQ(call_text("at_timezone", {t, lit("America/New_York")}), "2026-01-01T07:34:56Z");
  EXPECT_EQ(call_text("from_timezone", {ts("2024-10-27T02:30:00Z"), lit("Europe/Paris")}),
            "2024-10-27T00:30:00Z");
  EXPECT_THAT(call_text("at_timezone", {t, lit("Nowhere")}), HasSubstr("'Nowhere'"));
}

TEST(TimeFunctions, AddAndDiffAgree) {
  EXPECT_EQ(call_text("date_add", {lit("month"), lit(1), ts("2026-01-31")}), "2026-02-28T00:00:00Z");
  EXPECT_EQ(call_text("date_add", {lit("day"), lit(1), ts("2026-03-28T12:00:00Z"), lit("Europe/Paris")}),
            "2026-03-29T11:00:00Z");
  EXPECT_EQ(call_text("date_add", {lit("hours"), lit(-2), date("2026-01-01")}), "2025-12-31T22:00:00Z");
  EXPECT_THAT(call_text("date_add", {lit("year"), lit(9000), ts("2026-01-01")}), HasSubstr("out of range"));
  EXPECT_THAT(call_text("date_add", {lit("second"), lit(INT64_MAX), ts("2026-01-01")}),
              HasSubstr("out of range"));
  EXPECT_THAT(call_text("date_add", {lit("month"), lit(INT64_MIN), ts("2026-01-01")}),
              HasSubstr("out of range"));
  EXPECT_EQ(call_text("date_diff", {lit("month"), ts("2026-01-31"), ts("2026-02-28")}), "1");
  EXPECT_EQ(call_text("date_diff", {lit("month"), ts("2026-03-01"), ts("2026-01-02")}), "-1");
  EXPECT_EQ(call_text("date_diff", {lit("hour"), ts("2026-01-01T01:30:00Z"), ts("2026-01-01")}), "-1");
  EXPECT_EQ(call_text("date_diff", {lit("day"), ts("2026-03-28T23:00:00Z"), ts("2026-03-29T22:00:00Z"),
                                    lit("Europe/Paris")}),
            "1");  // a day of 23 hours
  Random random(9);
  for (const char* unit : {"second", "hour", "day", "week", "month", "quarter", "year"}) {
    for (const char* zone : {"UTC", "America/New_York"}) {
      for (int i = 0; i < 60; ++i) {
        const Typed from = {Value::timestamp(below(random, 2'000'000'000) * kMicrosPerSecond),
                            Kind::timestamp};
        const Typed to = {Value::timestamp(below(random, 2'000'000'000) * kMicrosPerSecond), Kind::timestamp};
        const int64_t n = std::stoll(call_text("date_diff", {lit(unit), from, to, lit(zone)}));
        const auto reached = [&](int64_t k) {
          const std::string text = call_text("date_add", {lit(unit), lit(k), from, lit(zone)});
          return parse_timestamp(text).value();
        };
        const int64_t step = to.value.integer >= from.value.integer ? 1 : -1;
        ASSERT_LE((reached(n) - to.value.integer) * step, 0) << unit << " " << zone;
        ASSERT_GT((reached(n + step) - to.value.integer) * step, 0) << unit << " " << zone;
      }
    }
  }
}

TEST(Functions, EveryEntryIsDocumented) {
  for (const auto& [name, kind] : functions().functions()) {
    EXPECT_FALSE(kind.doc.empty() || kind.doc.back() != '.') << name;
    EXPECT_FALSE(kind.example.empty()) << name;
    EXPECT_NE(kind.signature.find("->"), std::string::npos) << name;
    EXPECT_FALSE(kind.group.empty()) << name;
    EXPECT_TRUE(kind.bind != nullptr) << name;
    EXPECT_FALSE(kind.bind({}).ok()) << name << " takes no arguments at all";
  }
}

// Nothing that a function gives lies outside the years 1 to 9999: the row fails.
TEST(TimeFunctions, ResultsStayInTheYears1To9999) {
  const Typed first = ts("0001-01-01T00:00:00Z");
  const Typed last = ts("9999-12-31T23:59:59.999999Z");
  const auto fails = [](const std::string& name, const std::vector<Typed>& args) {
    EXPECT_THAT(call_text(name, args), HasSubstr("error: "))
        << name << " of " << args.back().value.to_string();
  };
  for (const char* zone : {"America/New_York", "-00:01", "-18:00"}) {
    fails("at_timezone", {first, lit(zone)});
    fails("from_timezone", {last, lit(zone)});
    fails("format", {first, lit("yyyy"), lit(zone)});
    fails("extract", {lit("year"), first, lit(zone)});
    EXPECT_EQ(call_text("extract", {lit("year"), last, lit(zone)}), "9999");
    EXPECT_THAT(call_text("to_timestamp", {lit("9999-12-31T23:59:59"), lit(zone)}), HasSubstr("error"));
  }
  for (const char* zone : {"Asia/Tokyo", "+00:01", "+18:00"}) {
    fails("at_timezone", {last, lit(zone)});
    fails("from_timezone", {first, lit(zone)});
    fails("format", {last, lit("yyyy"), lit(zone)});
    fails("extract", {lit("hour"), last, lit(zone)});
    EXPECT_THAT(call_text("to_timestamp", {lit("0001-01-01T00:00:00"), lit(zone)}), HasSubstr("error"));
  }
  fails("date_trunc", {lit("day"), first, lit("America/New_York")});
  fails("date_trunc", {lit("year"), first, lit("-01:00")});
  fails("date_trunc", {lit("7m"), first});
  EXPECT_EQ(call_text("date_trunc", {lit("15m"), first}), "0001-01-01T00:00:00Z");
  EXPECT_EQ(call_text("date_trunc", {lit("year"), last}), "9999-01-01T00:00:00Z");
  for (const char* text : {"0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "0000-12-31T00:00:00Z"})
    fails("to_timestamp", {lit(text)});
  fails("to_timestamp", {lit(253402300800.0)});
  fails("to_timestamp", {lit(253402300799.9999999)});
  fails("to_timestamp", {lit(int64_t{253402300800})});
  fails("to_timestamp", {dec("253402300800.000000", 20, 6)});
  fails("to_timestamp", {lit(std::nan(""))});
  EXPECT_EQ(call_text("to_timestamp", {dec("253402300799.999999", 20, 6)}), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(call_text("to_timestamp", {dec("1767225600123.4", 20, 1), lit("ms")}),
            "2026-01-01T00:00:00.123400Z");
  for (const char* op : {"+", "-"}) {
    fails(op, {op[0] == '+' ? last : first, span("1us")});
    fails(op, {op[0] == '+' ? date("9999-12-31") : date("0001-01-01"), lit(1)});
  }
  fails("date_add", {lit("year"), lit(1), last});
  fails("date_add", {lit("microsecond"), lit(-1), first, lit("Asia/Tokyo")});
}

// 2^53 microseconds are 285 years: beyond, doubles would lose some.
TEST(TimeFunctions, IntervalsByWholeNumbersAreExact) {
  for (const char* op : {"*", "/"}) {
    check_function(
        op, {Kind::interval, Kind::int64},
        [op](const auto& in) -> std::optional<Value> {
          const Int128 x = in[0].integer;
          const Int128 y = in[1].integer;
          if (op[0] == '/' && y == 0) return std::nullopt;
          Int128 v = op[0] == '*' ? x * y : x / y;
          const Int128 rest = op[0] == '*' ? Int128{0} : x % y;
          const Int128 twice = 2 * (rest < 0 ? -rest : rest);
          if (rest != 0 && twice >= (y < 0 ? -y : y)) v += (x < 0) == (y < 0) ? 1 : -1;
          if (v < INT64_MIN || v > INT64_MAX) return std::nullopt;
          return Value::interval(static_cast<int64_t>(v));
        },
        [](size_t i, Random& random) {
          const auto v = static_cast<int64_t>(random()) >> below(random, 63);
          return i == 0 ? Value::interval(v) : Value::int64(v);
        });
  }
  EXPECT_EQ(call_text("*", {lit(1), span("100000d")}), "P100000D");
  EXPECT_EQ(call_text("/", {span("1h"), lit(0)}), "error: division by zero");
}

}  // namespace functions_time_test
}  // namespace rideflow::test
