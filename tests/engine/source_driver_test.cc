// Idleness of a source as its driver decides it: what a restart and a common pause may not do to good rows.
#include "engine/source_driver.h"

#include <gtest/gtest.h>

#include "engine/catalog.h"
#include "engine/virtual_env.h"

namespace rideflow {
namespace source_driver_test {

constexpr Micros kSecond = kMicrosPerSecond;
using Log = std::vector<std::vector<Micros>>;  // times of the records, by partition

// Position i of partition p is time i of the log; what is not there yet is proved not to be.
class LogReader : public RecordReader {
 public:
  explicit LogReader(const Log* log) : log_(log) {}
  Status open(const OpenContext&) override { return {}; }
  Result<std::vector<Partition>> partitions() override {
    std::vector<Partition> all;
    for (size_t p = 0; p < log_->size(); ++p) all.push_back(Partition(static_cast<int32_t>(p)));
    return all;
  }
  Result<Position> resolve(Partition, StartAt, Micros) override { return Position{}; }
  Result<Position> end(Partition p) override { return Position{static_cast<int64_t>(times(p).size()), {}}; }
  Status assign(Partition p, const Position& position) override {
    next_[p.value] = position.offset;
    return {};
  }
  Result<Poll> poll(Partition p, int32_t budget) override {
    Poll poll;
    int64_t& next = next_[p.value];
    const auto n = std::min<int64_t>(budget, static_cast<int64_t>(times(p).size()) - next);
    if (n == 0) {
      poll.state = Poll::State::proven_end;
      return poll;
    }
    auto chunk = std::make_shared<Origin>();
    chunk->topic = std::make_shared<const std::string>("log");
    chunk->partition = p;
    for (int64_t i = 0; i < n; ++i, ++next) {
      RecordOrigin record;
      record.position = next;
      record.timestamp = times(p)[static_cast<size_t>(next)];
      chunk->records.push_back(record);
    }
    poll.chunk = std::move(chunk);
    return poll;
  }
  Position position(Partition p) const override { return {next_.at(p.value), {}}; }

 private:
  const std::vector<Micros>& times(Partition p) const { return (*log_)[static_cast<size_t>(p.value)]; }

  const Log* log_;
  std::map<int32_t, int64_t> next_;
};

// Rows without columns: only their times matter here.
class NoColumns : public Decoder {
 public:
  SchemaRef schema() const override { return schema_; }
  Status decode(std::shared_ptr<const Origin> chunk, Decoded& out) override {
    out.batch.schema = schema_;
    out.batch.rows = static_cast<int32_t>(chunk->records.size());
    out.batch.origin = std::move(chunk);
    return {};
  }

 private:
  SchemaRef schema_ = make_schema({});
};

class IdleSource : public testing::Test {
 protected:
  IdleSource() {
    source_.make = [this](const SourceConfig&) -> Result<std::unique_ptr<RecordReader>> {
      return std::unique_ptr<RecordReader>(std::make_unique<LogReader>(&log_));
    };
    format_.make_decoder = [](const DecoderSpec&, const Options&) -> Result<std::unique_ptr<Decoder>> {
      return std::unique_ptr<Decoder>(std::make_unique<NoColumns>());
    };
    node_.kind = &source_;
    node_.format = &format_;
    node_.event_time.idle_after = 2 * kSecond;
    node_.event_time.out_of_order = 5 * kSecond;
    node_.event_time.max_ahead = 0;
  }

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
    for (auto& partition : log_) {
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
    log_.assign(4, {});
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
  Log log_ = Log(4);
  SourceKind source_;
  FormatKind format_;
  SourceNode node_;
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
    log_[0].push_back(VirtualEnv::kStart + 5000 * kSecond);
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
      log_[0].push_back(VirtualEnv::kStart + (100 + i) * kSecond);
      log_[2].push_back(VirtualEnv::kStart + (100 + i) * kSecond);
    }
    for (int round = 0; round < 240; ++round) {
      for (size_t i = 0; i < shards_.size(); ++i) step(i, 1);
    }
    EXPECT_GE(operator_watermark_, VirtualEnv::kStart + 150 * kSecond) << parallelism;
  }
}

TEST_F(IdleSource, RowsWithoutATimeBreakTheProof) {
  log_.assign(2, {});
  produce(0, 1);
  log_[1].clear();
  start(1, {});
  run(kSecond);
  // Rows come to partition 1 every second, none with a valid time: it is not at its end.
  node_.event_time.max_ahead = 1;
  for (int i = 0; i < 5; ++i) {
    log_[1].push_back(kNoTime);
    run(kSecond);
    EXPECT_FALSE(shards_[0]->driver->clock().is_idle(Partition(1))) << i;
  }
}

}  // namespace source_driver_test
}  // namespace rideflow
