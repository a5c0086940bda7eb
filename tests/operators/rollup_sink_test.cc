// The rollup sink alone: what it makes of a batch, and what it promises of epochs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/expr.h"
#include "rollup/rollup_queries.h"
#include "rollup/rollup_store.h"
#include "tests/operators/decode_support.h"
#include "tests/operators/sink_support.h"

namespace rideflow {
namespace rollup_sink_test {

using test::city_rows;
using test::options;
using test::SinkWorld;
using testing::HasSubstr;

class RollupSinkTest : public testing::Test {
 protected:
  class Late : public Output {
   public:
    void emit(int port, Batch batch) override {
      EXPECT_EQ(port, 0);
      rows += batch.rows;
      last = std::move(batch);
    }
    bool has_room() const override { return true; }
    int64_t rows = 0;
    Batch last;
  };

  RollupSinkTest() { open_store(); }

  void open_store() {
    store_ = nullptr;
    world_.resources.add<RollupStore>("rollups", nullptr);
    auto store = RollupStore::open(&world_.env, "rollups");
    EXPECT_TRUE(store.ok()) << store.status().to_string();
    store_ = *store;
    world_.resources.add<RollupStore>("rollups", store_);
  }

  static Options rollup_options(const std::string& granularity = "minute") {
    Options o = options({{"datasource", "cities"}, {"granularity", granularity}});
    OptionValue dimensions;
    dimensions.columns = {0};
    o.set("dimensions", dimensions);
    OptionValue metrics;
    AggregateCall count;
    count.name = "count";
    count.function = "count";
    AggregateCall sum;
    sum.name = "n";
    sum.function = "sum";
    sum.args = {make_column(*test::city_schema(), 1)};
    metrics.aggregates = {count, sum};
    o.set("metrics", metrics);
    return o;
  }

  std::unique_ptr<Sink> open_sink(const Options& o = rollup_options()) { return world_.sink("rollup", o); }

  void write(Sink& sink, const std::vector<std::string>& rows) {
    Batch batch = city_rows(rows);
    const Status status = sink.process(0, batch, late_).status();
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  Status commit(Sink& sink, int64_t epoch) { return sink.commit(Epoch(epoch), test::prepare(sink, epoch)); }

  // Cells of the datasource, as a client asks for them.
  std::string totals() {
    RollupQueries queries(&world_.env, store_);
    world_.env.advance(kMicrosPerSecond);  // a snapshot may be a moment old
    return queries
        .post(R"({"queryType": "groupBy", "dataSource": "cities", "granularity": "all",
                   "intervals": ["2000-01-01/2100-01-01"], "dimensions": ["city"],
                   "aggregations": [{"type": "longSum", "name": "rows", "fieldName": "count"},
                                    {"type": "longSum", "name": "n", "fieldName": "n"}]})")
        .body;
  }

