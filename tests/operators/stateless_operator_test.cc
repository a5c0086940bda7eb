#include <fmt/format.h>

#include "engine/rejected.h"
#include "engine/time.h"
#include "tests/operators/functions.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace stateless_operator_test {

SchemaRef schema() {
  return make_schema(
      {{"city", Kind::string, true}, {"fare", Kind::int64, true}, {"text", Kind::string, true}});
}
ExprRef column(int i) {
  return make_column(*schema(), i);
}
ExprRef cast_of(ExprRef arg, Type type) {
  Expr e;
  e.op = ExprOp::cast;
  e.type = std::move(type);
  e.args = {std::move(arg)};
  return std::make_shared<const Expr>(std::move(e));
}

// Rows "city:fare:text", empty parts null; event times one second apart.
Batch rows_of(const std::vector<std::array<std::string, 3>>& rows) {
  Batch batch;
  batch.schema = schema();
  batch.rows = static_cast<int32_t>(rows.size());
  ColumnBuilder city(Kind::string), fare(Kind::int64), text(Kind::string), time(Kind::timestamp);
  for (const auto& row : rows) {
    row[0].empty() ? city.append_null() : city.append_string(row[0]);
    row[1].empty() ? fare.append_null() : fare.append(int64_t{std::stoll(row[1])});
    row[2].empty() ? text.append_null() : text.append_string(row[2]);
    time.append(time.size() * kMicrosPerSecond);
  }
  batch.columns.push_back(city.finish());
  batch.columns.push_back(fare.finish());
  batch.columns.push_back(text.finish());
  batch.event_time = time.finish().data;
  return batch;
}

const Batch& sample() {
  static const Batch batch = rows_of(
      {{"Lyon", "10", "7"}, {"", "60", "x"}, {"Paris", "", "3"}, {"Oslo", "80", ""}, {"Rome", "55", "-2"}});
  return batch;
}

std::shared_ptr<StepConfig> config() {
  auto made = std::make_shared<StepConfig>();
  made->step = "step";
  made->input = schema();
  return made;
}

OperatorCase case_of(const std::string& kind, std::shared_ptr<StepConfig> c) {
  Feed feed;
  feed.rows = sample();
  return {kind, std::move(c), {feed}, true};
}

ExprRef fare_above(int64_t n) {
  return call_function(">", {column(1), make_literal(Value::int64(n), Kind::int64)});
}
// Fails on 'x'.
ExprRef text_above(int64_t n) {
  return call_function(">", {cast_of(column(2), Kind::int64), make_literal(Value::int64(n), Kind::int64)});
}

std::vector<std::string> cities(const std::vector<std::string>& lines) {
  std::vector<std::string> names;
  for (const std::string& l : lines) names.push_back(l.substr(8, l.find(',') - 8));
  return names;
}

TEST(Filter, PassesRowsWhoseConditionIsTrue) {
  auto c = config();
  c->condition = fare_above(50);
  const PortRows rows = run_operator(case_of("filter", c), {});
  EXPECT_THAT(cities(rows.at("rows")), testing::ElementsAre("\"Oslo\"", "\"Rome\"", "null"));
  EXPECT_EQ(rows.count("rejected"), 0U);
  expect_contract(case_of("filter", c));
}

TEST(Filter, RejectsRowsOnWhichTheConditionFails) {
  auto c = config();
  c->condition = text_above(0);
  PortRows rows = run_operator(case_of("filter", c), {});
  EXPECT_THAT(cities(rows["rows"]), testing::ElementsAre("\"Lyon\"", "\"Paris\""));
  ASSERT_EQ(rows["rejected"].size(), 1U);
  EXPECT_THAT(rows["rejected"][0], testing::HasSubstr(R"("_step":"step")"));
  EXPECT_THAT(rows["rejected"][0], testing::HasSubstr(R"("_place":"where")"));
  expect_contract(case_of("filter", c));
  c->skip_bad = true;
  rows = run_operator(case_of("filter", c), {});
  EXPECT_EQ(rows.count("rejected"), 0U);
  EXPECT_EQ(rows["rows"].size(), 2U);
}

