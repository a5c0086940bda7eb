// Queries beyond the recordings: limits, time-outs, lenient requests, intervals, expressions, patterns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/virtual_env.h"
#include "rollup/query/datum.h"
#include "rollup/query/expression.h"
#include "rollup/query/extraction.h"
#include "rollup/query/interval.h"
#include "rollup/query/text_match.h"
#include "rollup/rollup_queries.h"
#include "tests/rollup/druid_data.h"
#include "tests/support/rollup_rows.h"

namespace rideflow {
namespace query_test {

using testing::HasSubstr;

struct Queries {
  VirtualEnv env;
  std::shared_ptr<RollupStore> store;
  Queries() {
    store = *RollupStore::open(&env, "rollups");
    const Status loaded = test::load_druid_data(*store, kNoTime);
    EXPECT_TRUE(loaded.ok()) << loaded.to_string();
  }
  QueryAnswer post(std::string_view body, const QueryLimits& limits = {}) {
    return RollupQueries(&env, store, limits).post(body);
  }
};

std::string timeseries(const std::string& rest) {
  return R"({"queryType":"timeseries","dataSource":"events","granularity":"all","intervals":"2024/2025")" +
         rest + "}";
}

TEST(RollupQueries, LimitsAnswerWithDruidsWords) {
  Queries queries;
  QueryLimits limits;
  limits.max_groups = 3;
  const QueryAnswer groups =
      queries.post(R"({"queryType":"groupBy","dataSource":"events","granularity":"all",)"
                   R"("dimensions":["city"],"intervals":"2024/2025"})",
                   limits);
  EXPECT_EQ(groups.status, 400);
  EXPECT_THAT(groups.body, HasSubstr(R"("error":"Resource limit exceeded")"));
  limits = {};
  limits.max_result_bytes = 100;
  EXPECT_EQ(
      queries.post(R"({"queryType":"scan","dataSource":"events","intervals":"2024/2025"})", limits).status,
      400);
  limits = {};
  limits.body_bytes = 10;
  EXPECT_EQ(queries.post(timeseries(""), limits).status, 413);
  limits = {};
  limits.timeout_us = 0;
  const QueryAnswer late = queries.post(timeseries(""), limits);
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr(R"("error":"Query timeout")"));
}

// Cancels a query while it runs: whenever it looks at the clock.
class CancellingEnv : public VirtualEnv {
 public:
  std::function<void()> cancel;
  Micros monotonic() override {
    if (cancel) cancel();
    return VirtualEnv::monotonic();
  }
};

TEST(RollupQueries, ACancelledQueryStops) {
  CancellingEnv env;
  auto store = *RollupStore::open(&env, "rollups");
  ASSERT_TRUE(test::load_druid_data(*store, kNoTime).ok());
  const RollupQueries queries(&env, store);
  const std::string body = timeseries(R"(,"context":{"queryId":"q1"})");
  int stopped = 0;
  const auto post_and_cancel = [&](const std::string& id) {
    env.cancel = [&, id] { stopped = std::max(stopped, queries.cancel(id)); };
    return queries.post(body);
  };
  const QueryAnswer other = post_and_cancel("q2");
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(stopped, 0);
  const QueryAnswer answer = post_and_cancel("q1");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(stopped, 1);
  EXPECT_THAT(answer.body, HasSubstr(R"("error":"Query cancelled")"));
  env.cancel = nullptr;
  EXPECT_EQ(queries.post(body).status, 200) << "the id is free again";
  EXPECT_EQ(queries.cancel("q1"), 0);
}

TEST(RollupQueries, BadRequestsNameTheirFault) {
  Queries queries;
  for (const auto& [body, text] : std::vector<std::pair<std::string, std::string>>{
           {"", "not JSON"},
           {"[1]", "must be a JSON object"},
           {"{}", "missing type id property 'queryType'"},
           {R"({"queryType":"nosuch"})", "Could not resolve type id 'nosuch'"},
           {timeseries(R"(,"filter":{"type":"and","fields":[]})"),
            "AND operator requires at least one field"},
           {timeseries(R"(,"filter":{"type":"regex","dimension":"city","pattern":"("})"), "missing )"},
           {timeseries(R"(,"aggregations":[{"type":"javascript","name":"x"}])"), "JavaScript is not run"},
           {R"({"queryType":"timeseries","dataSource":"events","granularity":"all","intervals":"2025"})",
            "Invalid interval"}}) {
    const QueryAnswer answer = queries.post(body);
    EXPECT_NE(answer.status, 200) << body;
    EXPECT_THAT(answer.body, HasSubstr(text)) << body;
  }
}

TEST(RollupQueries, RequestsMayBeLoose) {
  Queries queries;
  const std::string expected =
      queries.post(timeseries(R"(,"aggregations":[{"type":"count","name":"n"}])")).body;
  for (
      const std::string rest :
      {R"(,"aggregations":[{"type":"count","name":"n","fieldName":"x"}],"limit":0,"unknown":{"a":1},"filter":null)",
       R"(,"aggregations":[{"type":"count","name":"n"}],"virtualColumns":[],"postAggregations":[],"context":null)",
       R"(,"aggregations":[{"type":"count","name":"n"}],"descending":"false","context":{"timeout":"1000"})"}) {
    EXPECT_EQ(queries.post(timeseries(rest)).body, expected) << rest;
  }
  EXPECT_EQ(queries
                .post(R"({"queryType":"timeseries","dataSource":{"type":"union","dataSources":["events"]},
      "granularity":{"type":"all"},"intervals":{"type":"LegacySegmentSpec","intervals":["2024/2025"]},
      "aggregations":[{"type":"count","name":"n"}]})")
                .body,
            expected);
}

TEST(RollupQueries, ScanAndMetadata) {
  Queries queries;
  EXPECT_EQ(
      queries
          .post(
              R"({"queryType":"scan","dataSource":"users","intervals":"2024/2025","columns":["user","credit"],
      "limit":1,"resultFormat":"compactedList"})")
          .body,
      R"([{"segmentId":"merged","columns":["user","credit"],"events":[["u000",0]]}])");
  EXPECT_EQ(
      queries.post(R"({"queryType":"dataSourceMetadata","dataSource":"users"})").body,
      R"([{"timestamp":"2024-01-01T00:00:00.000Z","result":{"maxIngestedEventTime":"2024-01-01T00:00:00.000Z"}}])");
  const std::string metadata =
      queries
          .post(
              R"({"queryType":"segmentMetadata","dataSource":"events","merge":true,"analysisTypes":["aggregators"]})")
          .body;
  EXPECT_THAT(metadata, HasSubstr(R"("user_hll":{"typeSignature":"COMPLEX<HLLSketch>","type":"HLLSketch")"));
  EXPECT_THAT(metadata, HasSubstr(R"("added":{"type":"longSum","name":"added","fieldName":"added"})"));
  EXPECT_THAT(metadata, HasSubstr(R"("queryGranularity":null)"));
}

