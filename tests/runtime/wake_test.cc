// Sources, background work and the coordinator wake the tasks that wait for them: nobody polls.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "dsl/job.h"
#include "engine/time.h"
#include "engine/virtual_env.h"
#include "runtime/memory_job_storage.h"
#include "runtime/posix_env.h"
#include "runtime/posix_process.h"
#include "runtime/worker_job.h"
#include "tests/runtime/due_steps.h"
#include "tests/support/operator_contract.h"
#include "tests/support/temp_dir.h"
#include "topics/topic_store.h"

namespace rideflow::test {
namespace wake_test {

constexpr char kJob[] = R"(job: wake
sources:
  rides:
    topic: {name: rides, partitions: 3, start: earliest}
    format: json
    schema: {city: string, time: timestamp}
    event_time: {column: time, out_of_order: 0s, idle_after: 2s, max_ahead: 0s}
  others:
    topic: {name: others, partitions: 1, start: earliest}
    format: json
    schema: {city: string, time: timestamp}
    event_time: {column: time, out_of_order: 0s, idle_after: 2s, max_ahead: 0s}
streams:
  all: {union: [rides, others]}
  minutes: {from: all, key_by: [city], window: {tumbling: 10s}, aggregate: {n: count()}}
sinks:
  out: {from: minutes, topic: {name: counted, partitions: 1}}
)";

// The job over topics in `env`, which outlives it.
class TopicJob {
 public:
  TopicJob(Env& env, const std::string& dir, int parallelism) : store_(*TopicStore::open(env, dir)) {
    resources_.add<TopicStore>("", store_);
    LoadedJob loaded = load_job(kJob, "job.yaml", full_catalog());
    EXPECT_TRUE(loaded.ok()) << format_diagnostics(loaded);
    plan = loaded.plan;
    options.env = &env;
    options.resources = &resources_;
    options.storage = std::make_shared<MemoryJobStorage>();
    options.parallelism = parallelism;
    options.checkpoint_interval = kEndOfTime / 4;
  }

  void append(const std::string& topic, int partition, Micros time) {
    const std::string payload =
        fmt::format(R"({{"city":"c{}","time":"{}"}})", time / kMicrosPerSecond % 5, format_timestamp(time));
    TopicRecord record;
    record.payload = payload;
    const auto ticket = (*store_->find(topic))->append({record}, Partition(partition));
    ASSERT_TRUE(ticket.ok()) << ticket.status().to_string();
  }
  static int64_t polled(const JobExecution& job) {
    int64_t n = 0;
    for (const auto& task : job.graph().counters()) n += task->source.polled.get();
    return n;
  }
  static int64_t windows(const JobExecution& job) {
    int64_t n = 0;
    for (const auto& task : job.graph().counters()) {
      for (size_t i = 0; i < task->nodes.size(); ++i) {
        const auto& node = job.graph().plan().logical->nodes[static_cast<size_t>(task->nodes[i].value)];
        if (node.role == "sink") n += task->operators[i]->rows_in.get();
      }
    }
    return n;
  }

  std::shared_ptr<const LogicalPlan> plan;
  ExecutionOptions options;

