// Buckets of time in every zone of the system's table, against libc's own reading of it; and what any cut of
// time must be: runs that follow one another.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <random>
#include <set>

#include "engine/time.h"
#include "rollup/query/interval.h"
#include "tests/support/long_run.h"

namespace rideflow {
namespace granularity_test {

using rollup::Granularity;
using rollup::Json;
using rollup::JsonObject;

constexpr int64_t kSecond = kMicrosPerSecond;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr Micros kLast = 2'145'916'800 * kSecond;  // 2038: beyond it, readers of the table differ

Granularity granularity(const std::string& period, const std::string& zone, const std::string& origin = "") {
  JsonObject json = {{"type", "period"}, {"period", period}, {"timeZone", zone}};
  if (!origin.empty()) json["origin"] = origin;
  const auto parsed = Granularity::parse(Json(json));
  EXPECT_TRUE(parsed.ok()) << period << " " << zone << " " << origin;
  return *parsed;
}

// libc's reading of a zone. Restores TZ at its end.
class LibcZone {
 public:
  explicit LibcZone(const std::string& name) {
    const char* before = std::getenv("TZ");
    if (before != nullptr) before_ = before;
    setenv("TZ", (":" + name).c_str(), 1);
    tzset();
  }
  ~LibcZone() {
    before_.empty() ? unsetenv("TZ") : setenv("TZ", before_.c_str(), 1);
    tzset();
  }
  int64_t offset(int64_t second) const {
    const time_t t = second;
    tm parts{};
    localtime_r(&t, &parts);
    return parts.tm_gmtoff;
  }
  int64_t local(int64_t second) const { return second + offset(second); }

