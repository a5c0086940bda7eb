// The runtime alone: tasks, exchange, alignment, checkpoints and restarts, with operators made for the
// purpose and the whole world in one seeded loop.
#include "runtime/job_execution.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/builder.h"
#include "engine/byte_codec.h"
#include "engine/virtual_env.h"
#include "runtime/job_test_world.h"
#include "runtime/memory_job_storage.h"
#include "tests/runtime/seeded_loop.h"
#include "tests/runtime/small_job.h"
#include "tests/support/cells.h"

namespace rideflow {
namespace job_execution_test {

// Sums `value` by `key` as rows come; gives one row per key when its input ends.
class SumByKey : public Operator {
 public:
  Result<Progress> process(int, Batch& batch, Output&) override {
    for (int32_t i = 0; i < batch.rows; ++i) {
      sums_[std::string(batch.column(0).string(i))] += batch.column(1).values<int64_t>()[i];
    }
    return Progress::done;
  }
  Result<Progress> on_end(Output& out) override {
    while (!sums_.empty()) {
      if (!out.has_room()) return Progress::again;
      ColumnBuilder key(Kind::string), sum(Kind::int64);
      key.append_string(sums_.begin()->first);
      sum.append<int64_t>(sums_.begin()->second);
      sums_.erase(sums_.begin());
      Batch batch;
      batch.schema = schema();
      batch.rows = 1;
      batch.columns = {key.finish(), sum.finish()};
      out.emit(0, std::move(batch));
    }
    return Progress::done;
  }
  static SchemaRef schema() {
    return make_schema({{"key", Kind::string, false}, {"value", Kind::int64, false}});
  }

  class Frozen : public FrozenState {
   public:
    explicit Frozen(std::map<std::string, int64_t> sums) : sums_(std::move(sums)) {}
    Status write(StateTable& table, bool) override {
      std::vector<test::OwnedChange> changes;
      for (const auto& [key, sum] : sums_) {
        changes.push_back({KeyGroup(0), 0, key, ByteWriter().put(sum).take()});
      }
      return test::apply(table, changes);
    }

   private:
    std::map<std::string, int64_t> sums_;
  };
  std::unique_ptr<FrozenState> freeze(Epoch) override { return std::make_unique<Frozen>(sums_); }
  // The test's cells all stand in group 0, so each shard takes the keys that route to it by looking at the
  // sums it is given: with one shard that is all.
  Status restore(StateTable& table) override {
    return table.scan({0, 128}, [&](const CellKey& key, std::string_view value) -> Status {
      sums_[std::string(key.key)] = ByteReader(value).get<int64_t>();
      return {};
    });
  }

