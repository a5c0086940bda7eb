// What a query may cost: depth, size, time, memory, each looked at everywhere, whatever shape the query has.
// Time is counted in looks at the clock, so that nothing here depends on the machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <random>

#include "engine/time.h"
#include "engine/virtual_env.h"
#include "rollup/rollup_queries.h"
#include "tests/support/fuzz_rollup.h"
#include "tests/support/long_run.h"
#include "tests/support/rollup_rows.h"

namespace rideflow {
namespace query_limits_test {

using test::RollupRow;
using testing::AnyOf;
using testing::HasSubstr;

// Time goes on by itself: a millisecond for each look. `on_look` sees the number of each.
class TickingEnv : public VirtualEnv {
 public:
  explicit TickingEnv(uint64_t seed = 1) : VirtualEnv(seed) {}
  int64_t looks = 0;
  std::function<void(int64_t look)> on_look;
  Micros skipped = 0;
  Micros now() override { return VirtualEnv::now() + looks * 1000 + skipped; }
  Micros monotonic() override {
    ++looks;
    if (on_look) on_look(looks);
    return looks * 1000 + skipped;
  }
};

// Datasource `wide`: this many cells, each of a city of its own, all in one hour.
std::shared_ptr<RollupStore> wide_rollup(VirtualEnv& env, int cells) {
  RollupSpec spec;
  spec.datasource = "wide";
  spec.granularity = *parse_granularity("second");
  spec.dimensions = {{"city"}, {"tags", DimensionType::string, true}};
  spec.metrics = {{"count", MetricKind::count, "", ""},
                  {"fare", MetricKind::double_sum, "fare", ""},
                  {"drivers", MetricKind::distinct_sketch, "driver", ""}};
  RollupStoreOptions options;
  options.publish_interval_us = 0;
  auto store = *RollupStore::open(&env, "rollups", options);
  auto writer = *store->writer(spec, {"l1", "sink", 0, 1});
  std::vector<RollupRow> rows;
  for (int i = 0; i < cells; ++i) {
    Value tags;
    tags.kind = Kind::list;
    tags.items = {Value::string("x" + std::to_string(i % 3)), Value::string("y" + std::to_string(i % 5))};
    rows.push_back({VirtualEnv::kStart + i % 3600 * kMicrosPerSecond,
                    {Value::string("city " + std::to_string(i)), tags},
                    {Value::null(), Value::float64(i * 0.5), Value::string("d" + std::to_string(i % 100))}});
  }
  std::vector<int32_t> expired;
  const test::RollupBatch batch(spec, rows);
  RF_CHECK(writer->add(batch.rows(), expired).ok());
  RF_CHECK(test::commit_epoch(*writer, 1, VirtualEnv::kStart).ok());
  return store;
}

std::string query(const std::string& type, const std::string& source, const std::string& rest) {
  // Of `rides`, some rows are enough.
  const std::string start = format_timestamp(VirtualEnv::kStart);
  return R"({"queryType":")" + type + R"(","dataSource":")" + source +
         R"(","granularity":"all","intervals":")" + (source == "rides" ? start + "/PT10M" : "2000/2100") +
         R"(")" + rest + "}";
}

std::string virtual_columns(int n, const std::function<std::string(int)>& expression) {
  std::string out = R"(,"virtualColumns":[)";
  for (int i = 0; i < n; ++i) {
    out += (i > 0 ? "," : "") + (R"({"type":"expression","name":"v)" + std::to_string(i) +
                                 R"(","expression":")" + expression(i) + R"("})");
  }
  return out + "]";
}

std::string sum_of(const std::string& column) {
  return R"(,"aggregations":[{"type":"doubleSum","name":"s","fieldName":")" + column + R"("}])";
}

