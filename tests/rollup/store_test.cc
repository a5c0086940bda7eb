// The rollup store: perfect rollup, what is visible when, epochs, markers, sealing, retention, changed
// columns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "engine/virtual_env.h"
#include "rollup/rollup_queries.h"
#include "tests/support/rollup_rows.h"

namespace rideflow {
namespace store_test {

using test::commit_epoch;
using test::RollupBatch;
using test::RollupRow;
using testing::HasSubstr;

constexpr Micros kStart = VirtualEnv::kStart;
constexpr int64_t kSecond = kMicrosPerSecond;
constexpr int64_t kHour = 3600 * kSecond;

RollupSpec rides_spec() {
  RollupSpec spec;
  spec.datasource = "rides";
  spec.dimensions = {{"city"}};
  spec.metrics = {{"count", MetricKind::count, "", ""},
                  {"fare", MetricKind::double_sum, "fare", ""},
                  {"drivers", MetricKind::distinct_sketch, "driver", ""}};
  return spec;
}

RollupRow ride(Micros time, const std::string& city, double fare, const std::string& driver = "d") {
  return {time,
          {city.empty() ? Value::null() : Value::string(city)},
          {Value::null(), Value::float64(fare), Value::string(driver)}};
}

class Store : public testing::Test {
 protected:
  Store() { options_.publish_interval_us = 0; }
  void open() {
    store_.reset();
    auto opened = RollupStore::open(&env_, "rollups", options_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    store_ = *std::move(opened);
  }
  std::unique_ptr<RollupWriter> writer(int32_t shard = 0, int32_t parallelism = 1,
                                       RollupSpec spec = rides_spec()) {
    auto made = store_->writer(spec, {"l1", "sink", shard, parallelism});
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return *std::move(made);
  }
  // Rows that were expired.
  static std::vector<int32_t> add(RollupWriter& writer, const std::vector<RollupRow>& rows,
                                  const RollupSpec& spec = rides_spec()) {
    std::vector<int32_t> expired;
    const RollupBatch batch(spec, rows);
    const Status status = writer.add(batch.rows(), expired);
    EXPECT_TRUE(status.ok()) << status.to_string();
    return expired;
  }
  std::string query(const std::string& body) const { return RollupQueries(&env_, store_).post(body).body; }
  // "city: rows, events, fare" of each group.
  std::string groups() const {
    return query(R"({"queryType":"groupBy","dataSource":"rides","granularity":"all","dimensions":["city"],
        "intervals":"2000/2100","context":{"resultAsArray":true},"aggregations":[
        {"type":"count","name":"rows"},{"type":"longSum","name":"n","fieldName":"count"},
        {"type":"doubleSum","name":"f","fieldName":"fare"}]})");
  }