 private:
  std::map<std::string, int64_t> sums_;
};

// A job: feed -> (exchange by key) -> sum -> collect. The kinds live as long as the plan.
std::shared_ptr<const LogicalPlan> make_plan(const std::shared_ptr<TestWorld>& world) {
  auto source_kind = std::make_shared<SourceKind>();
  source_kind->has_timestamp = false;
  auto sum_kind = std::make_shared<OperatorKind>();
  sum_kind->stateful = true;
  sum_kind->make = [](std::shared_ptr<const StepConfig>) -> Result<std::unique_ptr<Operator>> {
    return std::unique_ptr<Operator>(std::make_unique<SumByKey>());
  };
  LogicalPlan plan;
  plan.job = "test";
  plan.owned = {source_kind, sum_kind};

  SourceNode source;
  source.kind = source_kind.get();
  source.config.source = "feed";
  source.decoder.columns.resize(2);
  source.decoder.columns[0].field = {"key", Kind::string, false};
  source.decoder.columns[1].field = {"value", Kind::int64, false};
  source.decoder.used = {true, true};
  LogicalNode feed;
  feed.id = NodeId(0);
  feed.step = "feed";
  feed.role = "source";
  feed.outputs = {SumByKey::schema(), SumByKey::schema()};
  feed.ports = {"", "rejected"};
  feed.body = source;

  OperatorNode op;
  op.kind = sum_kind.get();
  LogicalNode sum;
  sum.id = NodeId(1);
  sum.step = "sum";
  sum.role = "sum";
  sum.inputs = {{NodeId(0), 0}};
  sum.outputs = {SumByKey::schema()};
  sum.ports = {""};
  sum.exchange_keys = {0};
  sum.body = op;

  auto config = std::make_shared<SinkConfig>();
  config->sink = "out";
  SinkNode sink;
  sink.config = config;
  LogicalNode out;
  out.id = NodeId(2);
  out.step = "out";
  out.role = "sink";
  out.inputs = {{NodeId(1), 0}};
  out.body = sink;
  plan.nodes = {feed, sum, out};
  return std::make_shared<LogicalPlan>(with_test_world(plan, world));
}

void fill(TestWorld& world, uint64_t seed, int partitions, int rows) {
  std::mt19937_64 random(seed);
  TestFeed& feed = world.feeds["feed"];
  feed.partitions = partitions;
  feed.rows.resize(static_cast<size_t>(partitions));
  for (int i = 0; i < rows; ++i) {
    TestRow row;
    row.partition = Partition(static_cast<int32_t>(random() % static_cast<uint64_t>(partitions)));
    row.columns = {Value::string("k" + std::to_string(random() % 50)),
                   Value::int64(static_cast<int64_t>(random() % 100))};
    feed.rows[static_cast<size_t>(row.partition.value)].push_back(row);
  }
  feed.ended = true;
}

std::map<std::string, int64_t> expected(const TestWorld& world) {
  std::map<std::string, int64_t> sums;
  for (const auto& partition : world.feeds.at("feed").rows) {
    for (const TestRow& row : partition) sums[row.columns[0].text] += row.columns[1].integer;
  }
  return sums;
}

std::map<std::string, int64_t> collected(const TestWorld& world) {
  std::map<std::string, int64_t> sums;
  for (const Batch& batch : world.collections.at("out").batches) {
    for (int32_t i = 0; i < batch.rows; ++i) {
      const auto [it, fresh] = sums.emplace(batch.column(0).string(i), batch.column(1).values<int64_t>()[i]);
      EXPECT_TRUE(fresh) << it->first << " came twice";
    }
  }
  return sums;
}

ExecutionOptions options_for(VirtualEnv& env, std::shared_ptr<JobStorage> storage, int parallelism,
                             int batch_rows) {
  ExecutionOptions options;
  options.env = &env;
  options.storage = std::move(storage);
  options.parallelism = parallelism;
  options.batch_rows = batch_rows;
  options.checkpoint_interval = 5;
  options.job_test = true;
  return options;
}

TEST(JobExecution, SameResultAtAnyParallelismBatchSizeAndInterleaving) {
  for (const int parallelism : {1, 2, 3}) {
    for (const int batch_rows : {1, 7, 1024}) {
      const uint64_t seed = static_cast<uint64_t>(parallelism * 1000 + batch_rows);
      SCOPED_TRACE("seed " + std::to_string(seed));
      auto world = std::make_shared<TestWorld>();
      fill(*world, seed, 4, 500);
      auto plan = make_plan(world);
      VirtualEnv env(seed);
      auto job = JobExecution::start(
          plan, options_for(env, std::make_shared<MemoryJobStorage>(), parallelism, batch_rows));
      ASSERT_TRUE(job.ok()) << job.status().to_string();
      std::mt19937_64 random(seed);
      test::run_seeded(**job, env, random);
      EXPECT_EQ((*job)->phase(), JobPhase::finished) << (*job)->result().to_string();
      EXPECT_EQ(collected(*world), expected(*world));
    }
  }
}

// A microsecond passes at every look at the clock.
class TickingEnv : public VirtualEnv {
 public:
  using VirtualEnv::VirtualEnv;
  Micros monotonic() override {
    advance(1);
    return VirtualEnv::monotonic();
  }
  int64_t cpu_nanos() override { return 1000 * monotonic(); }
};

TEST(JobExecution, TimeIsBookedOnceWithTheNodeThatSpentIt) {
  auto world = std::make_shared<TestWorld>();
  fill(*world, 3, 4, 500);
  TickingEnv env(3);
  auto job =
      JobExecution::start(make_plan(world), options_for(env, std::make_shared<MemoryJobStorage>(), 1, 7));
  ASSERT_TRUE(job.ok()) << job.status().to_string();
  std::mt19937_64 random(3);
  test::run_seeded(**job, env, random);
  ASSERT_EQ((*job)->phase(), JobPhase::finished) << (*job)->result().to_string();
  for (const auto& task : (*job)->graph().counters()) {
    int64_t nodes = 0;
    for (const auto& node : task->operators) {
      EXPECT_GT(node->busy_nanos.get(), 0);
      nodes += node->busy_nanos.get();
    }
    EXPECT_LE(nodes, task->task.busy_nanos.get() + task->task.idle_nanos.get());
  }
}

TEST(JobExecution, CrashesAtAnyStepLoseAndDoubleNothing) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto world = std::make_shared<TestWorld>();
    fill(*world, seed, 3, 200);
    auto plan = make_plan(world);
    auto storage = std::make_shared<MemoryJobStorage>();
    std::mt19937_64 random(seed);
    VirtualEnv env(seed);
    for (int attempt = 0;; ++attempt) {
      world->collections["out"]
          .batches.clear();  // the collecting sink has no epochs: the last attempt's rows count
      auto job = JobExecution::start(plan, options_for(env, storage, 1, 5));
      ASSERT_TRUE(job.ok()) << job.status().to_string();
      test::run_seeded(**job, env, random, attempt < 3 ? static_cast<int64_t>(random() % 600) : -1);
      if ((*job)->over()) {
        ASSERT_EQ((*job)->phase(), JobPhase::finished) << (*job)->result().to_string();
        break;
      }
      env.drop_offload();
    }
    EXPECT_EQ(collected(*world), expected(*world));
  }
}