std::string repeated(const std::string& text, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

std::string previous(int i) {
  return i == 0 ? "seats" : "v" + std::to_string(i - 1);
}

// ---- Depth and size

struct Shape {
  std::string name;
  std::string body;
  int status;
  std::string says;
};

using Shapes = std::vector<Shape>;

std::string timeseries(const std::string& rest) {
  return query("timeseries", "rides", rest);
}

std::string chain(int columns, const std::function<std::string(int)>& e) {
  return timeseries(virtual_columns(columns, e) + sum_of("v" + std::to_string(columns - 1)));
}

std::string expression(const std::string& e) {
  return timeseries(R"(,"aggregations":[{"type":"doubleSum","name":"s","expression":")" + e + R"("}])");
}

std::string nested(const std::string& open, const std::string& middle, const std::string& close, size_t n) {
  return repeated(open, n) + middle + repeated(close, n);
}

std::string dimension(const std::string& extraction) {
  return query("groupBy", "rides",
               R"(,"dimensions":[{"type":"extraction","dimension":"city","outputName":"c","extractionFn":)" +
                   extraction + "}]");
}

const std::string kLeaf = R"({"type":"true"})";
const std::string kGroup = R"(,"dimensions":["city"],"aggregations":[{"type":"count","name":"n"}])";

void add_columns(Shapes& all) {
  const std::string minus60 = repeated("-", 60);
  all.push_back({"800 columns of 60 signs",
                 chain(800, [&](int i) { return minus60 + "(" + previous(i) + ")"; }), 400,
                 "with the virtual columns"});
  all.push_back({"300 columns one over the other", chain(300, previous), 400, "with the virtual columns"});
  all.push_back({"200 columns one over the other", chain(200, previous), 200, ""});
  all.push_back({"calls of calls in columns",
                 chain(100, [&](int i) { return repeated("abs(", 50) + previous(i) + repeated(")", 50); }),
                 400, "with the virtual columns"});
  all.push_back({"doubled sums", chain(40, [](int i) { return previous(i) + "+" + previous(i); }), 200, ""});
  all.push_back({"doubled conditions",
                 chain(40,
                       [](int i) {
                         const std::string p = previous(i);
                         return "if(" + p + ">0 && " + p + "<9, nvl(" + p + "," + p + "), greatest(" + p +
                                "," + p + ")) || " + p;
                       }),
                 200, ""});
  all.push_back(
      {"doubled texts",
       chain(40, [](int i) { return "concat(" + (i == 0 ? "'ab'" : previous(i)) + "," + previous(i) + ")"; }),
       400, "a text of more than 256 KiB"});
  all.push_back(
      {"doubled by replace",
       chain(40, [](int i) { return "replace(" + (i == 0 ? "'aaaa'" : previous(i)) + ",'a','aaaaaaaa')"; }),
       400, "a text of more than 256 KiB"});
}

void add_expressions(Shapes& all) {
  for (const auto& [open, close] : std::vector<std::pair<std::string, std::string>>{
           {"-", ""}, {"!", ""}, {"(", ")"}, {"abs(", ")"}, {"1^", ""}, {"nvl(1,", ")"}}) {
    all.push_back({"deep " + open, expression(repeated(open, 40) + "seats" + repeated(close, 40)), 200, ""});
    all.push_back({"too deep " + open, expression(repeated(open, 70) + "seats" + repeated(close, 70)), 400,
                   "nested deeper than 64"});
    all.push_back({"much too deep " + open,
                   expression(repeated(open, 100'000 / open.size()) + "seats" + repeated(close, 10)), 400,
                   "nested deeper than 64"});
  }
  for (const std::string op : {"+", "*", "-", "/", "%", "<", "==", "&&", "||"}) {
    const std::string term = op == "&&" || op == "||" ? "seats > 1" + op : "seats" + op;
    all.push_back({"a chain of " + op, expression(repeated(term, op == "+" ? 1300 : 200) + "1"), 200, ""});
    all.push_back(
        {"too long a chain of " + op, expression(repeated(term, 5000) + "1"), 400, "more than 4096 parts"});
  }
  all.push_back({"a wide call", expression("greatest(" + repeated("seats,", 999) + "1)"), 200, ""});
  all.push_back(
      {"too wide a call", expression("greatest(" + repeated("seats,", 1500) + "1)"), 400, "arguments"});
}

void add_filters(Shapes& all) {
  for (const auto& [open, close] : std::vector<std::pair<std::string, std::string>>{
           {R"({"type":"not","field":)", "}"},
           {R"({"type":"and","fields":[)", "]}"},
           {R"({"type":"or","fields":[{"type":"false"},)", "]}"}}) {
    all.push_back({"filter " + open, timeseries(R"(,"filter":)" + nested(open, kLeaf, close, 12)), 200, ""});
    all.push_back(
        {"deep filter " + open, timeseries(R"(,"filter":)" + nested(open, kLeaf, close, 5000)), 400, ""});
  }
  all.push_back(
      {"a wide filter",
       timeseries(R"(,"filter":{"type":"or","fields":[)" +
                  repeated(R"({"type":"selector","dimension":"city","value":"a"},)", 1500) + kLeaf + "]}"),
       200, ""});
  all.push_back(
      {"too wide a filter",
       timeseries(R"(,"filter":{"type":"or","fields":[)" + repeated(kLeaf + ",", 20'000) + kLeaf + "]}"), 400,
       "too large"});
  all.push_back(
      {"many patterns",
       timeseries(R"(,"filter":{"type":"or","fields":[)" +
                  repeated(R"({"type":"regex","dimension":"city","pattern":"(a|b){1,9}c*"},)", 1200) + kLeaf +
                  "]}"),
       400, "Resource limit exceeded"});
}

void add_deep_parts(Shapes& all) {
  all.push_back({"deep having",
                 query("groupBy", "rides",
                       kGroup + R"(,"having":)" +
                           nested(R"({"type":"not","havingSpec":)", R"({"type":"always"})", "}", 3000)),
                 400, ""});
  all.push_back({"deep post-aggregation",
                 timeseries(R"(,"postAggregations":[)" +
                            nested(R"({"type":"arithmetic","name":"p","fn":"+","fields":[)",
                                   R"({"type":"constant","value":1})", "]}", 3000) +
                            "]"),
                 400, ""});
  std::string doubled;
  for (int i = 0; i < 900; ++i) {
    const std::string p = i == 0 ? "1" : "p" + std::to_string(i - 1);
    doubled += (i > 0 ? "," : "") + (R"({"type":"expression","name":"p)" + std::to_string(i) +
                                     R"(","expression":")" + p + "*0.5+" + p + R"(*0.5"})");
  }
  all.push_back(
      {"doubled post-aggregations", timeseries(R"(,"postAggregations":[)" + doubled + "]"), 200, ""});
  all.push_back({"a cascade",
                 dimension(R"({"type":"cascade","extractionFns":[)" + repeated(R"({"type":"upper"},)", 30) +
                           R"({"type":"lower"}]})"),
                 200, ""});
  all.push_back({"cascades of cascades",
                 dimension(nested(R"({"type":"cascade","extractionFns":[{"type":"upper"},{"type":"lower"},)",
                                  R"({"type":"lower"})", "]}", 13)),
                 200, ""});
  all.push_back({"too long a cascade",
                 dimension(R"({"type":"cascade","extractionFns":[)" + repeated(R"({"type":"upper"},)", 5000) +
                           R"({"type":"lower"}]})"),
                 400, "more than 32 steps"});
}

void add_sizes(Shapes& all) {
  all.push_back({"too many virtual columns", chain(1001, [](int) { return std::string("1"); }), 400,
                 "more than 1000 virtual columns"});
  all.push_back({"a virtual column twice",
                 timeseries(R"(,"virtualColumns":[{"type":"expression","name":"v","expression":"1"},)"
                            R"({"type":"expression","name":"v","expression":"v+v"}])"),
                 400, "Duplicate virtualColumn"});
  std::string intervals = "[";
  for (int i = 0; i < 10'001; ++i)
    intervals += (i > 0 ? "," : "") + (R"("2026-01-01T00:00:00.)" + std::to_string(i) + R"(/PT1S")");
  all.push_back({"too many intervals",
                 R"({"queryType":"timeseries","dataSource":"rides","granularity":"all","intervals":)" +
                     intervals + "]}",
                 400, "intervals"});
  all.push_back({"many subtotals",
                 query("groupBy", "rides", kGroup + R"(,"subtotalsSpec":[)" + repeated("[],", 100) + "[]]"),
                 400, "too many subtotals"});
  all.push_back({"many dimensions over lists",
                 query(
                     "groupBy", "rides",
                     R"(,"dimensions":[)" +
                         [] {
                           std::string out;
                           for (int i = 0; i < 90; ++i) {
                             out += (i > 0 ? "," : "") +
                                    (R"({"type":"default","dimension":"tags","outputName":"d)" +
                                     std::to_string(i) + R"("})");
                           }
                           return out;
                         }() +
                         "]"),
                 400, "Resource limit exceeded"});
}

Shapes shapes() {
  Shapes all;
  add_columns(all);
  add_expressions(all);
  add_filters(all);
  add_deep_parts(all);
  add_sizes(all);
  return all;
}

TEST(QueryLimits, EveryShapeIsAnsweredOrRefused) {
  TickingEnv env;
  const auto store = test::fuzz_rollup(env, true);
  const RollupQueries queries(&env, store);
  for (const Shape& shape : shapes()) {
    const QueryAnswer answer = queries.post(shape.body);
    EXPECT_EQ(answer.status, shape.status) << shape.name << ": " << answer.body.substr(0, 300);
    EXPECT_THAT(answer.body, HasSubstr(shape.says)) << shape.name;
  }
  EXPECT_EQ(queries.memory().used(), 0U);
}

TEST(QueryLimits, SharedPartsAreComputedOnce) {
  TickingEnv env;
  const auto store = test::fuzz_rollup(env, true);
  const RollupQueries queries(&env, store);
  const auto ask = [&](int columns) {
    const std::string body = query("timeseries", "rides", virtual_columns(columns, [](int i) {
                                                            return previous(i) + "+" + previous(i);
                                                          }) + sum_of("v" + std::to_string(columns - 1)));
    const int64_t before = env.looks;
    const QueryAnswer answer = queries.post(body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    const double sum = boost::json::parse(answer.body).at(0).at("result").at("s").to_number<double>();
    return std::make_pair(sum, env.looks - before);
  };
  const auto [one, looks_one] = ask(1);
  const auto [fifty, looks_fifty] = ask(50);
  EXPECT_EQ(fifty, one * std::pow(2.0, 49));
  EXPECT_LT(looks_fifty, looks_one + 200) << "work grows with the columns, not with what they stand for";
}

// ---- Time

struct Heavy {
  std::string name;
  std::string body;
};

std::vector<Heavy> heavy_queries() {
  std::string sums;
  std::string posts;
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    sums += R"({"type":"doubleSum","name":"s)" + n + R"(","fieldName":"fare"},)";
    posts += (i > 0 ? "," : "") + (R"({"type":"arithmetic","name":"p)" + n +
                                   R"(","fn":"*","fields":[{"type":"fieldAccess","fieldName":"s)" + n +
                                   R"("},{"type":"constant","value":2}]})");
  }
  const std::string all = R"(,"aggregations":[)" + sums +
                          R"({"type":"hyperUnique","name":"u","fieldName":"drivers"}])" +
                          R"(,"postAggregations":[)" + posts + "]";
  return {
      {"groupBy, sorted, having",
       query("groupBy", "wide",
             R"(,"dimensions":["city"],"having":{"type":"greaterThan","aggregation":"p3","value":1},)"
             R"("limitSpec":{"type":"default","columns":[{"dimension":"p1","direction":"descending"}]})" +
                 all)},
      {"topN", query("topN", "wide", R"(,"dimension":"city","metric":"s1","threshold":3000)" + all)},
      {"timeseries",
       R"({"queryType":"timeseries","dataSource":"wide","granularity":"second","intervals":"2000/2100")" +
           all + "}"},
      {"empty buckets", R"({"queryType":"timeseries","dataSource":"wide","intervals":"2000/2100",)"
                        R"("granularity":{"type":"duration","duration":20}})"},
      {"scan", query("scan", "wide", "")},
      {"expression filter",
       query("timeseries", "wide",
             R"q(,"filter":{"type":"expression","expression":"like(concat(city,city,city),'%1%2%3%')"})q")},
      {"filters over many values",
       query("timeseries", "wide",
             R"(,"filter":{"type":"or","fields":[)" +
                 repeated(R"({"type":"like","dimension":"city","pattern":"%9%9%"},)", 50) +
                 R"({"type":"false"}]})")},
      {"values extracted", query("groupBy", "wide",
                                 R"(,"dimensions":[{"type":"extraction","dimension":"city","outputName":"c",)"
                                 R"("extractionFn":{"type":"regex","expr":"(\\d)$"}}])")},
  };
}

