// Operators and sinks that answer "not now": they get the same batch again, in order, before any watermark or
// barrier, and nobody else waits for them.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "engine/builder.h"
#include "engine/virtual_env.h"
#include "runtime/job_execution.h"
#include "runtime/job_test_world.h"
#include "runtime/memory_job_storage.h"
#include "tests/runtime/due_steps.h"
#include "tests/runtime/seeded_loop.h"

namespace rideflow::test {
namespace not_now_test {

SchemaRef schema() {
  return make_schema({{"key", Kind::string, false}, {"value", Kind::int64, false}});
}

// Whether to answer "not now", by what is shared of it and its test.
struct Mood {
  std::mt19937_64 random{1};
  bool closed = false;   // for good, until the test opens it and wakes the task
  int closes_after = 0;  // so many batches; 0: never
  int refused = 0;
  WakerRef waker;
};

// Takes some rows of a batch and hands them on; the others when work in the background has ended.
class Moody : public Sink {
 public:
  Moody(std::shared_ptr<Mood> mood, std::vector<Batch>* kept) : mood_(std::move(mood)), kept_(kept) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    mood_->waker = context.waker;
    return {};
  }
  bool ready() override {
    if (waits_ && waits_->done()) waits_ = nullptr;
    return !mood_->closed && !waits_;
  }
  Result<Progress> process(int, Batch& batch, Output& out) override {
    if (mood_->closes_after > 0 && --mood_->closes_after == 0) mood_->closed = true;
    if (!ready()) return refuse();
    const auto n = static_cast<int32_t>(mood_->random() % static_cast<uint64_t>(batch.rows + 1));
    if (n > 0) hand_on(rows_from(batch, 0, n), out);
    if (n == batch.rows) return Progress::done;
    batch = rows_from(batch, n, batch.rows);
    waits_ = env_->offload([] { return Status(); });
    waits_->wake_when_done(mood_->waker);
    return refuse();
  }
  Result<Progress> on_watermark(Micros watermark, Output&) override {
    EXPECT_FALSE(holds_) << "a watermark came before the rows";
    watermark_ = watermark;
    return Progress::done;
  }
  Result<Prepared> prepare(Epoch) override {
    EXPECT_FALSE(holds_) << "a barrier came before the rows";
    return Prepared{};
  }
  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  static Batch rows_from(const Batch& batch, int32_t from, int32_t to) {
    std::vector<int32_t> rows;
    for (int32_t row = from; row < to; ++row) rows.push_back(row);
    return take(batch, rows.data(), to - from);
  }
  Progress refuse() {
    holds_ = true;
    ++mood_->refused;
    return Progress::again;
  }
  void hand_on(Batch batch, Output& out) {
    holds_ = false;
    if (kept_ != nullptr) {
      kept_->push_back(std::move(batch));
    } else {
      out.emit(0, std::move(batch));
    }
  }

  std::shared_ptr<Mood> mood_;
  std::vector<Batch>* kept_;
  Env* env_ = nullptr;
  std::shared_ptr<Completion> waits_;
  bool holds_ = false;
  Micros watermark_ = kNoTime;
};

LogicalNode node(int id, const std::string& step, const std::string& role) {
  LogicalNode n;
  n.id = NodeId(id);
  n.step = step;
  n.role = role;
  return n;
}

// feed -> moody -> moody -> moody sink, in one call stack or, with `exchange`, in two tasks.
class MoodyJob {
 public:
  MoodyJob(VirtualEnv& env, int rows, bool exchange, uint64_t seed) : env_(env) {
    for (const auto& mood : moods) mood->random.seed(seed);
    TestFeed& feed = world_->feeds["feed"];
    feed.rows.resize(1);
    for (int i = 0; i < rows; ++i) {
      TestRow row;
      row.columns = {Value::string(std::string(300, 'k') + std::to_string(i % 7)), Value::int64(i)};
      row.timestamp = VirtualEnv::kStart + i * kMicrosPerSecond;
      feed.rows[0].push_back(row);
    }
    feed.ended = true;
    ExecutionOptions options;
    options.env = &env;
    options.storage = std::make_shared<MemoryJobStorage>();
    options.batch_rows = 16;
    options.checkpoint_interval = 20;
    options.job_test = true;
    auto started = JobExecution::start(plan(exchange), options);
    EXPECT_TRUE(started.ok()) << started.status().to_string();
    execution = *std::move(started);
  }

  std::vector<int64_t> values() const {
    std::vector<int64_t> all;
    for (const Batch& batch : kept_) {
      for (int32_t i = 0; i < batch.rows; ++i) all.push_back(batch.column(1).values<int64_t>()[i]);
    }
    return all;
  }
  int64_t polled() const { return execution->graph().counters()[0]->source.polled.get(); }

  std::vector<std::shared_ptr<Mood>> moods = {std::make_shared<Mood>(), std::make_shared<Mood>(),
                                              std::make_shared<Mood>()};
  std::shared_ptr<JobExecution> execution;

