// The main job over every fault that the generator makes: whatever the parallelism, the batch size, the
// interleaving of its tasks and partitions, and the crashes, the same final rows, late and rejected ones
// included.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "dsl/job.h"
#include "engine/hash.h"
#include "engine/virtual_env.h"
#include "operators/generator.h"
#include "runtime/job_execution.h"
#include "runtime/job_test_rows.h"
#include "runtime/job_test_world.h"
#include "runtime/memory_job_storage.h"
#include "tests/runtime/seeded_loop.h"
#include "tests/support/operator_contract.h"
#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace main_job_test {

constexpr Micros kStart = 1'767'268'800'000'000;  // 2026-01-01T12:00:00Z
constexpr int32_t kPartitions = 3;

using Rows = std::map<std::string, std::multiset<std::string>>;  // by sink

void feed(TestWorld& world, const std::string& source, const std::string& kind, double rate, int64_t events) {
  GeneratorOptions options;
  options.kind = kind;
  options.seed = 11;
  options.start = kStart;
  options.rate = rate;
  options.pace = 20;
  options.disorder = 4 * kMicrosPerSecond;
  options.late = 0.05;
  options.duplicates = 0.02;
  options.broken = 0.02;
  const auto generator = EventGenerator::make(options);
  ASSERT_TRUE(generator.ok()) << generator.status().to_string();
  TestFeed& feed = world.feeds[source];
  feed.partitions = kPartitions;
  feed.rows.resize(kPartitions);
  feed.ended = true;
  for (int64_t n = 0; n < events; ++n) {
    TestRow row;
    row.raw.emplace();
    row.timestamp = (*generator)->append(n, *row.raw).due;
    const auto partition = static_cast<int32_t>(hash_bytes(*row.raw) % kPartitions);
    row.partition = Partition(partition);
    feed.rows[static_cast<size_t>(partition)].push_back(std::move(row));
  }
}

class MainJob : public testing::Test {
 protected:
  void SetUp() override {
    job_ = load_job(read_file("jobs/ride_metrics/ride_metrics.yaml"), "ride_metrics.yaml", full_catalog());
    ASSERT_TRUE(job_.ok()) << format_diagnostics(job_);
  }

  // Runs the job to its end in one seeded loop; the first `crashes` attempts are cut off somewhere.
  Rows run(int32_t parallelism, int32_t batch_rows, uint64_t seed, int crashes) {
    auto world = std::make_shared<TestWorld>();
    const auto plan = std::make_shared<LogicalPlan>(with_test_world(*job_.plan, world));
    feed(*world, "rides", "rides", 10, 1'500);
    feed(*world, "vehicles", "vehicles", 5, 750);
    feed(*world, "users", "users_schema", 2, 300);
    VirtualEnv env(seed);
    std::mt19937_64 random(seed);
    ExecutionOptions options;
    options.env = &env;
    options.storage = std::make_shared<MemoryJobStorage>();
    options.parallelism = parallelism;
    options.batch_rows = batch_rows;
    options.checkpoint_interval = crashes > 0 ? 50 : kEndOfTime / 4;
    options.job_test = true;
    for (int attempt = 0;; ++attempt) {
      auto job = JobExecution::start(plan, options);
      EXPECT_TRUE(job.ok()) << job.status().to_string();
      if (!job.ok()) return {};
      run_seeded(**job, env, random,
                 attempt < crashes ? 2'000 + static_cast<int64_t>(random() % 10'000) : -1);
      if ((*job)->over()) {
        EXPECT_EQ((*job)->phase(), JobPhase::finished) << (*job)->result().to_string();
        return rows_of_sinks(*world);
      }
      env.drop_offload();
    }
  }

 private:
  Rows rows_of_sinks(const TestWorld& world) const {
    Rows rows;
    for (const LogicalNode& node : job_.plan->nodes) {
      const auto* sink = std::get_if<SinkNode>(&node.body);
      if (!sink) continue;
      const Result<std::vector<ActualRow>> got =
          rows_of(*sink->config, world.collections.at(sink->config->sink));
      EXPECT_TRUE(got.ok()) << got.status().to_string();
      if (!got.ok()) continue;
      for (const ActualRow& row : *got) {
        std::string text;
        for (const auto& [column, cell] : row.cells) text += column + "=" + cell.value.to_string() + " ";
        rows[sink->config->sink].insert(std::move(text));
      }
    }
    return rows;
  }

  LoadedJob job_;
};

void expect_same(const Rows& got, const Rows& expected) {
  for (const auto& [sink, rows] : expected) {
    const auto found = got.find(sink);
    ASSERT_NE(found, got.end()) << sink;
    EXPECT_EQ(found->second.size(), rows.size()) << sink;
    const auto [a, b] = std::mismatch(found->second.begin(), found->second.end(), rows.begin(), rows.end());
    if (b != rows.end()) {
      EXPECT_EQ(a == found->second.end() ? "" : *a, *b) << sink;
    }
  }
}

TEST_F(MainJob, GivesTheSameRowsAtAnyParallelismBatchSizeAndInterleaving) {
  const Rows expected = run(1, 1024, 1, 0);
  for (const char* sink :
       {"live_rides", "live_cells", "live_trips", "rides_by_minute", "live_ratings", "city_minutes",
        "ride_times", "aggregate_user_ratings", "late_rides", "rejected_rides"})
    EXPECT_TRUE(expected.contains(sink)) << sink << " is empty: the input does not reach it";
  uint64_t seed = 2;
  for (const int32_t parallelism : {1, 3}) {
    for (const int32_t batch_rows : {1, 1024}) {
      SCOPED_TRACE(testing::Message()
                   << "parallelism " << parallelism << ", batch " << batch_rows << ", seed " << seed);
      expect_same(run(parallelism, batch_rows, seed++, 0), expected);
    }
  }
}

// The collecting sinks have no epochs, so rows between a checkpoint and a crash come again: the same ones, no
// others. That they come once where sinks do have epochs is what the kill tests of the executable show.
TEST_F(MainJob, CrashesChangeNoRow) {
  const auto distinct = [](Rows rows) {
    for (const char* rollup : {"live_rides", "live_cells", "live_trips", "rides_by_minute", "live_ratings"})
      rows.erase(rollup);
    for (auto& [sink, all] : rows) {
      const std::set<std::string> once(all.begin(), all.end());
      all = {once.begin(), once.end()};
    }
    return rows;
  };
  const Rows expected = distinct(run(1, 1024, 1, 0));
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const int32_t parallelism = seed % 2 == 0 ? 3 : 1;
    const int32_t batch_rows = seed % 3 == 0 ? 1024 : 7;
    SCOPED_TRACE(testing::Message() << "parallelism " << parallelism << ", batch " << batch_rows << ", seed "
                                    << seed);
    expect_same(distinct(run(parallelism, batch_rows, seed, 3)), expected);
  }
}

}  // namespace main_job_test
}  // namespace rideflow::test