class QueryTime : public testing::Test {
 protected:
  static constexpr int kCells = 1500;
  TickingEnv env_;
  std::shared_ptr<RollupStore> store_ = wide_rollup(env_, kCells);
  RollupQueries queries_{&env_, store_};
};

// Whenever time is up, or somebody cancels, the answer says so and comes soon: there is no stretch of work at
// whose end the query does not look.
TEST_F(QueryTime, RunsOutAtEveryLook) {
  for (const Heavy& heavy : heavy_queries()) {
    env_.on_look = nullptr;
    env_.skipped = 0;
    const int64_t begin = env_.looks;
    const QueryAnswer whole = queries_.post(heavy.body);
    ASSERT_EQ(whole.status, 200) << heavy.name << ": " << whole.body.substr(0, 300);
    const int64_t looks = env_.looks - begin;
    EXPECT_GT(looks, 5) << heavy.name;
    const int64_t stride = std::max<int64_t>(1, looks / 3);
    for (int64_t at = 3; at <= looks; at += stride) {
      env_.skipped = 0;
      const int64_t start = env_.looks;
      env_.on_look = [&](int64_t look) {
        if (look - start == at) env_.skipped = 3600 * kMicrosPerSecond;
      };
      const QueryAnswer late = queries_.post(heavy.body);
      EXPECT_EQ(late.status, 504) << heavy.name << " at look " << at << " of " << looks;
      EXPECT_LE(env_.looks - start, at + 2) << heavy.name << ": it stops at once";
    }
  }
  EXPECT_EQ(queries_.memory().used(), 0U);
}

