// A job writes a rollup while calls to the disk fail, and while the process or the machine dies at each of
// them: nothing that was committed is lost, nothing is counted twice.
//
// The script plays the runtime's part: an epoch is prepared, its checkpoint is complete once it is durable,
// then it is committed. After a death the job restarts from its last complete checkpoint with the handles
// that it lists.
#include <gtest/gtest.h>

#include <random>

#include "engine/virtual_env.h"
#include "rollup/rollup_queries.h"
#include "tests/support/rollup_rows.h"

namespace rideflow {
namespace store_fault_test {

using Crash = VirtualFs::Crash;
constexpr int64_t kMinute = 60 * kMicrosPerSecond;
constexpr int kEpochs = 7;

RollupSpec spec() {
  RollupSpec out;
  out.datasource = "rides";
  out.granularity = *parse_granularity("second");  // hourly chunks: the script seals several
  out.dimensions = {{"city"}};
  out.metrics = {{"n", MetricKind::count, "", ""},
                 {"sum", MetricKind::long_sum, "x", ""},
                 {"q", MetricKind::quantile_sketch, "x", ""}};
  return out;
}

// The rows of an epoch, the same in every attempt: half an hour further each time, and some late ones.
std::vector<test::RollupRow> rows_of(int epoch) {
  std::vector<test::RollupRow> rows;
  for (int i = 0; i < 5; ++i) {
    const Micros time =
        VirtualEnv::kStart + (epoch * 30 - (i == 4 ? 150 : 0)) * kMinute + i * kMicrosPerSecond;
    const int64_t value = epoch * 100 + i;
    rows.push_back({time,
                    {Value::string("c" + std::to_string(i % 3))},
                    {Value::null(), Value::int64(value), Value::int64(value)}});
  }
  return rows;
}

class Script {
 public:
  explicit Script(uint64_t seed) : env_(seed) { options_.publish_interval_us = 0; }
  VirtualEnv& env() { return env_; }

  // Starts or restarts the job from its last complete checkpoint.
  bool start() {
    writer_.reset();
    if (!store_) {
      auto opened = RollupStore::open(&env_, "rollups", options_);
      if (!opened.ok()) return note(opened.status());
      store_ = *std::move(opened);
    }
    auto made = store_->writer(spec(), {"l1", "sink", 0, 1});
    if (!made.ok()) return note(made.status());
    writer_ = *std::move(made);
    return note(writer_->recover(Epoch(complete_), pending_));
  }
  void crash(Crash how) {
    writer_.reset();
    store_.reset();
    env_.fs().crash(how);
  }

  // Runs to the end, or to the first error.
  bool run() {
    for (int epoch = complete_ + 1; epoch <= kEpochs; ++epoch) {
      std::vector<int32_t> expired;
      const test::RollupBatch batch(spec(), rows_of(epoch));
      if (!note(writer_->add(batch.rows(), expired))) return false;
      writer_->set_watermark(VirtualEnv::kStart + epoch * 30 * kMinute);
      auto prepared = writer_->prepare(Epoch(epoch));
      if (!note(prepared.status()) || !note(prepared->persist())) return false;
      complete_ = epoch;
      pending_.emplace_back(Epoch(epoch), prepared->handle);
      if (epoch % 3 == 0) continue;  // this commit comes late: with the next one
      for (const auto& handle : pending_) {
        if (!note(writer_->commit(handle.second))) return false;
      }
      pending_.clear();
    }
    for (const auto& handle : pending_) {
      if (!note(writer_->commit(handle.second))) return false;
    }
    return true;
  }

  std::string answer() const {
    return RollupQueries(&env_, store_)
        .post(R"({"queryType":"groupBy","dataSource":"rides","granularity":"hour","dimensions":["city"],
          "intervals":"2000/2100","context":{"resultAsArray":true},"aggregations":[
          {"type":"longSum","name":"n","fieldName":"n"},{"type":"longSum","name":"s","fieldName":"sum"},
          {"type":"quantilesDoublesSketch","name":"q","fieldName":"q"}]})")
        .body;
  }
  const std::string& error() const { return error_; }

 private:
  bool note(const Status& status) {
    if (!status.ok()) error_ = status.to_string();
    return status.ok();
  }

  mutable VirtualEnv env_;
  RollupStoreOptions options_;
  std::shared_ptr<RollupStore> store_;
  std::unique_ptr<RollupWriter> writer_;
  int complete_ = 0;
  std::vector<std::pair<Epoch, std::string>> pending_;
  std::string error_;
};

struct Undisturbed {
  std::string answer;
  int64_t calls = 0;
};

const Undisturbed& undisturbed() {
  static const Undisturbed result = [] {
    Script script(1);
    EXPECT_TRUE(script.start() && script.run()) << script.error();
    return Undisturbed{script.answer(), script.env().fs().calls()};
  }();
  return result;
}

TEST(RollupFaults, TheScriptSealsChunks) {
  Script script(1);
  ASSERT_TRUE(script.start() && script.run()) << script.error();
  int segments = 0;
  for (const std::string& file : script.env().fs().files("rollups/rides")) {
    segments += file.find("segment") != std::string::npos ? 1 : 0;
  }
  EXPECT_GE(segments, 2);
  EXPECT_GT(undisturbed().calls, 60);
}

TEST(RollupFaults, DeathAtEveryCall) {
  for (int64_t n = 1; n <= undisturbed().calls; ++n) {
    SCOPED_TRACE("death at call " + std::to_string(n));
    const auto crash = static_cast<Crash>(n % 3);
    Script script(static_cast<uint64_t>(n));
    script.env().fs().die(n);
    if (script.start()) script.run();
    script.crash(crash);
    ASSERT_TRUE(script.start() && script.run()) << script.error();
    ASSERT_EQ(script.answer(), undisturbed().answer);
    script.crash(Crash::lose_unsynced);
    ASSERT_TRUE(script.start()) << script.error();
    ASSERT_EQ(script.answer(), undisturbed().answer) << "lost later";
  }
}

TEST(RollupFaults, FailureOfEveryCall) {
  for (int64_t n = 1; n <= undisturbed().calls; ++n) {
    Script script(static_cast<uint64_t>(n));
    script.env().fs().fail(n, Status::external(Code::resource_exhausted, "the disk is full"));
    if (!(script.start() && script.run())) {
      // The job fails and is started again in the same process.
      ASSERT_TRUE(script.start() && script.run()) << "failure at call " << n << ": " << script.error();
    }
    ASSERT_EQ(script.answer(), undisturbed().answer) << "failure at call " << n;
    script.crash(Crash::lose_unsynced);
    ASSERT_TRUE(script.start()) << script.error();
    ASSERT_EQ(script.answer(), undisturbed().answer) << "lost after a failure at call " << n;
  }
}

TEST(RollupFaults, RandomDeathsInARow) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Script script(seed);
    std::mt19937_64 random(seed);
    for (int death = 0; death < 5; ++death) {
      script.env().fs().die(1 + static_cast<int64_t>(random() % 40));
      if (script.start()) script.run();
      script.crash(static_cast<Crash>(random() % 3));
    }
    ASSERT_TRUE(script.start() && script.run()) << script.error();
    ASSERT_EQ(script.answer(), undisturbed().answer);
  }
}

}  // namespace store_fault_test
}  // namespace rideflow
