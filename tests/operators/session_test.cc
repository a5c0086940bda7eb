#include <fmt/format.h>

#include <map>
#include <random>

#include "engine/expr.h"
#include "engine/time.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace session_test {

constexpr Micros kSecond = kMicrosPerSecond;
constexpr Micros kStart = 1'700'000'000 * kSecond;
constexpr Micros kGap = 20 * kSecond;

struct Row {
  std::string ride;
  std::string status;
  Micros time = 0;
  Micros watermark_before = kNoTime;
};

SchemaRef schema() {
  return make_schema({{"ride", Kind::string, false},
                      {"status", Kind::string, false},
                      {"done", Kind::boolean, true},
                      {"tags", Type::list(Kind::int64), true}});
}

std::shared_ptr<StepConfig> config_of(bool close_on, int64_t lateness) {
  auto config = std::make_shared<StepConfig>();
  config->step = "trips";
  config->input = schema();
  config->inputs = {config->input};
  config->keys = {0};
  config->key_exprs = {{"ride", make_column(*config->input, 0), {}}};
  WindowSpec window;
  window.kind = WindowKind::session;
  window.gap.micros = kGap;
  window.allowed_lateness = lateness;
  if (close_on) window.close_on = make_column(*config->input, 2);
  config->window = std::make_shared<const WindowSpec>(window);
  const auto call = [&](const std::string& name, const std::string& function, std::vector<int> columns) {
    AggregateCall made;
    made.name = name;
    made.function = function;
    std::vector<ArgInfo> args;
    for (const int column : columns) {
      made.args.push_back(make_column(*config->input, column));
      args.push_back({config->input->field(column).type, true, nullptr});
    }
    auto aggregate = full_catalog().find_aggregate(function)->make(args);
    EXPECT_TRUE(aggregate.ok());
    made.aggregate = *aggregate;
    config->aggregates.push_back(std::move(made));
  };
  call("n", "count", {});
  call("first", "first", {1});
  call("last", "last", {1});
  call("tagged", "count", {3});
  return config;
}

Feed feed_of(const std::vector<Row>& rows) {
  Feed feed;
  feed.rows.schema = schema();
  feed.rows.rows = static_cast<int32_t>(rows.size());
  ColumnBuilder ride(Kind::string), status(Kind::string), done(Kind::boolean), tags(Type::list(Kind::int64)),
      time(Kind::timestamp);
  Micros watermark = kNoTime;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    ride.append_string(row.ride);
    status.append_string(row.status);
    done.append_bool(row.status == "done");
    if (row.status == "done") {
      tags.append_null();
    } else {
      tags.child(0).append(static_cast<int64_t>(i));
      tags.child(0).append_null();
      tags.end_list();
    }
    time.append(row.time);
    if (row.watermark_before != kNoTime && row.time < row.watermark_before) {
      feed.rows.behind.push_back({static_cast<int32_t>(i), row.watermark_before, BehindReason::late});
    }
    watermark = std::max({watermark, row.watermark_before, row.time - 5 * kSecond});
    feed.row_watermarks.push_back(watermark);
  }
  feed.rows.columns.push_back(ride.finish());
  feed.rows.columns.push_back(status.finish());
  feed.rows.columns.push_back(done.finish());
  feed.rows.columns.push_back(tags.finish());
  feed.rows.event_time = time.finish().data;
  return feed;
}

std::vector<Row> random_rows(uint64_t seed, int n, const WindowSpec& window) {
  std::mt19937_64 random(seed);
  std::vector<Row> rows;
  Micros largest = kNoTime;
  Micros now = kStart;
  for (int i = 0; i < n; ++i) {
    now += static_cast<Micros>(random() % (6 * kSecond));
    Row row;
    row.ride = "ride-with-a-long-name-" + std::to_string(random() % 6);
    row.status = random() % 5 == 0 ? "done" : "s" + std::to_string(random() % 9);
    row.time = now - static_cast<Micros>(random() % (12 * kSecond));
    row.time -= row.time % kSecond;  // equal times are common
    row.watermark_before = largest == kNoTime ? kNoTime : largest - 5 * kSecond;
    largest = std::max(largest, row.time);
    if (!is_late(window, row.time, row.watermark_before)) rows.push_back(row);
  }
  return rows;
}