TEST_F(QueryTime, IsLookedAtWhileRowsAreCollectedSortedAndWritten) {
  const std::string sums = heavy_queries()[0].body;
  const int64_t begin = env_.looks;
  ASSERT_EQ(queries_.post(sums).status, 200);
  // Each group's 41 outputs are made twice, to be ordered and to be written.
  EXPECT_GT(env_.looks - begin, int64_t{kCells} * 41 / 1024);
}

TEST_F(QueryTime, CancellingReachesEveryStretch) {
  for (const Heavy& heavy : heavy_queries()) {
    std::string body = heavy.body;
    body.insert(body.size() - 1, R"(,"context":{"queryId":"h"})");
    env_.on_look = nullptr;
    const int64_t begin = env_.looks;
    ASSERT_EQ(queries_.post(body).status, 200) << heavy.name;
    const int64_t looks = env_.looks - begin;
    for (const int64_t at : {looks / 4, looks / 2, looks - 1}) {
      const int64_t start = env_.looks;
      env_.on_look = [&](int64_t look) {
        if (look - start == std::max<int64_t>(at, 4)) queries_.cancel("h");
      };
      const QueryAnswer answer = queries_.post(body);
      EXPECT_EQ(answer.status, 500) << heavy.name << " at look " << at << " of " << looks;
      EXPECT_THAT(answer.body, HasSubstr(R"("error":"Query cancelled")"));
    }
  }
}