TEST(RollupQueries, AnswersSayWhatIsComplete) {
  Queries queries;
  const QueryAnswer answer = queries.post(timeseries(""));
  ASSERT_EQ(answer.headers.size(), 1U);
  EXPECT_EQ(answer.headers[0].second, R"({"completeTo":null})");
}

TEST(Intervals, AreReadAsClientsWriteThem) {
  using rollup::parse_interval;
  using rollup::parse_moment;
  EXPECT_EQ(parse_moment("2024-03-09T00Z"), parse_timestamp("2024-03-09"));
  EXPECT_EQ(parse_moment("2024-03-09T01:30+02:00"), parse_timestamp("2024-03-08T23:30:00Z"));
  EXPECT_EQ(parse_moment("2024"), parse_timestamp("2024-01-01"));
  EXPECT_EQ(parse_moment("2024-03-09T01:02:03.5Z"), parse_timestamp("2024-03-09T01:02:03.5Z"));
  EXPECT_EQ(parse_moment("-146136543-09-08T08:23:32.096Z"), rollup::kEternity.start);
  for (const char* bad : {"", "x", "2024-13", "2024-01-32", "2024-01-01T25", "2024-01-01T00:00:00Zx"}) {
    EXPECT_FALSE(parse_moment(bad)) << bad;
  }
  const auto day = parse_interval("2024-03-09/P1D");
  ASSERT_TRUE(day.ok());
  EXPECT_EQ(day->end - day->start, int64_t{86'400} * kMicrosPerSecond);
  EXPECT_EQ(parse_interval("P1D/2024-03-10")->start, day->start);
  EXPECT_FALSE(parse_interval("2024/2023").ok());
  EXPECT_FALSE(parse_interval("2024").ok());
}

std::string expression(const std::string& text) {
  const auto parsed = rollup::Expression::parse(text, nullptr);
  if (!parsed.ok()) return parsed.status().message();
  const auto v = (*parsed)->eval_by_name([](const std::string& name) -> rollup::QueryValue {
    if (name == "x") return int64_t{7};
    if (name == "a b") return std::string("ab");
    return {};
  });
  if (!v.ok()) return v.status().message();
  std::string out;
  rollup::append_json(out, *v);
  return out;
}

TEST(Expressions, FollowDruid) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"1 + 2 * 3", "7"},
           {"(1 + 2) * 3", "9"},
           {"x / 2", "3"},
           {"x / 2.0", "3.5"},
           {"x / 0", "null"},
           {"x / 0.0", "\"Infinity\""},
           {"x % 4 == 3 && !(x > 9)", "1"},
           {"nosuch + 1", "null"},
           {"nvl(nosuch, x)", "7"},
           {"if(x != 7, 'a', \"a b\")", "\"ab\""},
           {"concat('a', '\\u002f', upper('é'))", "\"a/É\""},
           {"case_searched(x < 3, 'low', x < 9, 'mid', 'high')", "\"mid\""},
           {"cast('12', 'LONG') + 1", "13"},
           {"timestamp_floor(1709942799000, 'PT1H')", "1709942400000"},
           {"timestamp_extract(1709942799000, 'DOW', 'America/New_York')", "5"},
           {"like('Lyon', 'L_o%')", "1"},
           {"regexp_extract('a12b', '[0-9]+', 0)", "\"12\""},
           {"-2 ^ 2", "4.0"},
           {"greatest(1, null, 3.5)", "3.5"}}) {
    EXPECT_EQ(expression(text), expected) << text;
  }
  for (const auto& [text, error] : std::vector<std::pair<std::string, std::string>>{
           {"1 +", "the end"},
           {"(1", "missing ')'"},
           {"nosuch(1)", "does not exist"},
           {"upper()", "with 0 arguments"},
           {"'open", "not closed"},
           {std::string(100, '(') + "1" + std::string(100, ')'), "too"}}) {
    EXPECT_THAT(expression(text), HasSubstr(error)) << text;
  }
}

