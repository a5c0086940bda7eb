#include "engine/time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/random_column.h"

namespace rideflow {
namespace time_test {

const TimeZone* zone(std::string_view name) {
  const auto found = TimeZone::find(name);
  EXPECT_TRUE(found.ok()) << found.status().to_string();
  return *found;
}
Micros at(std::string_view text, const TimeZone* in = nullptr) {
  const auto t = parse_timestamp(text, in);
  EXPECT_TRUE(t) << text;
  return t.value_or(0);
}
Duration span_of(std::string_view text) {
  const auto d = parse_duration(text);
  EXPECT_TRUE(d.ok()) << text;
  return *d;
}

TEST(Timestamp, ReadsAllSpellings) {
  const Micros noon = 1'767'268'800'000'000;
  for (const char* text :
       {"2026-01-01T12:00:00Z", "2026-01-01 12:00:00", "2026-01-01T12:00Z", "2026-01-01T14:00:00+02:00",
        "2026-01-01T14:00:00+0200", "2026-01-01T07:00:00.000-05", "2026-01-01t12:00:00.000000999z"}) {
    EXPECT_EQ(parse_timestamp(text), noon) << text;
  }
  EXPECT_EQ(at("2026-01-01"), noon - 43'200'000'000);
  EXPECT_EQ(at("2026-01-01T12:00:00.1234567Z"), noon + 123'456);
  EXPECT_EQ(at("1969-12-31T23:59:59.999999Z"), -1);
  EXPECT_EQ(at("2026-01-01T12:00:00", zone("+02:00")), noon - 7'200'000'000);
}

TEST(Timestamp, RefusesWhatIsNone) {
  for (const char* text :
       {"", "2026", "2026-13-01", "2026-02-29", "2026-01-01T", "2026-01-01T24:00:00", "2026-01-01T12:60:00",
        "2026-01-01T12:00:60Z", "2026-01-01T12:00:00.Z", "2026-01-01T12:00:00Zx", "2026-01-01T12:00:00+",
        "0000-01-01", "12026-01-01", "2026-1-1", " 2026-01-01", "2026-01-01T12:00:00+02:0"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
  EXPECT_TRUE(parse_timestamp("2024-02-29"));
  EXPECT_FALSE(parse_date("2026-01-01T00:00"));
  EXPECT_EQ(parse_date("1970-01-02"), 1);
}

TEST(Timestamp, PrintsWhatItReads) {
  const uint64_t seed = 31;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::Random random(seed);
  const Micros least = at("0001-01-01");
  const Micros most = at("9999-12-31T23:59:59.999999Z");
  for (int i = 0; i < 20'000; ++i) {
    const auto t = static_cast<Micros>(least + random() % static_cast<uint64_t>(most - least));
    const std::string text = format_timestamp(t);
    ASSERT_EQ(parse_timestamp(text), t) << text;
    ASSERT_EQ(from_civil(to_civil(t, nullptr), nullptr), t);
  }
  EXPECT_EQ(format_timestamp(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_timestamp(1000), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(format_timestamp(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_timestamp(kNoTime).front(), '-');  // no crash at the edges
  EXPECT_EQ(format_timestamp(kEndOfTime).front(), '+');
  EXPECT_EQ(format_timestamp_millis(at("2024-03-10T05:00:00Z"), zone("America/New_York")),
            "2024-03-10T00:00:00.000-05:00");
  EXPECT_EQ(format_timestamp_millis(0, nullptr), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_date(-1), "1969-12-31");
}

TEST(Durations, ReadAndPrint) {
  EXPECT_EQ(span_of("1h30m").total_micros(), 5'400'000'000);
  EXPECT_EQ(span_of("250ms").micros, 250'000);
  EXPECT_EQ(span_of("1.5s").micros, 1'500'000);
  EXPECT_EQ(span_of("1h 30m"), span_of("PT1H30M"));
  EXPECT_EQ(span_of("2w").days, 14);
  EXPECT_EQ(span_of("1y2mo").months, 14);
  EXPECT_EQ(span_of("P1DT2H"), (Duration{0, 1, 7'200'000'000}));
  EXPECT_EQ(span_of("P1M").months, 1);
  EXPECT_EQ(span_of("PT1M").micros, 60'000'000);
  for (const char* text : {"", "5", "s", "5x", "-5s", "1.5mo", "P", "PT", "P1H", "1h,5",
                           "99999999999999999999s", "9999999999d", "5S"}) {
    EXPECT_FALSE(parse_duration(text).ok()) << text;
  }
  EXPECT_THAT(parse_duration("5").status().message(), testing::HasSubstr("30s, 1h30m"));
  EXPECT_EQ(to_string(span_of("90m")), "1h30m");
  EXPECT_EQ(to_string(span_of("14d")), "2w");
  EXPECT_EQ(to_string(span_of("13mo")), "1y1mo");
  EXPECT_EQ(to_string(Duration{}), "0s");
  EXPECT_EQ(interval_to_iso(0), "PT0S");
  EXPECT_EQ(interval_to_iso(5'400'000'000), "PT1H30M");
  EXPECT_EQ(interval_to_iso(-500'000), "-PT0.5S");
  EXPECT_EQ(interval_to_iso(93'600'000'000), "P1DT2H");
  EXPECT_EQ(interval_to_iso(86'400'000'000), "P1D");
  EXPECT_EQ(interval_to_iso(INT64_MIN), "-P106751991DT4H54.775808S");
}

TEST(Zones, UnknownOnesAreNamed) {
  EXPECT_THAT(TimeZone::find("Europe/Pariss").status().message(), testing::HasSubstr("'Europe/Pariss'"));
  EXPECT_EQ(zone("Europe/Paris"), zone("Europe/Paris"));
  EXPECT_TRUE(zone("UTC")->is_utc());
  EXPECT_EQ(zone("-05:30")->offset_at(0), -19'800'000'000);
  EXPECT_FALSE(TimeZone::find("+99:00").ok());
}

TEST(Zones, SkippedAndRepeatedLocalTimesTakeTheEarlierOffset) {
  const TimeZone* paris = zone("Europe/Paris");
  EXPECT_EQ(at("2024-03-31T02:30:00", paris), at("2024-03-31T01:30:00Z"));  // skipped: still +01:00
  EXPECT_EQ(at("2024-10-27T02:30:00", paris), at("2024-10-27T00:30:00Z"));  // repeated: the first, +02:00
  EXPECT_EQ(at("2024-10-27T03:00:00", paris), at("2024-10-27T02:00:00Z"));
  EXPECT_EQ(at("2024-07-01T00:00:00", paris), at("2024-06-30T22:00:00Z"));
  EXPECT_EQ(at("1800-01-01T00:00:00", paris), at("1799-12-31T23:50:39Z"));  // local mean time
}

TEST(Zones, LocalTimesReadBack) {
  test::Random random(5);
  for (const char* name : {"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}) {
    const TimeZone* z = zone(name);
    for (int i = 0; i < 2000; ++i) {
      const Micros t = static_cast<Micros>(random() % 2'000'000'000) * kMicrosPerSecond;
      const int64_t local = t + z->offset_at(t);
      const Micros back = z->to_utc(local);
      ASSERT_LE(back, t);  // the earlier of two, else itself
      ASSERT_EQ(back + z->offset_at(back), local);
    }
  }
}

TEST(Truncate, CalendarPeriods) {
  const TimeZone* york = zone("America/New_York");
  const Micros t = at("2024-03-10T18:00:00Z");  // 14:00 on the day of 23 hours
  const Micros day = truncate(t, span_of("1d"), york);
  EXPECT_EQ(format_timestamp(day), "2024-03-10T05:00:00Z");
  EXPECT_EQ(add(day, span_of("1d"), 1, york) - day, 23 * int64_t{3'600'000'000});
  EXPECT_EQ(format_timestamp(truncate(t, span_of("1w"), nullptr)), "2024-03-04T00:00:00Z");
  EXPECT_EQ(format_timestamp(truncate(t, span_of("1mo"), york)), "2024-03-01T05:00:00Z");
  EXPECT_EQ(format_timestamp(truncate(t, span_of("3mo"), nullptr)), "2024-01-01T00:00:00Z");
  EXPECT_EQ(format_timestamp(truncate(at("1969-06-01"), span_of("1y"), nullptr)), "1969-01-01T00:00:00Z");
  EXPECT_EQ(format_timestamp(truncate(t, span_of("1h"), nullptr, 900'000'000)), "2024-03-10T17:15:00Z");
  EXPECT_EQ(format_timestamp(truncate(-1, span_of("1m"), nullptr)), "1969-12-31T23:59:00Z");
  EXPECT_EQ(format_timestamp(add(at("2024-01-31"), span_of("1mo"), 1, nullptr)), "2024-02-29T00:00:00Z");
  EXPECT_EQ(format_timestamp(add(at("2024-01-31"), span_of("1mo"), -2, nullptr)), "2023-11-30T00:00:00Z");
}

TEST(Truncate, HoursInAZoneWithHalfHoursAndChanges) {
  const TimeZone* nepal = zone("Asia/Kathmandu");  // +05:45
  EXPECT_EQ(format_timestamp(truncate(at("2024-01-01T00:20:00Z"), span_of("1h"), nepal)),
            "2024-01-01T00:15:00Z");
  const TimeZone* paris = zone("Europe/Paris");
  // Both 02:00 of the night in October begin an hour.
  EXPECT_EQ(format_timestamp(truncate(at("2024-10-27T00:30:00Z"), span_of("1h"), paris)),
            "2024-10-27T00:00:00Z");
  EXPECT_EQ(format_timestamp(truncate(at("2024-10-27T01:30:00Z"), span_of("1h"), paris)),
            "2024-10-27T01:00:00Z");
  // In March 02:00 does not exist: the even hours around it are 00:00 and 04:00.
  EXPECT_EQ(format_timestamp(truncate(at("2024-03-31T01:30:00Z"), span_of("2h"), paris)),
            "2024-03-30T23:00:00Z");
}

TEST(Truncate, StartsAreFixedPointsAndNeverAhead) {
  test::Random random(17);
  for (const char* name :
       {"UTC", "Europe/Paris", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"}) {
    const TimeZone* z = zone(name);
    for (const char* period : {"1s", "7m", "15m", "1h", "6h", "1d", "3d", "1w", "1mo", "1y"}) {
      const Duration d = span_of(period);
      for (int i = 0; i < 300; ++i) {
        const Micros t = static_cast<Micros>(random() % 1'900'000'000) * kMicrosPerSecond + 1;
        const Micros start = truncate(t, d, z);
        ASSERT_LE(start, t) << name << ' ' << period;
        ASSERT_EQ(truncate(start, d, z), start) << name << ' ' << period << ' ' << format_timestamp(t);
        ASSERT_EQ(truncate(start + (t - start) / 2, d, z), start) << name << ' ' << period << ' ' << t;
      }
    }
  }
}

TEST(Civil, WeeksAndDays) {
  const CivilTime c = to_civil(at("2027-01-01T01:02:03.000004Z"), nullptr);
  EXPECT_EQ(c.weekday, 5);
  EXPECT_EQ(c.iso_week, 53);
  EXPECT_EQ(c.iso_year, 2026);
  EXPECT_EQ(c.day_of_year, 1);
  EXPECT_EQ(c.micros, 4);
  EXPECT_EQ(to_civil(at("2024-12-31"), nullptr).day_of_year, 366);
}

TEST(FormatPattern, JavaLetters) {
  const Micros t = at("2024-07-04T15:06:07.089Z");
  const auto text = [&](std::string_view pattern, const char* in = "UTC") {
    return format_pattern(t, pattern, zone(in));
  };
  EXPECT_EQ(text("yyyy-MM-dd HH:mm:ss.SSS"), "2024-07-04 15:06:07.089");
  EXPECT_EQ(text("d/M/yy h:mm a"), "4/7/24 3:06 PM");
  EXPECT_EQ(text("EEE, EEEE d MMM MMMM"), "Thu, Thursday 4 Jul July");
  EXPECT_EQ(text("'week' ww 'of' xxxx 'o''clock'"), "week 27 of 2024 o'clock");
  EXPECT_EQ(text("HH:mm Z", "Europe/Paris"), "17:06 +0200");
  EXPECT_EQ(text("HHXXX VV", "America/New_York"), "11-04:00 America/New_York");
  EXPECT_EQ(text("D e Q SSSSSS"), "186 4 3 089000");
  EXPECT_EQ(text("''"), "'");
  EXPECT_EQ(text("'open"), "open");
}

}  // namespace time_test
}  // namespace rideflow