 private:
  std::string before_;
};

std::vector<std::string> zone_names() {
  const std::filesystem::path root = "/usr/share/zoneinfo";
  std::vector<std::string> names;
  for (auto it = std::filesystem::recursive_directory_iterator(root);
       it != std::filesystem::recursive_directory_iterator(); ++it) {
    const std::string name = it->path().lexically_relative(root).string();
    if (it->is_directory() && (name == "posix" || name == "right")) it.disable_recursion_pending();
    if (it->is_regular_file() && std::isupper(static_cast<unsigned char>(name[0])) != 0 &&
        TimeZone::find(name).ok()) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The latest moment, in steps of half a minute, at which the clock showed where t's period begins; where it
// was put forward over that, the moment of the change.
int64_t expected_start(const LibcZone& zone, int64_t t, int64_t period) {
  const int64_t local = zone.local(t);
  const int64_t shown = local - ((local % period) + period) % period;
  const int64_t first = t - ((t % 30) + 30) % 30;
  int64_t after_jump = t;
  for (int64_t s = first; s > t - 4 * 3600; s -= 30) {
    const int64_t at = zone.local(s);
    if (at == shown) return s;
    if (at < shown && zone.local(after_jump) >= shown) return after_jump;
    after_jump = s;
  }
  return -1;
}

// Seconds at which a zone changes its offset, found by looking at every second day.
std::vector<int64_t> changes(const LibcZone& zone) {
  std::vector<int64_t> found;
  constexpr int64_t kStep = 2 * 86'400;
  int64_t before = zone.offset(0);
  for (int64_t t = kStep; t < kLast / kSecond; t += kStep) {
    const int64_t now = zone.offset(t);
    if (now == before) continue;
    int64_t low = t - kStep;
    int64_t high = t;
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (zone.offset(middle) == before ? low : high) = middle;
    }
    found.push_back(high);
    before = now;
  }
  return found;
}

TEST(Granularities, FollowTheWallClockInEveryZone) {
  const uint64_t seed = 20260230;
  std::mt19937_64 random(seed);
  const auto names = zone_names();
  ASSERT_GT(names.size(), 300U) << "the system has no table of zones";
  const bool all = test::long_run();
  int checked = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const LibcZone zone(names[i]);
    std::vector<int64_t> moments;
    for (int k = 0; k < 2; ++k)
      moments.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(kLast / kSecond)));
    if (all || i % 8 == 0) {
      std::vector<int64_t> at = changes(zone);
      std::shuffle(at.begin(), at.end(), random);
      if (!all && at.size() > 4) at.resize(4);
      for (const int64_t change : at) {
        for (const int64_t d : {-4000, -1, 0, 600, 2700, 5400}) moments.push_back(change + d);
      }
    }
    for (const int64_t minutes : {1, 15, 30, 60}) {
      const Granularity g = granularity(fmt::format("PT{}M", minutes), names[i]);
      for (const int64_t t : moments) {
        if (t < 5 * 3600) continue;
        const Micros start = g.start_of(t * kSecond);
        EXPECT_EQ(start, expected_start(zone, t, minutes * 60) * kSecond)
            << names[i] << " " << minutes << " min, t = " << t << " (" << format_timestamp(t * kSecond)
            << "), seed " << seed;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 5'000);
}

// start_of() and next() cut time into runs, whatever the period, the zone and the origin are.
TEST(Granularities, CutTimeIntoRuns) {
  const uint64_t seed = 17;
  std::mt19937_64 random(seed);
  const auto names = zone_names();
  const std::vector<std::string> periods = {"PT1S", "PT7M", "PT15M", "PT1H", "PT2H", "PT5H", "PT6H", "PT12H",
                                            "P1D",  "P2D",  "P1W",   "P2W",  "P1M",  "P3M",  "P1Y",  "P5Y"};
  const std::vector<std::string> origins = {"",
                                            "1970-01-05T00:00Z",
                                            "2024-03-09T02:30-05:00",
                                            "2011-12-29T10:00-10:00",
                                            "2024-01-31T23:59:59Z",
                                            "1999-02-28T02:15Z"};
  for (int i = 0; i < 1500; ++i) {
    const std::string& zone = names[random() % names.size()];
    const std::string& period = periods[random() % periods.size()];
    const std::string& origin = origins[random() % origins.size()];
    const Granularity g = granularity(period, zone, origin);
    const auto t = static_cast<Micros>(random() % static_cast<uint64_t>(kLast - 10 * kDay)) + 5 * kDay;
    const Micros start = g.start_of(t);
    const Micros next = g.next(start);
    const std::string at = fmt::format("{} {} origin '{}' t = {}, seed {}", period, zone, origin,
                                       format_timestamp_millis(t, *TimeZone::find(zone)), seed);
    ASSERT_LE(start, t) << at;
    ASSERT_GT(next, t) << at;
    EXPECT_EQ(g.start_of(start), start) << at;
    EXPECT_EQ(g.start_of(next), next) << at;
    EXPECT_EQ(g.start_of(next - 1), start) << at;
    EXPECT_EQ(g.start_of(start + static_cast<Micros>(random() % static_cast<uint64_t>(next - start))), start)
        << at;
  }
}

TEST(Granularities, Table) {
  struct Case {
    std::string period, zone, origin, t, start;
  };
  for (const Case& c : std::vector<Case>{
           {"PT1H", "Asia/Singapore", "", "2024-05-05T10:40+08:00", "2024-05-05T10:00+08:00"},
           {"PT1H", "Asia/Kathmandu", "", "2024-05-05T10:40+05:45", "2024-05-05T10:00+05:45"},
           {"PT30M", "Asia/Kathmandu", "", "2024-05-05T10:40+05:45", "2024-05-05T10:30+05:45"},
           {"PT15M", "Africa/Monrovia", "", "2024-05-05T10:40Z", "2024-05-05T10:30Z"},
           {"PT6H", "Asia/Singapore", "", "2024-05-05T13:40+08:00", "2024-05-05T12:00+08:00"},
           {"PT12H", "America/Caracas", "", "2024-05-05T13:40-04:00", "2024-05-05T12:00-04:00"},
           // Recorded from Druid: six hours of standard time.
           {"PT6H", "America/New_York", "", "2024-03-10T06:59-04:00", "2024-03-10T00:00-05:00"},
           {"PT6H", "America/New_York", "", "2024-03-10T07:01-04:00", "2024-03-10T07:00-04:00"},
           {"PT6H", "America/New_York", "", "2024-07-10T08:00-04:00", "2024-07-10T07:00-04:00"},
           {"PT6H", "America/New_York", "", "2024-12-10T08:00-05:00", "2024-12-10T06:00-05:00"},
           {"PT6H", "Australia/Sydney", "", "2024-01-10T08:00+11:00", "2024-01-10T07:00+11:00"},
           // The hour that is there twice is two hours.
           {"PT1H", "America/New_York", "", "2024-11-03T01:30-04:00", "2024-11-03T01:00-04:00"},
           {"PT1H", "America/New_York", "", "2024-11-03T01:30-05:00", "2024-11-03T01:00-05:00"},
           // An origin whose time of day is skipped: the period begins later that day, and not before it
           // does.
           {"P1D", "America/New_York", "2024-03-09T02:30-05:00", "2024-03-10T03:10-04:00",
            "2024-03-09T02:30-05:00"},
           {"P1D", "America/New_York", "2024-03-09T02:30-05:00", "2024-03-10T03:31-04:00",
            "2024-03-10T03:30-04:00"},
           {"P1D", "America/New_York", "2024-03-09T02:30-05:00", "2024-03-11T02:29-04:00",
            "2024-03-10T03:30-04:00"},
           {"P1D", "America/New_York", "2024-03-09T02:30-05:00", "2024-03-11T02:31-04:00",
            "2024-03-11T02:30-04:00"},
           {"P1M", "America/New_York", "2024-01-10T02:30-05:00", "2024-03-10T03:10-04:00",
            "2024-02-10T02:30-05:00"},
           {"P1M", "Etc/UTC", "2024-01-31T00:00Z", "2024-02-29T00:00Z", "2024-02-29T00:00Z"},
           {"P1M", "Etc/UTC", "2024-01-31T00:00Z", "2024-03-30T23:00Z", "2024-02-29T00:00Z"},
       }) {
    const auto t = rollup::parse_moment(c.t);
    const auto start = rollup::parse_moment(c.start);
    ASSERT_TRUE(t && start) << c.t << " " << c.start;
    EXPECT_EQ(granularity(c.period, c.zone, c.origin).start_of(*t), *start)
        << c.period << " " << c.zone << " " << c.t << " origin " << c.origin << ": "
        << format_timestamp_millis(granularity(c.period, c.zone, c.origin).start_of(*t),
                                   *TimeZone::find(c.zone));
  }
  const Granularity daily = granularity("P1D", "America/New_York", "2024-03-09T02:30-05:00");
  EXPECT_EQ(daily.next(*rollup::parse_moment("2024-03-10T03:30-04:00")),
            *rollup::parse_moment("2024-03-11T02:30-04:00"));
}

TEST(Moments, AreDatesOfTheCalendar) {
  for (int year = 1896; year <= 2104; year += 4) {
    for (int y = year; y < year + 2; ++y) {
      const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
      const int days[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
      for (int m = 1; m <= 12; ++m) {
        for (const int d : {0, 1, 28, 29, 30, 31, 32}) {
          const std::string date = fmt::format("{:04}-{:02}-{:02}", y, m, d);
          const bool there = d >= 1 && d <= days[m - 1];
          const auto moment = rollup::parse_moment(date + "T01:02");
          EXPECT_EQ(moment.has_value(), there) << date;
          EXPECT_EQ(rollup::parse_interval(date + "/P1D").ok(), there) << date;
          EXPECT_EQ(rollup::parse_interval("P1D/" + date).ok(), there) << date;
          EXPECT_EQ(rollup::parse_interval("1800/" + date).ok(), there) << date;
          if (moment) {
            EXPECT_EQ(format_timestamp(*moment), date + "T01:02:00Z");
          }
        }
      }
    }
  }
  for (const std::string wrong :
       {"2026-02-30", "2026-02-30T00", "2026-13", "2026-00", "2026-01-01T24:00", "2026-01-01T24",
        "2026-01-01T00:60", "2026-01-01T00:00:60", "2026-01-01T00:00:00.", "2026-01-01T00:00+24:00",
        "2026-01-01T00:00+01:60", "2026-01-01T00:00+01:", "2026-01-01T00:00+", "2026-01-01T", "", "-", "x"}) {
    EXPECT_FALSE(rollup::parse_moment(wrong)) << wrong;
  }
  for (const std::string right :
       {"2026", "2026-2", "2026-2-3", "2026-01-01T0", "2026-01-01T00Z", "2026-01-01 00:00:00.5",
        "2026-01-01T23:59:59,999+23:59", "2024-02-29", "-0001-02-28"}) {
    EXPECT_TRUE(rollup::parse_moment(right)) << right;
  }
}

}  // namespace granularity_test
}  // namespace rideflow