// A server's turn: when the query came, and what it says when it is asked.
class Turn : public QueryTurn {
 public:
  Micros came = 0;
  Status answer;
  int asked = 0;
  Micros arrived() const override { return came; }
  Status check() override {
    ++asked;
    return answer;
  }
  Status pause(const std::atomic<bool>&, Micros) override { return {}; }
};

TEST_F(QueryTime, WaitingCountsAndReachesThoseThatWait) {
  VirtualEnv env;
  const RollupQueries queries(&env, wide_rollup(env, 10));
  const std::string body = query("timeseries", "wide", R"(,"context":{"queryId":"w"})");
  Turn turn;
  env.advance(40 * kMicrosPerSecond);
  turn.came = env.monotonic() - 31 * kMicrosPerSecond;
  EXPECT_EQ(queries.post(body, &turn).status, 504) << "it waited longer than it may take";
  turn.came = env.monotonic() - 5 * kMicrosPerSecond;
  EXPECT_EQ(queries.post(body, &turn).status, 200);
  EXPECT_GT(turn.asked, 0);
  EXPECT_EQ(queries.cancel("w"), 0);
  EXPECT_EQ(queries.post(body, &turn).status, 500) << "it was cancelled while it waited";
  turn.came = env.monotonic() + 1;
  env.advance(2);
  EXPECT_EQ(queries.post(body, &turn).status, 200) << "it came after that";
  turn.answer = Status::external(Code::unavailable, "Rideflow is stopping.");
  const QueryAnswer stopping = queries.post(body, &turn);
  EXPECT_EQ(stopping.status, 503);
  EXPECT_THAT(stopping.body, HasSubstr("Rideflow is stopping."));
}