// Also of checkpoints that were begun and never published: what a sink prepared under a number is that
// attempt's alone.
TEST(JobExecution, NoEpochComesTwice) {
  auto storage = std::make_shared<MemoryJobStorage>();
  std::mt19937_64 random(7);
  VirtualEnv env(7);
  int64_t newest = 0;
  int unpublished = 0;
  for (int attempt = 0; attempt < 60; ++attempt) {
    auto world = std::make_shared<TestWorld>();
    fill(*world, 1, 2, 50);
    world->feeds["feed"].ended = false;
    auto job = JobExecution::start(make_plan(world), options_for(env, storage, 1, 5));
    ASSERT_TRUE(job.ok()) << job.status().to_string();
    test::run_seeded(**job, env, random, static_cast<int64_t>(random() % 60));
    const CoordinatorState state = (*job)->status();
    if (state.last_complete == Epoch(0)) newest = 0;  // the lineage was never stored
    const int64_t before = newest;
    for (const CheckpointRecord& record : state.history) {
      EXPECT_GT(record.epoch.value, before) << "attempt " << attempt;
      newest = std::max(newest, record.epoch.value);
    }
    for (const UnpublishedCheckpoint& one : state.unpublished) {
      EXPECT_GT(one.record.epoch.value, before) << "attempt " << attempt;
      newest = std::max(newest, one.record.epoch.value);
    }
    if (state.current) {
      EXPECT_GT(state.current->epoch.value, before) << "attempt " << attempt;
      newest = std::max(newest, state.current->epoch.value);
      ++unpublished;
    }
    env.drop_offload();
  }
  EXPECT_GT(unpublished, 10) << "the test kills too late";
}