  mutable VirtualEnv env_;
  RollupStoreOptions options_;
  std::shared_ptr<RollupStore> store_;
};

TEST_F(Store, RollsUpPerfectlyAndShowsRowsAtOnce) {
  open();
  const auto w = writer();
  add(*w, {ride(kStart, "Lyon", 10), ride(kStart + 59 * kSecond, "Lyon", 5), ride(kStart, "", 1)});
  EXPECT_EQ(groups(), R"([[null,1,1,1.0],["Lyon",1,2,15.0]])");
  add(*w, {ride(kStart + kSecond, "Lyon", 2), ride(kStart + 60 * kSecond, "Lyon", 3)});
  EXPECT_EQ(groups(), R"([[null,1,1,1.0],["Lyon",2,4,20.0]])");
  EXPECT_EQ(store_->snapshot("rides")->complete_to, kNoTime);
  EXPECT_EQ(store_->snapshot("nosuch"), nullptr);
}

TEST_F(Store, TwoShardsOfOneCellMakeOneCell) {
  open();
  const auto a = writer(0, 2);
  const auto b = writer(1, 2);
  add(*a, {ride(kStart, "Lyon", 1, "x")});
  add(*b, {ride(kStart, "Lyon", 2, "y")});
  EXPECT_EQ(groups(), R"([["Lyon",1,2,3.0]])");
  ASSERT_TRUE(commit_epoch(*a, 1, kStart + kHour).ok());
  EXPECT_EQ(store_->snapshot("rides")->complete_to, kNoTime) << "the other shard has not committed";
  ASSERT_TRUE(commit_epoch(*b, 1, kStart + kSecond).ok());
  EXPECT_EQ(store_->snapshot("rides")->complete_to, kStart + kSecond);
  EXPECT_EQ(groups(), R"([["Lyon",1,2,3.0]])");
}

TEST_F(Store, ASnapshotNeverChanges) {
  open();
  const auto w = writer();
  add(*w, {ride(kStart, "Lyon", 1)});
  const auto before = store_->snapshot("rides");
  add(*w, {ride(kStart, "Lyon", 1), ride(kStart, "Nice", 1), ride(kStart + kHour, "Nice", 1)});
  const auto after = store_->snapshot("rides");
  EXPECT_EQ(before->rows(), 1);
  EXPECT_EQ(after->rows(), 3);
  EXPECT_EQ((*before->parts[0]->read()->metric(0)).ints[0], 1);
}

TEST_F(Store, AfterACrashOnlyCommittedRowsAreThere) {
  open();
  auto w = writer();
  ASSERT_TRUE(w->recover(Epoch(0), {}).ok());
  add(*w, {ride(kStart, "Lyon", 1)});
  ASSERT_TRUE(commit_epoch(*w, 1, kStart).ok());
  add(*w, {ride(kStart, "Lyon", 2)});
  const RollupPrepared prepared = *w->prepare(Epoch(2));
  ASSERT_TRUE(prepared.persist().ok());
  add(*w, {ride(kStart, "Lyon", 4)});
  EXPECT_EQ(groups(), R"([["Lyon",1,3,7.0]])");
  w.reset();
  store_.reset();
  env_.fs().crash(VirtualFs::Crash::lose_unsynced);
  open();
  EXPECT_EQ(groups(), R"([["Lyon",1,1,1.0]])") << "epoch 2 was prepared only";
  w = writer();
  ASSERT_TRUE(w->recover(Epoch(2), {{Epoch(2), prepared.handle}}).ok());
  EXPECT_EQ(groups(), R"([["Lyon",1,2,3.0]])");
  EXPECT_TRUE(w->commit(prepared.handle).ok()) << "again: skipped by its marker";
  EXPECT_EQ(groups(), R"([["Lyon",1,2,3.0]])");
}

TEST_F(Store, WhatWasPreparedAboveTheRestoredCheckpointIsDropped) {
  open();
  auto w = writer();
  add(*w, {ride(kStart, "Lyon", 1)});
  ASSERT_TRUE(commit_epoch(*w, 1, kStart).ok());
  add(*w, {ride(kStart, "Lyon", 2)});
  const RollupPrepared prepared = *w->prepare(Epoch(2));
  ASSERT_TRUE(prepared.persist().ok());
  w = writer();  // the job restarts inside its process
  ASSERT_TRUE(w->recover(Epoch(1), {}).ok());
  EXPECT_EQ(groups(), R"([["Lyon",1,1,1.0]])");
  open();
  EXPECT_EQ(groups(), R"([["Lyon",1,1,1.0]])");
  EXPECT_FALSE(store_->writer(rides_spec(), {"l1", "sink", 0, 1}).status().ok() &&
               (*store_->writer(rides_spec(), {"l1", "sink", 0, 1}))->commit(prepared.handle).ok() &&
               groups() != R"([["Lyon",1,1,1.0]])");
}

TEST_F(Store, AMarkerAboveTheRestoredCheckpointRefuses) {
  open();
  auto w = writer();
  add(*w, {ride(kStart, "Lyon", 1)});
  ASSERT_TRUE(commit_epoch(*w, 5, kStart).ok());
  w = writer();
  const Status refused = w->recover(Epoch(4), {});
  EXPECT_EQ(refused.code(), Code::aborted);
  EXPECT_THAT(refused.message(), HasSubstr("replaying would count rows twice"));
  EXPECT_TRUE(w->recover(Epoch(5), {}).ok());
}

TEST_F(Store, ANewWriterFencesTheOldOne) {
  open();
  const auto old = writer();
  add(*old, {ride(kStart, "Lyon", 1)});
  const auto next = writer();
  ASSERT_TRUE(next->recover(Epoch(0), {}).ok());
  EXPECT_EQ(groups(), "[]");
  std::vector<int32_t> expired;
  const RollupBatch batch(rides_spec(), {ride(kStart, "Lyon", 1)});
  EXPECT_EQ(old->add(batch.rows(), expired).code(), Code::aborted);
}

TEST_F(Store, ChunksAreSealedBehindTheWatermarkAndMergedWithLateRows) {
  RollupSpec spec = rides_spec();
  spec.granularity = *parse_granularity("second");
  open();
  auto w = writer(0, 1, spec);
  add(*w, {ride(kStart, "Lyon", 1), ride(kStart + kHour, "Nice", 2)}, spec);
  ASSERT_TRUE(commit_epoch(*w, 1, kStart + 2 * kHour - 1).ok());
  EXPECT_THAT(env_.fs().files("rollups/rides"), testing::Not(testing::Contains(HasSubstr("segment"))));
  ASSERT_TRUE(commit_epoch(*w, 2, kStart + 2 * kHour).ok());
  EXPECT_THAT(env_.fs().files("rollups/rides"), testing::Contains(HasSubstr("segment-")));
  EXPECT_EQ(groups(), R"([["Lyon",1,1,1.0],["Nice",1,1,2.0]])");
  add(*w, {ride(kStart, "Lyon", 10), ride(kStart + 1 * kSecond, "Lille", 3)}, spec);
  EXPECT_EQ(groups(), R"([["Lille",1,1,3.0],["Lyon",2,2,11.0],["Nice",1,1,2.0]])") << "a delta of the chunk";
  ASSERT_TRUE(commit_epoch(*w, 3, kStart + 3 * kHour).ok()) << "seals the next chunk and merges this one";
  EXPECT_EQ(groups(), R"([["Lille",1,1,3.0],["Lyon",1,2,11.0],["Nice",1,1,2.0]])");
  w.reset();
  env_.fs().crash(VirtualFs::Crash::lose_unsynced);
  open();
  EXPECT_EQ(groups(), R"([["Lille",1,1,3.0],["Lyon",1,2,11.0],["Nice",1,1,2.0]])");
  EXPECT_EQ(store_->snapshot("rides")->complete_to, kStart + 3 * kHour);
}

TEST_F(Store, BytesAreThoseOfCellsInMemoryAndOfSegmentFiles) {
  RollupSpec spec = rides_spec();
  spec.granularity = *parse_granularity("second");
  open();
  auto w = writer(0, 1, spec);
  add(*w, {ride(kStart, "Lyon", 1)}, spec);
  const auto young = store_->snapshot("rides");
  EXPECT_GE(young->memory_bytes(), 40) << "time, city, count, fare and a sketch";
  EXPECT_EQ(young->segment_bytes(), 0);
  std::vector<RollupRow> many;
  for (int i = 0; i < 2'000; ++i) many.push_back(ride(kStart, "Lyon", 1, std::to_string(i)));
  add(*w, many, spec);
  EXPECT_EQ(store_->snapshot("rides")->rows(), 1);
  EXPECT_GT(store_->snapshot("rides")->memory_bytes(), young->memory_bytes() + 1'000)
      << "the sketch has grown";
  ASSERT_TRUE(commit_epoch(*w, 1, kStart + 2 * kHour).ok());
  EXPECT_EQ(store_->snapshot("rides")->memory_bytes(), 0);
  int64_t files = 0;
  for (const std::string& file : env_.fs().files("rollups/rides")) {
    const bool segment = file.find("segment-") != std::string::npos;
    if (segment) files += static_cast<int64_t>(env_.fs().content(file).size());
  }
  EXPECT_GT(files, 0);
  EXPECT_EQ(store_->snapshot("rides")->segment_bytes(), files);
}

// What a dashboard needs to draw no gaps that are none.
TEST_F(Store, TheGranularityOfCellsIsInTheSegmentMetadata) {
  open();
  for (const auto& [word, period] :
       std::initializer_list<std::pair<const char*, const char*>>{{"none", "PT0.001S"},
                                                                  {"second", "PT1S"},
                                                                  {"PT90S", "PT1M30S"},
                                                                  {"fifteen_minute", "PT15M"},
                                                                  {"hour", "PT1H"},
                                                                  {"day", "P1D"},
                                                                  {"week", "P7D"},
                                                                  {"month", "P1M"},
                                                                  {"P3M", "P3M"},
                                                                  {"year", "P1Y"}}) {
    RollupSpec spec = rides_spec();
    spec.datasource = word;
    spec.granularity = *parse_granularity(word);
    const auto w = writer(0, 1, spec);
    EXPECT_TRUE(add(*w, {ride(kStart, "Lyon", 1)}, spec).empty());
    const std::string asked =
        R"({"queryType":"segmentMetadata","analysisTypes":["queryGranularity"],"dataSource":")";
    EXPECT_THAT(query(asked + word + "\"}"),
                HasSubstr(std::string(R"("queryGranularity":{"type":"period","period":")") + period + "\","))
        << word;
  }
}

TEST_F(Store, RetentionFollowsTheCommittedWatermark) {
  RollupSpec spec = rides_spec();
  spec.granularity = *parse_granularity("second");
  spec.retain = 3 * kHour;
  open();
  const auto w = writer(0, 1, spec);
  EXPECT_TRUE(add(*w, {ride(kStart, "Lyon", 1)}, spec).empty())
      << "old data, no watermark: nothing is expired";
  ASSERT_TRUE(commit_epoch(*w, 1, kStart + 5 * kHour).ok());
  EXPECT_EQ(groups(), "[]") << "the chunk ended behind the horizon";
  EXPECT_THAT(add(*w, {ride(kStart + kHour, "Lyon", 1), ride(kStart + 2 * kHour, "Nice", 2)}, spec),
              testing::ElementsAre(0));
  EXPECT_EQ(groups(), R"([["Nice",1,1,2.0]])");
}

TEST_F(Store, CompleteToNeverGoesBack) {
  open();
  auto w = writer();
  add(*w, {ride(kStart, "Lyon", 1)});
  ASSERT_TRUE(commit_epoch(*w, 1, kStart + kHour).ok());
  w = writer(0, 2);
  ASSERT_TRUE(w->recover(Epoch(1), {}).ok());
  ASSERT_TRUE(commit_epoch(*w, 2, kStart).ok());
  EXPECT_EQ(store_->snapshot("rides")->complete_to, kStart + kHour);
  open();
  EXPECT_EQ(store_->snapshot("rides")->complete_to, kStart + kHour);
}

TEST_F(Store, ALongLogMovesIntoSegmentsWhileChunksAreOpen) {
  options_.compact_log_bytes = 1;
  open();
  auto w = writer();
  for (int epoch = 1; epoch <= 20; ++epoch) {
    add(*w, {ride(kStart + epoch * 60 * kSecond, "Lyon", 1), ride(kStart, "Nice", 1)});
    ASSERT_TRUE(commit_epoch(*w, epoch, kStart).ok());
  }
  EXPECT_EQ(groups(), R"([["Lyon",20,20,20.0],["Nice",1,20,20.0]])");
  w.reset();
  open();
  EXPECT_EQ(groups(), R"([["Lyon",20,20,20.0],["Nice",1,20,20.0]])");
}

TEST_F(Store, ColumnsMayComeAndGo) {
  open();
  auto w = writer();
  add(*w, {ride(kStart, "Lyon", 1), ride(kStart, "Nice", 2)});
  ASSERT_TRUE(commit_epoch(*w, 1, kStart).ok());
  RollupSpec next = rides_spec();
  next.dimensions = {{"status"}};
  next.metrics.push_back({"tips", MetricKind::long_sum, "tip", ""});
  EXPECT_THAT(store_->writer(next, {"l2", "sink", 0, 1}).status().message(), HasSubstr("one sink writes"));
  w.reset();
  w = writer(0, 1, next);
  EXPECT_EQ(query(R"({"queryType":"groupBy","dataSource":"rides","granularity":"all","dimensions":["status"],
      "intervals":"2000/2100","context":{"resultAsArray":true},"aggregations":[{"type":"count","name":"rows"},
      {"type":"doubleSum","name":"f","fieldName":"fare"},{"type":"longSum","name":"t","fieldName":"tips"}]})"),
            "[[null,1,3.0,null]]");
  w.reset();
  next.granularity = *parse_granularity("hour");
  EXPECT_THAT(store_->writer(next, {"l2", "sink", 0, 1}).status().message(),
              HasSubstr("another granularity"));
}

// `dev --watch` starts an edited job beside what is left of the attempt that it stopped.
TEST_F(Store, TheSinksNextAttemptMayChangeColumnsBesideTheOneBefore) {
  open();
  const auto first = writer(0, 2);
  const auto second = writer(1, 2);
  add(*first, {ride(kStart, "Lyon", 1)});
  ASSERT_TRUE(commit_epoch(*first, 1, kStart).ok());
  ASSERT_TRUE(commit_epoch(*second, 1, kStart).ok());
  add(*second, {ride(kStart, "Nice", 2)});
  RollupSpec next = rides_spec();
  next.metrics.push_back({"tips", MetricKind::long_sum, "tip", ""});
  EXPECT_THAT(store_->writer(next, {"l1", "other", 0, 1}).status().message(), HasSubstr("one sink writes"));
  const auto changed = writer(0, 2, next);
  const auto changed_too = writer(1, 2, next);
  EXPECT_EQ(groups(), R"([["Lyon",1,1,1.0]])") << "the open epoch of the first attempt is gone";
  std::vector<int32_t> expired;
  const RollupBatch batch(rides_spec(), {ride(kStart, "Lyon", 1)});
  EXPECT_EQ(first->add(batch.rows(), expired).code(), Code::aborted);
  EXPECT_EQ(second->add(batch.rows(), expired).code(), Code::aborted);
}

TEST_F(Store, DropRemovesADatasourceThatNobodyWrites) {
  open();
  auto w = writer();
  EXPECT_FALSE(store_->drop("rides").ok());
  EXPECT_FALSE(store_->drop("nosuch").ok());
  w.reset();
  ASSERT_TRUE(store_->drop("rides").ok());
  EXPECT_TRUE(store_->datasources().empty());
  open();
  EXPECT_TRUE(store_->datasources().empty());
}

TEST_F(Store, DamageIsFoundAndNamed) {
  open();
  auto w = writer();
  add(*w, {ride(kStart, "Lyon", 1)});
  ASSERT_TRUE(commit_epoch(*w, 1, kStart).ok());
  w.reset();
  store_.reset();
  std::string manifest = env_.fs().content("rollups/rides/MANIFEST");
  manifest[manifest.size() / 2] = static_cast<char>(manifest[manifest.size() / 2] ^ 1);
  env_.fs().set_content("rollups/rides/MANIFEST", manifest);
  const auto opened = RollupStore::open(&env_, "rollups", options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.status().code(), Code::data_loss);
  EXPECT_THAT(opened.status().to_string(), HasSubstr("rollup rides"));
}

TEST(RollupSpecs, SurviveTheirText) {
  RollupSpec spec = rides_spec();
  spec.dimensions.push_back({"tags and\nlines", DimensionType::string, true});
  spec.retain = 5;
  const auto back = decode_spec(encode_spec(spec));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, spec);
  EXPECT_FALSE(decode_spec(encode_spec(spec) + "metric 99 1:x 0: 0:\n").ok());
  EXPECT_FALSE(decode_spec("rollup 2\n").ok());
  EXPECT_FALSE(decode_spec("").ok());
}

TEST(RollupSpecs, Granularities) {
  EXPECT_EQ(parse_granularity("MINUTE")->total_micros(), 60 * kSecond);
  EXPECT_EQ(parse_granularity("PT5M")->total_micros(), 300 * kSecond);
  EXPECT_EQ(parse_granularity("month")->months, 1);
  EXPECT_THAT(parse_granularity("fortnight").status().message(), HasSubstr("is not a granularity"));
}

TEST(RollupSpecs, NamesAreChecked) {
  RollupSpec spec = rides_spec();
  EXPECT_TRUE(validate(spec).ok());
  spec.datasource = "../x";
  EXPECT_FALSE(validate(spec).ok());
  spec = rides_spec();
  spec.metrics.push_back({"city", MetricKind::count, "", ""});
  EXPECT_THAT(validate(spec).message(), HasSubstr("two columns named 'city'"));
}

}  // namespace store_test
}  // namespace rideflow