// Row by row, all rows of a ride in order of time.
std::vector<std::string> model(const std::vector<Row>& rows, bool close_on) {
  std::map<std::string, std::vector<Row>> rides;
  for (const Row& row : rows) rides[row.ride].push_back(row);
  std::vector<std::string> lines;
  for (auto& [ride, all] : rides) {
    std::sort(all.begin(), all.end(), [](const Row& a, const Row& b) {
      return std::tie(a.time, a.status) < std::tie(b.time, b.status);
    });
    for (size_t i = 0; i < all.size();) {
      size_t end = i;
      bool closed = false;
      while (end < all.size() && (end == i || (closed ? all[end].time == all[end - 1].time
                                                      : all[end].time - all[end - 1].time < kGap))) {
        closed = closed || (close_on && all[end].status == "done");
        ++end;
        // Rows of the closing instant that sort before the closing row are in already; those after follow.
      }
      const Micros last = all[end - 1].time;
      const Micros window_end = closed ? last + 1 : last + kGap;
      std::string last_status = all[end - 1].status;
      int tagged = 0;
      for (size_t k = i; k < end; ++k) {
        tagged += all[k].status != "done" ? 1 : 0;
        if (all[k].time == last) last_status = std::min(last_status, all[k].status);
      }
      lines.push_back(fmt::format(
          R"({{"ride":"{}","window_start":"{}","window_end":"{}","n":{},"first":"{}","last":"{}","tagged":{}}} @{})",
          ride, format_timestamp(all[i].time), format_timestamp(window_end), end - i, all[i].status,
          last_status, tagged, window_end - 1));
      i = end;
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(Session, EqualsTheModel) {
  for (const bool close_on : {false, true}) {
    for (const int64_t lateness : {int64_t{0}, 8 * kSecond}) {
      for (uint64_t seed = 1; seed <= 4; ++seed) {
        SCOPED_TRACE(fmt::format("close_on {} lateness {} seed {}", close_on, lateness, seed));
        const auto config = config_of(close_on, lateness);
        const std::vector<Row> rows = random_rows(seed, 200, *config->window);
        OperatorCase c{"session", config, {feed_of(rows)}, true};
        const std::vector<std::string> expected = model(rows, close_on);
        ASSERT_EQ(run_operator(c, {})["rows"], expected);
        for (const int32_t batch : {1, 7, 64}) {
          ASSERT_EQ(run_operator(c, {batch, 2, true, false, batch == 7})["rows"], expected) << batch;
        }
      }
    }
  }
}

TEST(Session, KeepsTheContractOfOperators) {
  const auto config = config_of(true, 0);
  expect_contract({"session", config, {feed_of(random_rows(5, 80, *config->window))}, true});
}

TEST(Session, EndsWhenNoRowCanJoinAndNotBefore) {
  const auto config = config_of(true, 0);
  Feed feed = feed_of({{"a", "s1", kStart, kNoTime}, {"b", "done", kStart + kSecond, kNoTime}});
  feed.row_watermarks.clear();
  feed.watermark_after = kStart + kSecond;  // a row at this time may still come
  OperatorCase c{"session", config, {feed}, false};
  EXPECT_TRUE(run_operator(c, {})["rows"].empty());
  c.feed[0].watermark_after = kStart + kSecond + 1;
  EXPECT_EQ(run_operator(c, {})["rows"].size(), 1U);  // b is closed
  c.feed[0].watermark_after = kStart + kGap - 1;
  EXPECT_EQ(run_operator(c, {})["rows"].size(), 1U);
  c.feed[0].watermark_after = kStart + kGap;
  EXPECT_EQ(run_operator(c, {})["rows"].size(), 2U);
}

TEST(Session, RowsBehindTheOperatorsWatermarkAreLate) {
  Feed first = feed_of({{"a", "s1", kStart, kNoTime}});
  Feed second = feed_of({{"a", "s2", kStart + 1, kNoTime}});
  first.row_watermarks.clear();
  second.row_watermarks.clear();
  first.watermark_after = kStart + 2;
  OperatorCase c{"session", config_of(false, 0), {first, second}, true};
  PortRows rows = run_operator(c, {});
  EXPECT_EQ(rows["late"].size(), 1U);
  EXPECT_EQ(rows["rows"].size(), 1U);
}

TEST(Session, ManyShortSessionsLeaveNothingBehind) {
  std::vector<Row> rows;
  for (int i = 0; i < 12'000; ++i) {
    const Micros time = kStart + i * kSecond / 100;
    rows.push_back({"ride" + std::to_string(i / 2), i % 2 == 0 ? "s1" : "done", time, kNoTime});
  }
  const auto config = config_of(true, 0);
  OperatorCase c{"session", config, {feed_of(rows)}, true};
  const std::vector<std::string> expected = model(rows, true);
  EXPECT_EQ(run_operator(c, {})["rows"], expected);
  EXPECT_EQ(run_operator(c, {500, 1, false, true, true})["rows"], expected);
  EXPECT_EQ(run_operator(c, {500, 2, true, false, false})["rows"], expected);
}

}  // namespace session_test
}  // namespace rideflow::test
