#include "dsl/job_test_spec.h"

#include "dsl/job.h"
#include "dsl/scalars.h"
#include "dsl/typed_value.h"
#include "tests/dsl/fake_catalog.h"

namespace rideflow::test {
namespace job_test_spec_test {

constexpr std::string_view kJob = R"(job: test
sources:
  rides:
    topic: {name: ride_events}
    schema:
      city: string
      fare: double?
      money: decimal(10,2)?
      place: struct(lat double, lon double?)?
      tags: list(string)?
      wait: interval?
      at: timestamp
    event_time: {column: at}
sinks:
  out: {from: rides, topic: {name: out}}
  live: {from: rides, rollup: {datasource: live, dimensions: [city], metrics: {n: count(), sum: sum(fare)}}}
tests:
)";

LoadedJob load(const std::string& tests) {
  return load_job(std::string(kJob) + tests, "j", fake_catalog());
}

TEST(JobTests, AreReadWithTheirTypes) {
  const LoadedJob job = load(R"(
  - name: all of it
    parallelism: [1, 3]
    open: true
    feed:
      - rides:
          - {city: Lyon, fare: 10, money: 1.5, place: {lat: 1}, tags: [a, b], wait: 5m, at: 2026-01-01T12:00:10Z}
          - {city: Nice, at: 2026-01-01, _partition: 2, _timestamp: 2026-01-01T00:00:01Z}
          - '{"broken'
      - advance: {rides: 2026-01-01T12:05:00Z}
      - wait: 10s
      - restart
      - end: rides
    expect:
      out:
        - {city: Lyon, fare: 10}
      live:
        - {city: Lyon, n: 1, sum: 10, __time: 2026-01-01T12:00:00Z}
)");
  ASSERT_TRUE(job.ok()) << format_diagnostics(job);
  ASSERT_EQ(job.tests.size(), 1U);
  const JobTest& test = job.tests[0];
  EXPECT_EQ(test.parallelism, (std::vector<int32_t>{1, 3}));
  EXPECT_TRUE(test.open);
  ASSERT_EQ(test.feed.size(), 5U);
  const std::vector<FeedRow>& rows = test.feed[0].rows;
  ASSERT_EQ(rows.size(), 3U);
  ASSERT_EQ(rows[0].values.size(), 7U);
  EXPECT_EQ(rows[0].values[1].number, 10);
  EXPECT_EQ(static_cast<int>(rows[0].values[2].decimal), 150);
  EXPECT_TRUE(rows[0].values[3].items[1].is_null());
  EXPECT_EQ(rows[0].values[4].items[1].text, "b");
  EXPECT_EQ(rows[0].values[5].integer, 300'000'000);
  EXPECT_TRUE(rows[1].values[1].is_null());
  EXPECT_EQ(rows[1].partition, 2);
  EXPECT_TRUE(rows[1].timestamp.has_value());
  EXPECT_EQ(rows[2].raw, "{\"broken");
  EXPECT_EQ(test.feed[1].kind, FeedStep::Kind::advance);
  EXPECT_EQ(test.feed[2].wait_micros, 10'000'000);
  EXPECT_EQ(test.feed[3].kind, FeedStep::Kind::restart);
  EXPECT_EQ(test.feed[4].end, std::vector<std::string>{"rides"});
  ASSERT_EQ(test.expect.size(), 2U);
  EXPECT_EQ(test.expect[1].rows[0].cells[1].value.integer, 1);
  EXPECT_EQ(test.expect[1].rows[0].cells[3].type.kind, Kind::timestamp);
}

TEST(JobTests, ErrorsPointAtTheCell) {
  const LoadedJob job = load(R"(
  - name: wrong
    feed:
      - rides: [{cty: Lyon}, {city: , fare: ten, place: {lot: 1}}]
      - ride: []
      - advance: {rides: noon}
      - {wait: soon}
      - rides
    expect:
      outt: []
      out: [{fair: 1}, {fare: x}]
    opn: true
  - feed: []
)");
  EXPECT_FALSE(job.ok());
  std::vector<std::string> lines;
  for (const Diagnostic& d : job.errors) lines.push_back(to_string(d, ""));
  const std::vector<std::string> expected = {
      ":21:18  tests[0].feed[0].rides[0].cty: 'cty' is no column of the source (did you mean 'city'?)",
      ":21:31  tests[0].feed[0].rides[1].city: null is no string here",
      ":21:45  tests[0].feed[0].rides[1].fare: expected a double, found 'ten'",
      ":21:57  tests[0].feed[0].rides[1].place: unknown field 'lot' (did you mean 'lat'?)",
      ":22:9  tests[0].feed[1].ride: 'ride' is no source that this job reads (did you mean 'rides'?)",
      ":23:26  tests[0].feed[2].advance.rides: 'noon' is not a time (write 2026-01-31T12:00:00Z)",
      ":24:16  tests[0].feed[3].wait: 'soon' is not a duration of fixed length",
      ":25:9  tests[0].feed[4]: a step of 'feed' is one key: a source, advance, end, wait or restart",
      ":27:7  tests[0].expect.outt: unknown sink 'outt' (did you mean 'out'?)",
      ":28:14  tests[0].expect.out[0].fair: 'fair' is no column of the sink (there are: city, fare, money, "
      "place, tags, "
      "wait, at)",
      ":28:31  tests[0].expect.out[1].fare: expected a double, found 'x'",
      ":29:5  tests[0].opn: unknown key 'opn' (did you mean 'open'?)",
      ":30:5  tests[1]: 'expect' is missing: the rows that sinks must have got",
      ":30:5  tests[1]: 'name' is missing: a test says in its name what it shows",
  };
  EXPECT_EQ(lines, expected);
}

TEST(JobTests, BesideTheJob) {
  const LoadedJob job = load("  []\n");
  ASSERT_TRUE(job.ok()) << format_diagnostics(job);
  Diagnostics diagnostics;
  const std::vector<JobTest> tests = load_test_file(
      "job: test\ntests:\n  - {name: a, feed: [], expect: {out: []}}\n", "t", *job.plan, {}, diagnostics);
  EXPECT_TRUE(diagnostics.ok());
  ASSERT_EQ(tests.size(), 1U);
  EXPECT_EQ(tests[0].file, "t");
  EXPECT_TRUE(load_test_file("job: other\ntest: []\n", "t", *job.plan, {}, diagnostics).empty());
  EXPECT_EQ(diagnostics.errors().size(), 3U);
}

TEST(TypedValue, DefaultsWhereNullIsNotAllowed) {
  EXPECT_TRUE(default_value(Type(Kind::string), true).is_null());
  EXPECT_EQ(default_value(Type(Kind::string), false), Value::string(""));
  EXPECT_EQ(default_value(Type(Kind::float64), false), Value::float64(0));
}

TEST(Scalars, WhatTheyTakeAndRefuse) {
  EXPECT_EQ(*parse_size("64MiB"), 64 << 20);
  EXPECT_EQ(*parse_size("1.5 kB"), 1500);
  EXPECT_FALSE(parse_size("-1").ok());
  EXPECT_FALSE(parse_size("1 parsec").ok());
  EXPECT_EQ(*parse_rate("5000/s"), 5000);
  EXPECT_EQ(*parse_rate("2.5k/s"), 2500);
  EXPECT_EQ(*parse_rate("120/m"), 2);
  EXPECT_EQ(*parse_rate("max"), 0);
  EXPECT_EQ(*parse_rate("0/s"), 0);
  EXPECT_EQ(*parse_rate("0"), 0);
  EXPECT_FALSE(parse_rate("-1/s").ok());
  EXPECT_FALSE(parse_rate("5/fortnight").ok());
  EXPECT_EQ(parse_span("0")->micros, 0);
  EXPECT_FALSE(parse_span("-5s").ok());
  EXPECT_FALSE(parse_boolean("yes").ok());
  EXPECT_FALSE(parse_integer("1.5").ok());
}

}  // namespace job_test_spec_test
}  // namespace rideflow::test