// ---- Memory

TEST_F(QueryTime, MemoryIsCountedAndGivenBack) {
  for (const Heavy& heavy : heavy_queries()) {
    if (heavy.name == "scan" || heavy.name.find("filter") == 0) continue;
    size_t refused = 0;
    size_t answered = 0;
    for (size_t limit = size_t{64} << 10; limit <= size_t{64} << 20; limit *= 4) {
      QueryLimits limits;
      limits.max_memory_bytes = limit;
      const RollupQueries queries(&env_, store_, limits);
      const QueryAnswer answer = queries.post(heavy.body);
      (answer.status == 200 ? answered : refused) += 1;
      if (answer.status != 200) {
        EXPECT_THAT(answer.body, HasSubstr(R"("error":"Resource limit exceeded")")) << heavy.name;
        EXPECT_EQ(queries.memory().used(), 0U) << heavy.name;
      } else {
        EXPECT_GE(queries.memory().used(), answer.body.size()) << heavy.name << ": the answer is still there";
      }
    }
    EXPECT_GT(refused, 0U) << heavy.name;
    EXPECT_GT(answered, 0U) << heavy.name;
  }
}

TEST_F(QueryTime, AllQueriesShareMemory) {
  QueryLimits limits;
  limits.all_memory_bytes = size_t{3} << 20;
  const RollupQueries queries(&env_, store_, limits);
  const std::string scan = query("scan", "wide", "");
  std::vector<QueryAnswer> kept;
  while (kept.size() < 100) {
    kept.push_back(queries.post(scan));
    if (kept.back().status != 200) break;
  }
  ASSERT_GT(kept.size(), 2U);
  EXPECT_EQ(kept.back().status, 400) << "answers that are not sent yet count";
  EXPECT_THAT(kept.back().body, HasSubstr("All queries together"));
  kept.clear();
  EXPECT_EQ(queries.memory().used(), 0U);
  EXPECT_EQ(queries.post(scan).status, 200);
}

// Group states are held before they are made: what is counted is no less than what they take.
TEST_F(QueryTime, GroupsCostWhatTheirStatesTake) {
  std::string sums;
  for (int i = 0; i < 50; ++i) {
    sums += (i > 0 ? "," : "") +
            (R"({"type":"doubleSum","name":"s)" + std::to_string(i) + R"(","fieldName":"fare"})");
  }
  const std::string body = query(
      "groupBy", "wide",
      R"(,"dimensions":["city"],"limitSpec":{"type":"default","limit":1},"aggregations":[)" + sums + "]");
  QueryLimits limits;
  limits.max_memory_bytes = size_t{kCells} * 50 * 16;  // a sum is a double, its rest and a count
  EXPECT_EQ(RollupQueries(&env_, store_, limits).post(body).status, 400);
  limits.max_memory_bytes = size_t{16} << 20;
  EXPECT_EQ(RollupQueries(&env_, store_, limits).post(body).status, 200);
}