  SinkWorld world_;
  std::shared_ptr<RollupStore> store_;
  Late late_;
};

TEST_F(RollupSinkTest, RowsAreCountedByTimeAndDimensions) {
  const auto sink = open_sink();
  ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
  write(*sink, {"Lyon:1", "Nice:2", "Lyon:3", ":4"});
  ASSERT_TRUE(commit(*sink, 1).ok());
  const std::string answer = totals();
  EXPECT_THAT(answer, HasSubstr(R"("city":"Lyon","rows":2,"n":4)"));
  EXPECT_THAT(answer, HasSubstr(R"("city":"Nice","rows":1,"n":2)"));
  EXPECT_THAT(answer, HasSubstr(R"("city":null,"rows":1,"n":4)"));
  EXPECT_EQ(world_.metrics.rows_absorbed.get(), 4);
  EXPECT_EQ(late_.rows, 0);
}

TEST_F(RollupSinkTest, AnEpochWithoutRowsIsFineAndCommittingTwiceChangesNothing) {
  const auto sink = open_sink();
  ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
  ASSERT_TRUE(commit(*sink, 1).ok());
  write(*sink, {"Lyon:1"});
  const std::string handle = test::prepare(*sink, 2);
  ASSERT_TRUE(sink->commit(Epoch(2), handle).ok());
  ASSERT_TRUE(sink->commit(Epoch(2), handle).ok());
  EXPECT_THAT(totals(), HasSubstr(R"("rows":1,"n":1)"));
}

TEST_F(RollupSinkTest, RecoveryCommitsWhatTheCheckpointListsAndDropsTheRest) {
  std::string listed;
  {
    const auto sink = open_sink();
    ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
    write(*sink, {"Lyon:1"});
    listed = test::prepare(*sink, 1);
    write(*sink, {"Lyon:10"});
    test::prepare(*sink, 2);  // of no checkpoint
    write(*sink, {"Lyon:100"});
  }
  open_store();
  const auto sink = open_sink();
  ASSERT_TRUE(sink->recover(Epoch(1), {{Epoch(1), listed}}).ok());
  EXPECT_THAT(totals(), HasSubstr(R"("rows":1,"n":1)"));
  write(*sink, {"Lyon:10"});
  ASSERT_TRUE(commit(*sink, 2).ok());
  EXPECT_THAT(totals(), HasSubstr(R"("rows":2,"n":11)"));
}

TEST_F(RollupSinkTest, AnOlderCheckpointThanWhatIsPublishedIsRefused) {
  {
    const auto sink = open_sink();
    ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
    for (const int64_t epoch : {1, 2}) {
      write(*sink, {"Lyon:1"});
      ASSERT_TRUE(commit(*sink, epoch).ok());
    }
  }
  open_store();
  const auto sink = open_sink();
  const Status refused = sink->recover(Epoch(1), {});
  EXPECT_EQ(refused.code(), Code::aborted) << refused.to_string();
  EXPECT_EQ(refused.blame(), Blame::user);
}

TEST_F(RollupSinkTest, RowsBehindTheRetentionLeaveByLate) {
  Options o = rollup_options();
  OptionValue retain;
  retain.duration = Duration{0, 0, 3600 * kMicrosPerSecond};
  o.set("retain", retain);
  const auto sink = open_sink(o);
  ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
  write(*sink, {"Lyon:1"});
  ASSERT_TRUE(sink->on_watermark(VirtualEnv::kStart + 7200 * kMicrosPerSecond, late_).ok());
  ASSERT_TRUE(commit(*sink, 1).ok());
  const int64_t absorbed = world_.metrics.rows_absorbed.get();
  write(*sink, {"Lyon:2", "Nice:3"});
  EXPECT_EQ(late_.rows, 2);
  EXPECT_EQ(world_.metrics.rows_absorbed.get(), absorbed);
  ASSERT_GT(late_.last.columns.size(), 2U);
  EXPECT_EQ(late_.last.column(0).string(1), "Nice");
  EXPECT_EQ(late_.last.columns.back().string(0), "retention");
}

// Without a time of its own a row can't be placed: it leaves, the others stay.
TEST_F(RollupSinkTest, RowsWithoutTheirTimeLeaveByLate) {
  Options o = rollup_options();
  OptionValue time;
  time.expr = make_literal(Value(), Kind::timestamp);
  o.set("time", time);
  const auto sink = open_sink(o);
  ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
  write(*sink, {"Lyon:1", "Nice:2"});
  EXPECT_EQ(late_.rows, 2);
  EXPECT_EQ(late_.last.columns.back().string(0), "no_time");
  EXPECT_EQ(world_.metrics.rows_absorbed.get(), 0);
}

TEST_F(RollupSinkTest, WithoutEventTimeTheWayOutIsNamed) {
  const auto sink = open_sink();
  ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
  Batch batch = city_rows({"Lyon:1"});
  batch.event_time = BufferRef();
  const Status status = sink->process(0, batch, late_).status();
  EXPECT_EQ(status.blame(), Blame::user);
  EXPECT_THAT(status.message(), HasSubstr("name it by 'time'"));
}

TEST_F(RollupSinkTest, WhatItCantKeepIsToldBeforeItRuns) {
  const SinkKind& kind = *test::catalog().find_sink("rollup");
  const auto told = [&](const std::function<void(SinkConfig&)>& change) {
    const auto config = world_.config("rollup", rollup_options());
    change(*config);
    const OptionErrors errors = kind.check(*config);
    return errors.empty() ? std::string() : errors[0].message;
  };
  EXPECT_EQ(told([](SinkConfig&) {}), "");
  EXPECT_THAT(told([](SinkConfig& c) { c.input_updates = true; }), HasSubstr("emit: final"));
  EXPECT_THAT(told([](SinkConfig& c) { c.options = rollup_options("fortnight"); }), HasSubstr("fortnight"));
  EXPECT_THAT(told([](SinkConfig& c) {
                OptionValue time;
                time.expr = make_column(*test::city_schema(), 1);
                c.options.set("time", time);
              }),
              HasSubstr("must be a timestamp"));
}

TEST_F(RollupSinkTest, WithoutADataDirectoryItDoesNotOpen) {
  const auto made = test::catalog().find_sink("rollup")->make(world_.config("rollup", rollup_options()));
  ASSERT_TRUE(made.ok());
  OpenContext context = world_.context();
  context.resources = nullptr;
  EXPECT_THAT((*made)->open(context).message(), HasSubstr("needs a data directory"));
}

}  // namespace rollup_sink_test
}  // namespace rideflow
