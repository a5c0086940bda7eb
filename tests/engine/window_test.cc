#include "engine/window_overlap.h"

#include <gtest/gtest.h>

#include "tests/support/random_column.h"

namespace rideflow {
namespace window_test {

Micros at(std::string_view text) {
  return parse_timestamp(text).value();
}
WindowSpec tumbling(std::string_view size, const char* zone = nullptr) {
  WindowSpec spec;
  spec.size = *parse_duration(size);
  if (zone) spec.zone = *TimeZone::find(zone);
  return spec;
}
WindowSpec hopping(std::string_view size, std::string_view slide, const char* zone = nullptr) {
  WindowSpec spec = tumbling(size, zone);
  spec.kind = WindowKind::hopping;
  spec.slide = *parse_duration(slide);
  return spec;
}
std::string text(const TimeRange& range) {
  return format_timestamp(range.start) + " " + format_timestamp(range.end);
}

TEST(Windows, TumblingSlicesAreTheWindows) {
  WindowSpec spec = tumbling("1m");
  const TimeRange slice = slice_of(spec, at("2026-01-01T12:00:59.999999Z"));
  EXPECT_EQ(text(slice), "2026-01-01T12:00:00Z 2026-01-01T12:01:00Z");
  EXPECT_EQ(first_window_of(spec, slice), slice);
  EXPECT_EQ(last_window_of(spec, slice), slice);
  EXPECT_EQ(next_window(spec, slice).start, slice.end);
  spec.offset = 15'000'000;
  EXPECT_EQ(text(slice_of(spec, at("2026-01-01T12:00:10Z"))), "2026-01-01T11:59:15Z 2026-01-01T12:00:15Z");
  EXPECT_EQ(slice_of(spec, -1).end, 15'000'000);
}

TEST(Windows, ADayInNewYorkHas23Hours) {
  const WindowSpec spec = tumbling("1d", "America/New_York");
  EXPECT_EQ(text(slice_of(spec, at("2024-03-10T12:00:00Z"))), "2024-03-10T05:00:00Z 2024-03-11T04:00:00Z");
  EXPECT_EQ(text(slice_of(spec, at("2024-11-03T12:00:00Z"))), "2024-11-03T04:00:00Z 2024-11-04T05:00:00Z");
}

TEST(Windows, HoppingSlicesBelongToSizeOverSlideWindows) {
  const WindowSpec spec = hopping("1h", "5m");
  const TimeRange slice = slice_of(spec, at("2026-01-01T12:07:00Z"));
  EXPECT_EQ(text(slice), "2026-01-01T12:05:00Z 2026-01-01T12:10:00Z");
  EXPECT_EQ(text(first_window_of(spec, slice)), "2026-01-01T11:10:00Z 2026-01-01T12:10:00Z");
  EXPECT_EQ(text(last_window_of(spec, slice)), "2026-01-01T12:05:00Z 2026-01-01T13:05:00Z");
  const WindowSpec odd = hopping("7m", "3m");
  EXPECT_EQ(text(slice_of(odd, at("2026-01-01T00:03:30Z"))), "2026-01-01T00:03:00Z 2026-01-01T00:04:00Z");
}

// Every kind against a plain enumeration of its windows.
TEST(Windows, FirstToLastAreExactlyTheWindowsThatHoldASlice) {
  const uint64_t seed = 99;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::Random random(seed);
  for (const WindowSpec& spec :
       {hopping("1h", "5m"), hopping("7m", "3m"), hopping("10m", "10m"), hopping("1d", "1h", "Europe/Paris"),
        hopping("6h", "2h", "Europe/Paris"), hopping("1w", "1d", "America/New_York"), hopping("3mo", "1mo"),
        hopping("1mo", "1d", "Europe/Paris"), hopping("2d", "7h")}) {
    for (int i = 0; i < 60; ++i) {
      // Around a change of the clock in half of the cases.
      const Micros base = i % 2 == 0 ? at("2024-10-27T00:00:00Z") : at("2024-03-31T00:00:00Z");
      const Micros t = base + (test::below(random, 4 * 86'400) - 2 * 86'400) * kMicrosPerSecond;
      const TimeRange slice = slice_of(spec, t);
      ASSERT_LE(slice.start, t);
      ASSERT_GT(slice.end, t);
      ASSERT_EQ(slice_of(spec, slice.start), slice);
      ASSERT_EQ(slice_of(spec, slice.end - 1), slice);
      const TimeRange first = first_window_of(spec, slice);
      const TimeRange last = last_window_of(spec, slice);
      int windows = 0;
      for (TimeRange w = first; w.start <= last.start; w = next_window(spec, w)) {
        ASSERT_LE(w.start, slice.start) << text(w) << " of " << text(slice);
        ASSERT_GE(w.end, slice.end) << text(w) << " of " << text(slice);
        ASSERT_EQ(slice_of(spec, w.start).start, w.start) << "a window begins with a slice";
        ASSERT_EQ(slice_of(spec, w.end).start, w.end) << "a window ends with a slice";
        ++windows;
      }
      ASSERT_GT(windows, 0);
      const TimeRange after = next_window(spec, last);
      ASSERT_GT(after.start, slice.start);
      const TimeRange before = {truncate(first.start - 1, spec.slide, spec.zone), 0};
      ASSERT_LT(last_window_of(spec, slice_of(spec, before.start)).end, slice.end);
    }
  }
}

// A slide longer than the size: by enumeration of the windows around a time.
TEST(Windows, BetweenThoseOfALongSlideAreGaps) {
  const uint64_t seed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::Random random(seed);
  WindowSpec office = hopping("8h", "1d", "Europe/Paris");
  office.offset = 9 * 3600 * kMicrosPerSecond;
  for (const WindowSpec& spec :
       {hopping("1m", "5m"), hopping("7s", "1h"), hopping("5d", "1w", "Europe/Paris"), office,
        hopping("20m", "30m", "Europe/Paris"), hopping("2h", "3h", "America/New_York"), hopping("1h", "7h"),
        hopping("5h", "7h", "Europe/Paris"), hopping("1mo", "3mo"), hopping("1d", "1mo", "Europe/Paris"),
        hopping("1mo", "30d"), hopping("30d", "1mo"), hopping("1mo", "45d", "Europe/Paris")}) {
    ASSERT_TRUE(windows_have_gaps(spec));
    SCOPED_TRACE(to_string(spec.size) + " every " + to_string(spec.slide));
    // Further back than any window that could hold a time begins.
    const Duration before{2 * spec.size.months + spec.slide.months, spec.size.days + 2 * spec.slide.days + 1,
                          2 * spec.size.micros + spec.slide.micros};
    int in_gap = 0;
    for (int i = 0; i < 200; ++i) {
      const Micros base = i % 2 == 0 ? at("2024-10-27T00:00:00Z") : at("2024-03-31T00:00:00Z");
      const int days = i % 4 < 2 ? 2 : 100;
      const Micros t = base + (test::below(random, 2 * days * 86'400) - days * 86'400) * kMicrosPerSecond;
      const TimeRange slice = slice_of(spec, t);
      ASSERT_TRUE(slice.start <= t && t < slice.end) << text(slice) << format_timestamp(t);
      std::vector<TimeRange> holders;
      TimeRange w = last_window_of(spec, slice_of(spec, add(t, before, -1, nullptr)));
      for (TimeRange next; w.start <= t; w = next) {
        if (t < w.end) holders.push_back(w);
        next = next_window(spec, w);
        ASSERT_LT(w.start, w.end);
        ASSERT_LT(w.start, next.start);
        ASSERT_TRUE(windows_overlap(spec) || w.end <= next.start) << text(w) << text(next);
      }
      ASSERT_EQ(is_in_gap(spec, t), holders.empty()) << format_timestamp(t);
      in_gap += holders.empty() ? 1 : 0;
      if (holders.empty()) continue;
      ASSERT_EQ(first_window_of(spec, slice), holders.front());
      ASSERT_EQ(last_window_of(spec, slice), holders.back());
      ASSERT_TRUE(windows_overlap(spec) || slice == holders.front()) << text(slice);
      ASSERT_EQ(slice_of(spec, slice.start), slice);
      ASSERT_EQ(slice_of(spec, slice.end - 1), slice);
    }
    EXPECT_TRUE(in_gap > 0 || windows_overlap(spec));  // of months some are as long as the slide
  }
  EXPECT_FALSE(windows_have_gaps(hopping("1h", "1h")));
  EXPECT_FALSE(windows_overlap(hopping("1h", "1h")));
  EXPECT_TRUE(windows_overlap(hopping("61m", "1h")));
}

TEST(Windows, CumulatingGrowByStepsAndRestart) {
  WindowSpec spec = tumbling("1h");
  spec.kind = WindowKind::cumulating;
  spec.step = *parse_duration("25m");
  const TimeRange slice = slice_of(spec, at("2026-01-01T12:55:00Z"));
  EXPECT_EQ(text(slice), "2026-01-01T12:50:00Z 2026-01-01T13:00:00Z");  // the last step is shorter
  TimeRange w = first_window_of(spec, slice_of(spec, at("2026-01-01T12:10:00Z")));
  EXPECT_EQ(text(w), "2026-01-01T12:00:00Z 2026-01-01T12:25:00Z");
  w = next_window(spec, w);
  EXPECT_EQ(text(w), "2026-01-01T12:00:00Z 2026-01-01T12:50:00Z");
  w = next_window(spec, w);
  EXPECT_EQ(w, last_window_of(spec, slice));
  EXPECT_EQ(text(next_window(spec, w)), "2026-01-01T13:00:00Z 2026-01-01T13:25:00Z");
  spec = tumbling("1mo", "Europe/Paris");
  spec.kind = WindowKind::cumulating;
  spec.step = *parse_duration("1d");
  EXPECT_EQ(text(slice_of(spec, at("2024-03-31T12:00:00Z"))), "2024-03-30T23:00:00Z 2024-03-31T22:00:00Z");
}

TEST(Windows, EveryCutsWindowsIntoSlices) {
  WindowSpec spec = tumbling("1m");
  spec.every = *parse_duration("25s");
  const TimeRange slice = slice_of(spec, at("2026-01-01T12:00:59Z"));
  EXPECT_EQ(slice.end, at("2026-01-01T12:01:00Z"));
  EXPECT_EQ(text(last_window_of(spec, slice)), "2026-01-01T12:00:00Z 2026-01-01T12:01:00Z");
}

TEST(Windows, GlobalHasOneWindowThatNeverEnds) {
  WindowSpec spec;
  spec.kind = WindowKind::global;
  EXPECT_EQ(slice_of(spec, 5), (TimeRange{kNoTime, kEndOfTime}));
  EXPECT_EQ(next_window(spec, {kNoTime, kEndOfTime}), (TimeRange{kNoTime, kEndOfTime}));
  spec.every = *parse_duration("1m");
  const TimeRange slice = slice_of(spec, 61'000'000);
  EXPECT_EQ(slice, (TimeRange{60'000'000, 120'000'000}));
  EXPECT_EQ(first_window_of(spec, slice), (TimeRange{kNoTime, 120'000'000}));
  EXPECT_EQ(next_window(spec, {kNoTime, 120'000'000}).end, 180'000'000);
  EXPECT_EQ(last_window_of(spec, slice).end, kEndOfTime);
  EXPECT_FALSE(is_late(spec, 0, kEndOfTime - 1));
}

TEST(Late, JudgedByTheEndOfTheLastWindow) {
  WindowSpec spec = tumbling("1m");
  spec.allowed_lateness = 30'000'000;
  EXPECT_FALSE(is_late(spec, 10, kNoTime));
  EXPECT_FALSE(is_late(spec, 10, 89'999'999));
  EXPECT_TRUE(is_late(spec, 10, 90'000'000));
  EXPECT_FALSE(is_late(spec, 60'000'000, 90'000'000));
  EXPECT_TRUE(is_late(hopping("1h", "5m"), 0, 3'600'000'000));
  EXPECT_FALSE(is_late(hopping("1h", "5m"), 0, 3'599'999'999));
  spec.allowed_lateness = INT64_MAX;
  EXPECT_FALSE(is_late(spec, 10, kEndOfTime - 1));
}

TEST(Late, SessionsAreLateBehindTheirOwnTime) {
  WindowSpec spec;
  spec.kind = WindowKind::session;
  spec.gap = *parse_duration("30m");
  spec.allowed_lateness = 10;
  EXPECT_FALSE(is_late(spec, 100, 110));  // exactly at the watermark: still expected
  EXPECT_TRUE(is_late(spec, 100, 111));
}

}  // namespace window_test
}  // namespace rideflow