TEST(Texts, LikeAndCase) {
  using rollup::like_match;
  EXPECT_TRUE(like_match("東京", "_京", 0));
  EXPECT_TRUE(like_match("100%", "1%\\%", '\\'));
  EXPECT_FALSE(like_match("100", "1%\\%", '\\'));
  EXPECT_TRUE(like_match("", "%", 0));
  EXPECT_FALSE(like_match("", "_", 0));
  EXPECT_TRUE(like_match(std::string(5000, 'a') + "b", "%a%a%a%b", 0));
  EXPECT_EQ(rollup::to_upper("Côte d'Ivoire ÿ я"), "CÔTE D'IVOIRE Ÿ Я");
  EXPECT_EQ(rollup::to_lower("MÜNCHEN ŁÓDŹ"), "münchen łódź");
  EXPECT_EQ(rollup::utf16_length("a😀"), 3U);
}

TEST(Values, NumbersPrintAsJavaDoes) {
  using rollup::java_double;
  EXPECT_EQ(java_double(882), "882.0");
  EXPECT_EQ(java_double(7.1233507e8), "7.1233507E8");
  EXPECT_EQ(java_double(0.0001), "1.0E-4");
  EXPECT_EQ(java_double(-0.5), "-0.5");
  EXPECT_EQ(java_double(std::nan("")), "NaN");
}

TEST(Values, Orderings) {
  using rollup::compare;
  using rollup::Datum;
  using rollup::Ordering;
  const auto of = [](std::string_view s) { return Datum::of(s); };
  EXPECT_LT(compare(Datum(), of(""), Ordering::lexicographic), 0);
  EXPECT_LT(compare(of("10"), of("9"), Ordering::lexicographic), 0);
  EXPECT_GT(compare(of("10"), of("9"), Ordering::numeric), 0);
  EXPECT_LT(compare(of("x"), of("-1"), Ordering::numeric), 0);
  EXPECT_LT(compare(of("img9"), of("img10"), Ordering::alphanumeric), 0);
  EXPECT_GT(compare(of("aaa"), of("zz"), Ordering::strlen), 0);
}

}  // namespace query_test
}  // namespace rideflow