 private:
  std::shared_ptr<TopicStore> store_;
  Resources resources_;
};

Micros second(int n) {
  return VirtualEnv::kStart + n * kMicrosPerSecond;
}

TEST(Wake, RecordsCheckpointsAndWindowsComeWithoutATaskThatAsks) {
  for (const int parallelism : {1, 3}) {
    VirtualEnv env;
    TopicJob world(env, "topics", parallelism);
    auto job = *JobExecution::start(world.plan, world.options);
    run_due(*job, env);
    ASSERT_EQ(job->phase(), JobPhase::running);
    for (const auto& task : job->tasks()) EXPECT_GE(task->next_run(), env.monotonic() + 50'000);

    for (int p = 0; p < 3; ++p) world.append("rides", p, second(5));
    world.append("others", 0, second(5));
    run_due(*job, env);
    EXPECT_EQ(TopicJob::polled(*job), 4);
    EXPECT_EQ(TopicJob::windows(*job), 0);

    for (int p = 0; p < 3; ++p) world.append("rides", p, second(15));
    world.append("others", 0, second(15));
    run_due(*job, env);
    EXPECT_EQ(TopicJob::windows(*job), 1);  // all of one city

    job->request_checkpoint();
    run_due(*job, env);
    EXPECT_EQ(job->status().history.size(), 2U);
    EXPECT_EQ(env.monotonic(), 0);
  }
}

// Sources that are silent are left out of the watermark at the moment when they may be.
TEST(Wake, IdlenessComesInTime) {
  for (const int parallelism : {1, 3}) {
    VirtualEnv env;
    TopicJob world(env, "topics", parallelism);
    auto job = *JobExecution::start(world.plan, world.options);
    run_due(*job, env);
    world.append("rides", 1, second(5));
    world.append("rides", 1, second(15));
    run_due(*job, env);
    EXPECT_EQ(TopicJob::windows(*job), 0);  // the others may have something to say
    while (env.monotonic() < 3 * kMicrosPerSecond && TopicJob::windows(*job) == 0) {
      world.append("rides", 1, second(15));  // this one goes on
      run_due(*job, env);
      Micros next = kEndOfTime;
      for (const auto& task : job->tasks()) next = std::min(next, task->next_run());
      env.advance(std::max<Micros>(1, next - env.monotonic()));
      run_due(*job, env);
    }
    EXPECT_EQ(TopicJob::windows(*job), 1);
    EXPECT_EQ(env.monotonic(), 2 * kMicrosPerSecond);
  }
}

// Whatever the order: a step of a task that is not due has nothing to do.
TEST(Wake, WhoIsNotDueFindsNothing) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    VirtualEnv env(seed);
    TopicJob world(env, "topics", 1 + static_cast<int>(seed % 3));
    world.options.checkpoint_interval = 50'000;
    world.options.batch_rows = 4;
    auto job = *JobExecution::start(world.plan, world.options);
    Micros time = second(0);
    for (int i = 0; i < 2'000; ++i) {
      const size_t pick = random() % (job->tasks().size() + 4);
      if (pick < job->tasks().size()) {
        Task& task = *job->tasks()[pick];
        const bool due = task.due(env.monotonic());
        const StepResult result = task.step();
        ASSERT_TRUE(due || result != StepResult::worked) << "task " << pick << ", step " << i;
      } else if (pick == job->tasks().size()) {
        time += static_cast<Micros>(random() % 3) * kMicrosPerSecond;
        if (random() % 2 == 0) world.append("others", 0, time);
        if (random() % 2 == 0) world.append("rides", static_cast<int>(random() % 3), time);
      } else if (pick == job->tasks().size() + 1) {
        env.step_offload(true);
      } else if (pick == job->tasks().size() + 2) {
        job->pump();
      } else {
        env.advance(random() % 50 == 0 ? 1'000'000 : 100);
      }
    }
    run_due(*job, env);
    EXPECT_GT(TopicJob::polled(*job), 0);
  }
}

TEST(Wake, AWakeBeforeTheSleepIsNotSleptOver) {
  Sleeper sleeper;
  sleeper.wake();
  sleeper.sleep(kEndOfTime);
  std::atomic<bool> over{false};
  std::thread other([&] {
    while (!over.load()) sleeper.wake();
  });
  for (int i = 0; i < 1'000; ++i) sleeper.sleep(kEndOfTime);
  over.store(true);
  other.join();
}

// Two threads that hand a ball over and back: one wake that gets lost, and both sleep for ever.
TEST(Wake, NoWakeIsLostBetweenThreads) {
  Sleeper first;
  Sleeper second;
  std::atomic<int> ball{0};
  constexpr int kThrows = 20'000;
  std::thread other([&] {
    for (int i = 1; i < kThrows; i += 2) {
      while (ball.load() != i) second.sleep(kEndOfTime);
      ball.store(i + 1);
      first.wake();
    }
  });
  for (int i = 0; i < kThrows; i += 2) {
    while (ball.load() != i) first.sleep(kEndOfTime);
    ball.store(i + 1);
    second.wake();
  }
  other.join();
  EXPECT_EQ(ball.load(), kThrows);
}

TEST(Wake, WorkersReadWhatIsAppendedWhileTheyRun) {
  const TempDir dir;
  PosixEnvOptions quiet;
  quiet.log_level = LogLevel::error;
  PosixEnv env(quiet);
  TopicJob world(env, dir / "topics", 2);
  world.options.checkpoint_interval = 20'000;
  auto job = LocalJob::start(world.plan, world.options);
  ASSERT_TRUE(job.ok()) << job.status().to_string();
  constexpr int kRecords = 300;
  for (int i = 0; i < kRecords; ++i) {
    world.append("rides", i % 3, second(i));
    if (i % 10 == 0) {
      while (!(*job)->over() && TopicJob::polled((*job)->execution()) < i + 1) sleep_ms(1);
    }
  }
  while (!(*job)->over() && TopicJob::polled((*job)->execution()) < kRecords) sleep_ms(1);
  (*job)->stop();
  EXPECT_TRUE((*job)->wait().ok());
  EXPECT_EQ(TopicJob::polled((*job)->execution()), kRecords);
}

}  // namespace wake_test
}  // namespace rideflow::test