// ---- Random queries

class RandomQuery {
 public:
  explicit RandomQuery(uint64_t seed) : random_(seed) {}

  std::string make() {
    const int columns = pick(6);
    std::string out = R"({"dataSource":"rides","intervals":"2000/2100",)";
    out += R"("granularity":)" + one_of({R"("all")", R"("hour")", R"("minute")",
                                         R"({"type":"period","period":"PT7M","timeZone":"Asia/Kathmandu"})"});
    out += virtual_columns(columns, [&](int i) {
      columns_ = i;
      return expression(pick(9));
    });
    columns_ = columns;
    if (pick(2) == 0) out += R"(,"filter":)" + filter(pick(5));
    out += R"(,"aggregations":[)";
    const int aggregators = 1 + pick(5);
    for (int i = 0; i < aggregators; ++i)
      out += (i > 0 ? "," : "") + aggregator("a" + std::to_string(i), pick(3));
    out += R"(],"postAggregations":[)";
    const int posts = pick(4);
    for (int i = 0; i < posts; ++i) out += (i > 0 ? "," : "") + post("p" + std::to_string(i), pick(4));
    out += "]";
    switch (pick(4)) {
      case 0:
        return out + R"(,"queryType":"timeseries"})";
      case 1:
        return out + R"(,"queryType":"topN","dimension":)" + dimension() + R"(,"metric":"a0","threshold":5})";
      case 2:
        return out + R"(,"queryType":"scan","columns":["city","v0","tags"]})";
      default:
        break;
    }
    if (pick(2) == 0) out += R"(,"having":)" + having(pick(4));
    if (pick(2) == 0) {
      out +=
          R"(,"limitSpec":{"type":"default","limit":9,"columns":[{"dimension":"a0","direction":"descending"}]})";
    }
    return out + R"(,"context":{"sortByDimsFirst":)" + one_of({"true", "false"}) +
           R"(},"queryType":"groupBy","dimensions":[)" + dimension() + "]}";
  }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  std::string one_of(const std::vector<std::string>& texts) {
    return texts[static_cast<size_t>(pick(static_cast<int>(texts.size())))];
  }
  std::string column() {
    if (columns_ > 0 && pick(2) == 0) return "v" + std::to_string(pick(columns_));
    return one_of({"city", "seats", "price", "tags", "__time", "count", "double_sum", "nosuch"});
  }
  std::string expression(int depth) {
    if (depth <= 0) return one_of({column(), column(), "1", "2.5", "'x'", "null", "'2026-02-30'"});
    const std::string a = expression(depth - 1);
    const std::string b = expression(depth - 1 - pick(3));
    switch (pick(9)) {
      case 0:
        return "(" + a + one_of({"+", "-", "*", "/", "%", "^"}) + b + ")";
      case 1:
        return "(" + a + one_of({"<", ">=", "==", "!="}) + b + ")";
      case 2:
        return a + one_of({" && ", " || "}) + b;
      case 3:
        return one_of({"-", "!"}) + "(" + a + ")";
      case 4:
        return one_of({"nvl", "div", "pow", "strpos", "greatest", "coalesce", "contains_string"}) + "(" + a +
               "," + b + ")";
      case 5:
        return "concat(" + a + "," + b + "," + a + ")";
      case 6:
        return "if(" + a + "," + b + "," + a + ")";
      case 7:
        return one_of({"upper", "strlen", "abs", "ceil", "sqrt", "timestamp"}) + "(" + a + ")";
      default:
        return one_of({"replace(" + a + ",'a'," + b + ")", "like(" + a + ",'%a_%','%')",
                       "regexp_like(" + a + ",'(a|b)+$')", "cast(" + a + ",'LONG')",
                       "timestamp_floor(" + a + ",'PT5M')", "case_searched(" + a + "," + b + "," + a + ")"});
    }
  }
  std::string filter(int depth) {
    if (depth <= 0) {
      return one_of(
          {R"({"type":"selector","dimension":")" + column() + R"(","value":"1"})",
           R"({"type":"bound","dimension":")" + column() + R"(","lower":"nan","ordering":"numeric"})",
           R"({"type":"in","dimension":")" + column() + R"(","values":["1",null,"inf"]})",
           R"({"type":"expression","expression":")" + expression(3) + R"("})",
           R"({"type":"like","dimension":")" + column() + R"(","pattern":"%1%"})"});
    }
    const std::string a = filter(depth - 1);
    return one_of({R"({"type":"not","field":)" + a + "}",
                   R"({"type":"and","fields":[)" + a + "," + filter(depth - 2) + "]}",
                   R"({"type":"or","fields":[)" + a + "," + filter(depth - 2) + "]}"});
  }
  std::string aggregator(const std::string& name, int depth) {
    const std::string type = one_of({"longSum", "doubleSum", "doubleMax", "longMin", "doubleMean",
                                     "stringLast", "doubleFirst", "hyperUnique", "quantilesDoublesSketch"});
    const std::string plain =
        R"({"type":")" + type + R"(","name":")" + name + R"(","fieldName":")" + column() + R"("})";
    if (depth <= 0) return plain;
    return R"({"type":"filtered","name":")" + name + R"(","filter":)" + filter(1) + R"(,"aggregator":)" +
           aggregator(name, depth - 1) + "}";
  }
  std::string post(const std::string& name, int depth) {
    const std::string head = R"({"name":")" + name + R"(","type":)";
    if (depth <= 0) {
      return head + one_of({R"("constant","value":2})", R"("fieldAccess","fieldName":"a0"})",
                            R"("finalizingFieldAccess","fieldName":"a0"})",
                            R"("expression","expression":"a0/p0"})"});
    }
    return head + R"("arithmetic","fn":")" + one_of({"+", "-", "*", "/", "quotient", "pow"}) +
           R"(","fields":[)" + post("", depth - 1) + "," + post("", depth - 2) + "]}";
  }
  std::string having(int depth) {
    if (depth <= 0) {
      return one_of({R"({"type":"greaterThan","aggregation":"a0","value":1})", R"({"type":"always"})",
                     R"({"type":"filter","filter":)" + filter(1) + "}"});
    }
    return one_of({R"({"type":"not","havingSpec":)" + having(depth - 1) + "}",
                   R"({"type":"or","havingSpecs":[)" + having(depth - 1) + "," + having(depth - 2) + "]}"});
  }
  std::string dimension() {
    return one_of(
        {R"("city")", R"("tags")", R"("v0")",
         R"({"type":"extraction","dimension":"city","outputName":"city","extractionFn":{"type":"upper"}})"});
  }

  std::mt19937_64 random_;
  int columns_ = 0;
};

