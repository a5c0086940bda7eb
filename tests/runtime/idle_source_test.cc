// A pause that all sources share, in a whole job whose tasks step in random order.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "dsl/job.h"
#include "engine/virtual_env.h"
#include "runtime/job_execution.h"
#include "runtime/job_test_world.h"
#include "runtime/memory_job_storage.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace idle_source_test {

constexpr char kJob[] = R"(job: paused
sources:
  rides:
    topic: {name: rides, start: earliest}
    format: json
    schema: {city: string, time: timestamp}
    event_time: {column: time, out_of_order: 0s, idle_after: 2s, max_ahead: 0s}
streams:
  minutes: {from: rides, key_by: [city], window: {tumbling: 10s}, aggregate: {n: count()}}
sinks:
  out: {from: minutes, discard: {}}
  late: {from: minutes.late, discard: {}}
)";

class PausedJob {
 public:
  explicit PausedJob(uint64_t seed) : random_(seed) {
    env_.set_auto_offload(true);
    world_->feeds["rides"].partitions = kPartitions;
    world_->feeds["rides"].rows.resize(kPartitions);
  }
  void start(int parallelism) {
    LoadedJob loaded = load_job(kJob, "job.yaml", full_catalog());
    ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded);
    plan_ = std::make_shared<LogicalPlan>(with_test_world(*loaded.plan, world_));
    ExecutionOptions options;
    options.env = &env_;
    options.storage = std::make_shared<MemoryJobStorage>();
    options.parallelism = parallelism;
    options.checkpoint_interval = kMicrosPerSecond;
    options.batch_rows = 16;
    options.job_test = true;
    auto job = JobExecution::start(plan_, options);
    ASSERT_TRUE(job.ok()) << job.status().to_string();
    job_ = *std::move(job);
  }
  void produce(int from, int seconds) {
    for (int p = 0; p < kPartitions; ++p) {
      for (int i = 0; i < seconds; ++i) {
        TestRow row;
        row.columns = {Value::string("c" + std::to_string((p + i) % 5)),
                       Value::timestamp(VirtualEnv::kStart + (from + i) * kMicrosPerSecond)};
        row.timestamp = VirtualEnv::kStart;
        world_->feeds["rides"].rows[static_cast<size_t>(p)].push_back(std::move(row));
      }
    }
  }
  void run(int steps, int64_t micros_per_step) {
    for (int i = 0; i < steps; ++i) {
      const size_t pick = random_() % (job_->tasks().size() + 1);
      if (pick < job_->tasks().size()) {
        job_->tasks()[pick]->step();
      } else {
        job_->pump();
      }
      env_.advance(micros_per_step);
    }
  }
  int64_t rows(const std::string& sink) const {
    int64_t n = 0;
    for (const Batch& batch : world_->collections[sink].batches) n += batch.rows;
    return n;
  }

 private:
  static constexpr int kPartitions = 4;
  VirtualEnv env_;
  std::shared_ptr<TestWorld> world_ = std::make_shared<TestWorld>();
  std::shared_ptr<const LogicalPlan> plan_;
  std::unique_ptr<JobExecution> job_;
  std::mt19937_64 random_;
};

TEST(IdleSource, ABurstAfterACommonPauseIsNotLateAtAnyParallelism) {
  for (const int parallelism : {1, 2, 4}) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      PausedJob job(seed);
      job.start(parallelism);
      job.produce(0, 100);
      job.run(6000, 2'000);
      job.produce(100, 1000);
      job.run(8000, 20);
      ASSERT_EQ(job.rows("late"), 0) << "parallelism " << parallelism << ", seed " << seed;
      ASSERT_GT(job.rows("out"), 300) << "parallelism " << parallelism << ", seed " << seed;
    }
  }
}

}  // namespace idle_source_test
}  // namespace rideflow::test