TEST(JobExecution, NothingIsReadBehindTheLastBarrierOfAPause) {
  for (const int parallelism : {1, 3}) {
    auto world = std::make_shared<TestWorld>();
    fill(*world, 3, 4, 200);
    world->feeds["feed"].ended = false;
    VirtualEnv env(3);
    std::mt19937_64 random(3);
    auto options = options_for(env, std::make_shared<MemoryJobStorage>(), parallelism, 16);
    options.checkpoint_interval = kEndOfTime / 4;
    auto job = *JobExecution::start(make_plan(world), options);
    test::run_seeded(*job, env, random, 5000);
    job->request_stop();
    job->pump();
    ASSERT_EQ(job->phase(), JobPhase::stopping);
    fill(*world, 4, 4, 200);  // comes while the last checkpoint is made
    world->feeds["feed"].ended = false;
    test::run_seeded(*job, env, random);
    ASSERT_EQ(job->phase(), JobPhase::stopped);
    int64_t polled = 0;
    for (const auto& counters : job->graph().counters()) polled += counters->source.polled.get();
    EXPECT_EQ(polled, 200) << "parallelism " << parallelism;
  }
}

// A wall clock that jumps, between checkpoints or in the middle of one, neither fails a job nor holds its
// next checkpoint back.
TEST(JobExecution, CheckpointsFollowNoClockThatJumps) {
  constexpr int64_t kDay = 86'400 * kMicrosPerSecond;
  for (const int64_t jump : {8 * kDay, -8 * kDay, 365 * kDay, -365 * kDay}) {
    for (const bool within : {false, true}) {
      SCOPED_TRACE(std::to_string(jump / kDay) + (within ? " days, within a checkpoint" : " days"));
      VirtualEnv env;
      test::SmallJob job(env, 50, 2);
      job.run(2'000);
      for (int i = 0; i < 3; ++i) {
        const Epoch before = job.execution->status().last_complete;
        env.advance(1'100'000);
        if (within) {
          for (int k = 0; k < 1'000 && !job.execution->status().current; ++k) job.run(1);
          ASSERT_TRUE(job.execution->status().current);
        }
        env.jump_wall_clock(i == 1 ? -jump : jump);  // there, back, and there again
        job.run(3'000);
        const CoordinatorState state = job.execution->status();
        ASSERT_EQ(state.phase, JobPhase::running) << job.execution->result().to_string();
        ASSERT_GT(state.last_complete.value, before.value);
        // Shown by the wall clock, as it is now.
        EXPECT_LE(std::abs(state.history.front().completed_at - env.now()), 10 * kMicrosPerSecond);
      }
    }
  }
}

TEST(JobExecution, StopIsAPauseThatFiresNothing) {
  auto world = std::make_shared<TestWorld>();
  fill(*world, 1, 2, 100);
  world->feeds["feed"].ended = false;
  auto plan = make_plan(world);
  auto storage = std::make_shared<MemoryJobStorage>();
  VirtualEnv env(1);
  std::mt19937_64 random(1);
  auto first = JobExecution::start(plan, options_for(env, storage, 1, 10));
  ASSERT_TRUE(first.ok());
  test::run_seeded(**first, env, random, 2000);
  (*first)->request_stop();
  test::run_seeded(**first, env, random);
  EXPECT_EQ((*first)->phase(), JobPhase::stopped);
  EXPECT_TRUE(world->collections["out"].batches.empty());

  world->feeds["feed"].ended = true;
  auto second = JobExecution::start(plan, options_for(env, storage, 1, 10));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->lineage(), (*first)->lineage());
  test::run_seeded(**second, env, random);
  EXPECT_EQ((*second)->phase(), JobPhase::finished);
  EXPECT_EQ(collected(*world), expected(*world));
}

}  // namespace job_execution_test
}  // namespace rideflow