 private:
  std::shared_ptr<const LogicalPlan> plan(bool exchange) {
    auto source_kind = std::make_shared<SourceKind>();
    LogicalPlan plan;
    plan.job = "moody";
    plan.owned = {source_kind};
    LogicalNode feed = node(0, "feed", "source");
    SourceNode source;
    source.kind = source_kind.get();
    source.config.source = "feed";
    source.decoder.columns.resize(2);
    source.decoder.columns[0].field = {"key", Kind::string, false};
    source.decoder.columns[1].field = {"value", Kind::int64, false};
    source.decoder.used = {true, true};
    feed.outputs = {schema(), schema()};
    feed.ports = {"", "rejected"};
    feed.body = source;
    plan.nodes.push_back(feed);
    for (int i = 1; i <= 2; ++i) {
      auto kind = std::make_shared<OperatorKind>();
      kind->make = [mood = moods[static_cast<size_t>(i - 1)]](
                       std::shared_ptr<const StepConfig>) -> Result<std::unique_ptr<Operator>> {
        return std::unique_ptr<Operator>(std::make_unique<Moody>(mood, nullptr));
      };
      plan.owned.push_back(kind);
      LogicalNode op = node(i, "moody" + std::to_string(i), "moody");
      op.inputs = {{NodeId(i - 1), 0}};
      op.outputs = {schema()};
      op.ports = {""};
      if (exchange && i == 2) op.exchange_keys = {0};
      op.body = OperatorNode{kind.get(), nullptr};
      plan.nodes.push_back(op);
    }
    LogicalNode out = node(3, "out", "sink");
    out.inputs = {{NodeId(2), 0}};
    SinkNode sink;
    auto config = std::make_shared<SinkConfig>();
    config->sink = "out";
    sink.config = config;
    out.body = sink;
    plan.nodes.push_back(out);
    auto copy = std::make_shared<LogicalPlan>(with_test_world(plan, world_));
    auto sink_kind = std::make_shared<SinkKind>();
    sink_kind->make = [this](std::shared_ptr<const SinkConfig>) -> Result<std::unique_ptr<Sink>> {
      return std::unique_ptr<Sink>(std::make_unique<Moody>(moods[2], &kept_));
    };
    std::get<SinkNode>(copy->nodes[3].body).kind = sink_kind.get();
    copy->owned.push_back(sink_kind);
    return copy;
  }

  VirtualEnv& env_;
  std::shared_ptr<TestWorld> world_ = std::make_shared<TestWorld>();
  std::vector<Batch> kept_;
};

constexpr int kMany = 30'000;  // more than fit between two tasks

std::vector<int64_t> numbers(int n) {
  std::vector<int64_t> all(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) all[static_cast<size_t>(i)] = i;
  return all;
}

TEST(NotNow, TheSameRowsComeAgainInOrderBeforeWatermarksAndBarriers) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    for (const bool exchange : {false, true}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + (exchange ? ", two tasks" : ", one task"));
      VirtualEnv env(seed);
      std::mt19937_64 random(seed);
      MoodyJob job(env, 300, exchange, seed);
      run_seeded(*job.execution, env, random);
      ASSERT_EQ(job.execution->phase(), JobPhase::finished) << job.execution->result().to_string();
      EXPECT_EQ(job.values(), numbers(300));
      EXPECT_GT(job.moods[0]->refused + job.moods[1]->refused + job.moods[2]->refused, 10);
      EXPECT_GT(job.execution->status().history.size(), 2U);
    }
  }
}

// One thread steps the tasks of two jobs. The sink of one stands still: its source stops reading, its task
// sleeps, and the other job is as fast as alone, with its checkpoints.
TEST(NotNow, ASinkThatStandsStillHoldsUpNobodyElse) {
  VirtualEnv env;
  MoodyJob stuck(env, kMany, /*exchange=*/true, 1);
  stuck.moods[2]->closes_after = 5;
  run_due(*stuck.execution, env);
  EXPECT_EQ(stuck.execution->phase(), JobPhase::running);
  const int64_t read = stuck.polled();
  EXPECT_LT(read, kMany);
  const size_t checkpoints = stuck.execution->status().history.size();

  MoodyJob other(env, 3'000, /*exchange=*/true, 2);
  for (int i = 0; i < 100'000 && !other.execution->over(); ++i) {
    run_due(*other.execution, env);
    run_due(*stuck.execution, env);
    env.advance(1'000);
  }
  EXPECT_EQ(other.execution->phase(), JobPhase::finished);
  EXPECT_EQ(other.values(), numbers(3'000));
  EXPECT_GT(other.execution->status().history.size(), 1U);

  EXPECT_EQ(stuck.polled(), read) << "what is held grows";
  EXPECT_EQ(stuck.execution->status().history.size(), checkpoints);
  for (const auto& task : stuck.execution->graph().counters()) {
    EXPECT_EQ(task->task.longest_nanos.get(), 0) << "a step waited";
  }

  stuck.moods[2]->closed = false;
  stuck.moods[2]->waker->wake();
  for (int i = 0; i < 100'000 && !stuck.execution->over(); ++i) {
    run_due(*stuck.execution, env);
    env.advance(1'000);
  }
  EXPECT_EQ(stuck.values(), numbers(kMany));
}

}  // namespace not_now_test
}  // namespace rideflow::test