TEST(QueryLimits, RandomQueriesEndWithinTheirLimits) {
  const uint64_t seeds = test::long_or(60U, 20'000U);
  TickingEnv env;
  const auto store = test::fuzz_rollup(env, true);
  QueryLimits limits;
  limits.timeout_us = 2'000'000;  // 2,000 looks
  limits.max_memory_bytes = size_t{16} << 20;
  limits.all_memory_bytes = size_t{16} << 20;
  limits.max_result_bytes = size_t{1} << 20;
  const RollupQueries queries(&env, store, limits);
  int answered = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const std::string body = RandomQuery(seed).make();
    const int64_t before = env.looks;
    {
      const QueryAnswer answer = queries.post(body);
      EXPECT_THAT(answer.status, AnyOf(200, 400, 501, 504)) << "seed " << seed << ": " << body << "\n"
                                                            << answer.body;
      EXPECT_LE(env.looks - before, 2010) << "seed " << seed;
      boost::system::error_code error;
      (void)boost::json::parse(answer.body, error);
      EXPECT_FALSE(error) << "seed " << seed << ": " << answer.body;
      answered += answer.status == 200 ? 1 : 0;
    }
    EXPECT_EQ(queries.memory().used(), 0U) << "seed " << seed;
  }
  EXPECT_GT(answered, static_cast<int>(seeds / 2));
}

}  // namespace query_limits_test
}  // namespace rideflow
