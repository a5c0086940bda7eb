// Idleness of a source as its driver decides it: what a restart and a common pause may not do to good rows.
#include "engine/source_driver.h"

#include "tests/engine/log_source.h"

namespace rideflow {
namespace source_driver_test {

using test::kSecond;
using test::Log;

class IdleSource : public testing::Test {
 protected:
  struct Shard1 {
    SourceMetrics metrics;
    std::unique_ptr<SourceDriver> driver;
    int behind = 0;
  };
  // The source in `parallelism` tasks, as of what snapshots say.
  void start(int32_t parallelism, const std::vector<std::string>& snapshots) {
    shards_.clear();
    const auto peers = std::make_shared<SourcePeers>(static_cast<size_t>(parallelism));
    for (int32_t i = 0; i < parallelism; ++i) {
      auto shard = std::make_unique<Shard1>();
      shard->driver = std::make_unique<SourceDriver>(node_, "log", make_schema({}), &shard->metrics);
      if (parallelism > 1) shard->driver->set_peers(peers, static_cast<size_t>(i));
      OpenContext context;
      context.env = &env_;
      context.shard = Shard(i);
      context.parallelism = parallelism;
      const Status opened = shard->driver->open(context, snapshots);
      ASSERT_TRUE(opened.ok()) << opened.to_string();
      shards_.push_back(std::move(shard));
    }
  }
  // One step of one task, as Task does it. Rows count as behind by their partition's watermark, or by what
  // the other tasks' watermarks together had already been when they came.
  void step(size_t i, int32_t budget = 4096) {
    Shard1& shard = *shards_[i];
    const Micros before = operator_watermark_;
    SourceBatch batch;
    ASSERT_TRUE(shard.driver->step(budget, batch).ok());
    if (!shard.driver->all_idle()) shard.driver->tell_peers(true);
    shard.behind += static_cast<int>(batch.rows.behind.size());
    for (int32_t r = 0; r < batch.rows.rows; ++r) {
      if (batch.rows.event_times()[r] < before) ++behind_operator_;
    }
    if (shard.driver->all_idle()) shard.driver->tell_peers(false);
    Micros least = kEndOfTime;
    for (const auto& s : shards_) {
      if (!s->driver->all_idle()) least = std::min(least, s->driver->watermark());
    }
    if (least != kEndOfTime) operator_watermark_ = std::max(operator_watermark_, least);
  }
  void run(Micros wall) {
    for (Micros t = 0; t < wall; t += kSecond / 10) {
      for (size_t i = 0; i < shards_.size(); ++i) step(i);
      env_.advance(kSecond / 10);
    }
  }
  // `rows` seconds of event time from `from` on, one row each and partition.
  void produce(int from, int rows) {
    for (auto& partition : log_.times) {
      for (int i = 0; i < rows; ++i) partition.push_back(VirtualEnv::kStart + (from + i) * kSecond);
    }
  }
  std::vector<std::string> snapshots() const {
    std::vector<std::string> all;
    for (const auto& shard : shards_) all.push_back(shard->driver->snapshot());
    return all;
  }
  int behind() const {
    int n = behind_operator_;
    for (const auto& shard : shards_) n += shard->behind;
    return n;
  }
  // A fresh source of four partitions, idle behind its first rows.
  void pause_after(int rows, int32_t parallelism) {
    log_.times.assign(4, {});
    operator_watermark_ = kNoTime;
    behind_operator_ = 0;
    produce(0, rows);
    start(parallelism, {});
    run(4 * kSecond);
    ASSERT_TRUE(all_idle());
  }
  bool all_idle() const {
    return std::all_of(shards_.begin(), shards_.end(), [](const auto& s) { return s->driver->all_idle(); });
  }

  VirtualEnv env_;
  Log log_;
  test::LogSource source_{&log_};
  SourceNode& node_ = source_.node;
  std::vector<std::unique_ptr<Shard1>> shards_;
  Micros operator_watermark_ = kNoTime;
  int behind_operator_ = 0;
};

TEST_F(IdleSource, NoRowOfABurstAfterACommonPauseIsLate) {
  for (const int32_t parallelism : {1, 2, 4}) {
    pause_after(100, parallelism);
    ASSERT_EQ(operator_watermark_, VirtualEnv::kStart + 94 * kSecond);
    produce(100, 3000);
    run(kSecond);
    EXPECT_EQ(behind(), 0) << parallelism;
    EXPECT_EQ(operator_watermark_, VirtualEnv::kStart + 3094 * kSecond) << parallelism;
  }
}

TEST_F(IdleSource, ARestartProvesIdlenessAnew) {
  for (const int32_t parallelism : {1, 2}) {
    pause_after(100, parallelism);
    start(parallelism == 1 ? 2 : 1, snapshots());
    EXPECT_FALSE(all_idle());
    // Nobody is idle by what another process saw: one partition alone does not move the watermark.
    log_.times[0].push_back(VirtualEnv::kStart + 5000 * kSecond);
    run(kSecond);
    produce(100, 3000);
    run(kSecond);
    EXPECT_EQ(behind(), 0) << parallelism;  // (what follows in partition 0 waits: it is max_skew ahead)
  }
}

TEST_F(IdleSource, AQuietPartitionHoldsNobodyBackForLong) {
  for (const int32_t parallelism : {1, 2, 4}) {
    pause_after(1, parallelism);
    // Two busy partitions with an idle one between them, a row at a time, never all caught up.
    for (int i = 0; i < 200; ++i) {
      log_.times[0].push_back(VirtualEnv::kStart + (100 + i) * kSecond);
      log_.times[2].push_back(VirtualEnv::kStart + (100 + i) * kSecond);
    }
    for (int round = 0; round < 240; ++round) {
      for (size_t i = 0; i < shards_.size(); ++i) step(i, 1);
    }
    EXPECT_GE(operator_watermark_, VirtualEnv::kStart + 150 * kSecond) << parallelism;
  }
}

TEST_F(IdleSource, RowsWithoutATimeBreakTheProof) {
  log_.times.assign(2, {});
  produce(0, 1);
  log_.times[1].clear();
  start(1, {});
  run(kSecond);
  // Rows come to partition 1 every second, none with a valid time: it is not at its end.
  node_.event_time.max_ahead = 1;
  for (int i = 0; i < 5; ++i) {
    log_.times[1].push_back(kNoTime);
    run(kSecond);
    EXPECT_FALSE(shards_[0]->driver->clock().is_idle(Partition(1))) << i;
  }
}

}  // namespace source_driver_test
}  // namespace rideflow