TEST(Filter, StopsTheJobWhenToldTo) {
  auto c = config();
  c->condition = text_above(0);
  c->fail_bad = true;
  auto made = full_catalog().find_operator("filter")->make(c);
  ASSERT_TRUE(made.ok());
  struct Nowhere : Output {
    void emit(int, Batch) override {}
    bool has_room() const override { return true; }
  } out;
  Batch batch = sample();
  const Status status = (*made)->process(0, batch, out).status();
  EXPECT_EQ(status.code(), Code::invalid_argument);
  // The place, what was read and the way out; the task that runs the step puts its name in front.
  EXPECT_THAT(status.message(), testing::StartsWith("where: "));
  EXPECT_THAT(status.message(), testing::HasSubstr(R"(the row "{\"city\":)"));
  EXPECT_THAT(status.message(), testing::HasSubstr("bad_records: fail; keep"));
  auto bare = config();
  EXPECT_FALSE(full_catalog().find_operator("filter")->output_schemas(*bare).ok());
}

TEST(Project, ComputesColumnsAndRejectsRowsOnce) {
  auto c = config();
  c->projection = {{"city", column(0), {}},
                   {"number", cast_of(column(2), Kind::int64), {}},
                   {"again", cast_of(column(2), Kind::int32), {}}};
  PortRows rows = run_operator(case_of("project", c), {});
  EXPECT_THAT(rows["rows"], testing::Contains(R"({"city":"Rome","number":-2,"again":-2} @4000000)"));
  EXPECT_EQ(rows["rows"].size(), 4U);
  ASSERT_EQ(rows["rejected"].size(), 1U);
  EXPECT_THAT(rows["rejected"][0], testing::HasSubstr(R"("_place":"select.number")"));
  expect_contract(case_of("project", c));
}

TEST(Split, SendsEachRowToTheFirstBranchThatTakesIt) {
  auto c = config();
  c->branches = {{"dear", fare_above(70), {}}, {"middle", text_above(0), {}}, {"rest", nullptr, {}}};
  PortRows rows = run_operator(case_of("split", c), {});
  EXPECT_THAT(cities(rows["dear"]), testing::ElementsAre("\"Oslo\""));
  EXPECT_THAT(cities(rows["middle"]), testing::ElementsAre("\"Lyon\"", "\"Paris\""));
  EXPECT_THAT(cities(rows["rest"]), testing::ElementsAre("\"Rome\""));
  EXPECT_EQ(rows["rejected"].size(), 1U);
  expect_contract(case_of("split", c));
  c->branches.pop_back();
  c->branches[1].expr = fare_above(58);
  rows = run_operator(case_of("split", c), {});
  EXPECT_THAT(cities(rows["middle"]), testing::ElementsAre("null"));  // the others go nowhere
}

TEST(Union, MatchesColumnsByName) {
  auto c = config();
  const SchemaRef other = make_schema({{"fare", Kind::int64, false}, {"km", Kind::float64, false}});
  c->inputs = {schema(), other};
  Feed feed;
  feed.port = 1;
  ColumnBuilder fare(Kind::int64), km(Kind::float64);
  fare.append(int64_t{5});
  km.append(2.5);
  feed.rows.schema = other;
  feed.rows.rows = 1;
  feed.rows.columns.push_back(fare.finish());
  feed.rows.columns.push_back(km.finish());
  OperatorCase both = case_of("union", c);
  both.feed.push_back(feed);
  PortRows rows = run_operator(both, {});
  EXPECT_EQ(rows["rows"].size(), 6U);
  EXPECT_THAT(rows["rows"], testing::Contains(R"({"city":null,"fare":5,"text":null,"km":2.5})"));
  expect_contract(both);
  c->inputs[1] = make_schema({{"fare", Kind::string, false}});
  const auto schemas = full_catalog().find_operator("union")->output_schemas(*c);
  EXPECT_THAT(schemas.status().message(), testing::HasSubstr("Column 'fare' is int64 in one stream"));
}

TEST(LateSplit, PartsLateRowsWithTheirWindowAndRecord) {
  auto c = config();
  WindowSpec window;
  window.size.micros = 2 * kMicrosPerSecond;
  c->window = std::make_shared<const WindowSpec>(window);
  OperatorCase late = case_of("late_split", c);
  Batch& batch = late.feed[0].rows;
  batch.behind = {{1, 3 * kMicrosPerSecond, BehindReason::late}, {3, 3'500'000, BehindReason::late}};
  auto origin = std::make_shared<Origin>();
  origin->topic = std::make_shared<const std::string>("rides");
  origin->partition = Partition(2);
  for (int i = 0; i < 5; ++i) origin->records.push_back({"", 100 + i, kNoTime, ""});
  batch.origin = origin;
  PortRows rows = run_operator(late, {});
  EXPECT_EQ(rows["rows"].size(), 4U);
  ASSERT_EQ(rows["late"].size(), 1U);
  EXPECT_EQ(rows["late"][0],
            R"({"city":null,"fare":60,"text":"x","window_start":"1970-01-01T00:00:00Z",)"
            R"("window_end":"1970-01-01T00:00:02Z","_topic":"rides","_partition":2,"_offset":101,)"
            R"("_timestamp":null,"_reason":"late"} @1000000)");
  expect_contract(late);
}

TEST(LateSplit, RowsBetweenHoppingWindowsAreFilteredAndNeverLate) {
  auto c = config();
  WindowSpec window;
  window.kind = WindowKind::hopping;
  window.size.micros = kMicrosPerSecond;
  window.slide.micros = 2 * kMicrosPerSecond;
  c->window = std::make_shared<const WindowSpec>(window);
  OperatorCase gaps = case_of("late_split", c);
  gaps.feed[0].rows.behind = {{1, 9 * kMicrosPerSecond, BehindReason::late},
                              {2, 9 * kMicrosPerSecond, BehindReason::late}};
  const PortRows rows = run_operator(gaps, {});
  EXPECT_THAT(cities(rows.at("rows")), testing::ElementsAre("\"Lyon\"", "\"Rome\""));
  EXPECT_THAT(cities(rows.at("late")), testing::ElementsAre("\"Paris\""));
  expect_contract(gaps);

  OperatorMetrics metrics;
  OpenContext context;
  context.metrics = &metrics;
  auto made = full_catalog().find_operator("late_split")->make(c);
  ASSERT_TRUE(made.ok() && (*made)->open(context).ok());
  struct Nowhere : Output {
    void emit(int, Batch) override {}
    bool has_room() const override { return true; }
  } out;
  ASSERT_TRUE((*made)->process(0, gaps.feed[0].rows, out).ok());
  EXPECT_EQ(metrics.rows_filtered.get(), 2);
}

}  // namespace stateless_operator_test
}  // namespace rideflow::test
