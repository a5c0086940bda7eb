// A job through its attempts, on threads of its own, over a disk that fails when it is told to.
#include "runtime/worker_attempts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/job.h"
#include "runtime/memory_job_storage.h"
#include "runtime/posix_env.h"
#include "runtime/posix_process.h"
#include "tests/support/operator_contract.h"
#include "tests/support/temp_dir.h"
#include "topics/topic_store.h"

namespace rideflow::test {
namespace worker_attempts_test {

using testing::HasSubstr;

constexpr const char* kCopy = R"(job: copy
sources:
  rides:
    topic: {name: rides, start: earliest}
    format: json
    schema: {n: int64}
sinks:
  out: {from: rides, topic: {name: copied}}
)";

PosixEnvOptions quiet() {
  PosixEnvOptions options;
  options.log_level = LogLevel::error;
  return options;
}

template <class Condition>
bool wait_for(const Condition& condition) {
  for (int i = 0; i < 60'000; ++i) {
    if (condition()) return true;
    sleep_ms(1);
  }
  return false;
}

// Counts how often somebody asks whether background work is done.
class CountingEnv : public PosixEnv {
 public:
  using Env::offload;
  using PosixEnv::PosixEnv;
  std::shared_ptr<Completion> offload(std::function<Status()> work, Lane lane) override {
    return std::make_shared<Counted>(PosixEnv::offload(std::move(work), lane), asked);
  }
  std::shared_ptr<std::atomic<int64_t>> asked = std::make_shared<std::atomic<int64_t>>(0);

 private:
  class Counted : public Completion {
   public:
    Counted(std::shared_ptr<Completion> inner, std::shared_ptr<std::atomic<int64_t>> asked)
        : inner_(std::move(inner)), asked_(std::move(asked)) {}
    bool done() const override {
      asked_->fetch_add(1);
      return inner_->done();
    }
    Status status() const override { return inner_->status(); }

   private:
    const std::shared_ptr<Completion> inner_;
    const std::shared_ptr<std::atomic<int64_t>> asked_;
  };
};

// Checkpoints in memory. As many as it is told to can't be written; the next one may be held.
class FailingStorage : public JobStorage {
 public:
  Result<std::optional<Checkpoint>> load() override {
    loads.fetch_add(1);
    return memory_.load();
  }
  Result<Epoch> begin_attempt(const std::string& lineage) override { return memory_.begin_attempt(lineage); }
  Result<StateTable*> restored_cells(TaskId task, const std::string& node) override {
    return memory_.restored_cells(task, node);
  }
  void finish_restore() override { memory_.finish_restore(); }
  Result<std::shared_ptr<TaskStateBackend>> backend(TaskId task) override { return memory_.backend(task); }
  Result<int64_t> publish(const Checkpoint& checkpoint) override {
    while (hold.load()) sleep_ms(1);
    if (failures.load() > 0) {
      failures.fetch_sub(1);
      return Status::external(Code::resource_exhausted, "no room");
    }
    return memory_.publish(checkpoint);
  }

  std::atomic<int> failures{0}, loads{0};
  std::atomic<bool> hold{false};

 private:
  MemoryJobStorage memory_;
};

class WorkerAttempts : public testing::Test {
 protected:
  WorkerAttempts() : env_(quiet()) {
    topics_ = *TopicStore::open(env_, dir_ / "topics");
    resources_.add<TopicStore>("", topics_);
    EXPECT_TRUE(topics_->create("rides", {}).ok());
    plan_ = load_job(kCopy, "job.yaml", full_catalog()).plan;
    policy_.first_pause = 1'000;
    policy_.longest_pause = 2'000;
  }
  void produce(int records) {
    for (int i = 0; i < records; ++i) {
      TopicRecord record;
      const std::string text = fmt::format("{{\"n\":{}}}", i);
      record.payload = text;
      ASSERT_TRUE((*topics_->find("rides"))->append_now({record}).ok());
    }
  }
  int64_t copied() {
    const auto found = topics_->find("copied");
    return found.ok() ? (*found)->records() : 0;
  }
  AttemptedJob::Build build() {
    return [this](Epoch first, const Care& care) {
      ExecutionOptions options;
      options.env = &env_;
      options.resources = &resources_;
      options.storage = storage_;
      options.checkpoint_interval = 5'000;
      options.checkpoint_timeout = timeout_;
      options.drop_before = first;
      options.care = care;
      return LocalJob::start(plan_, options);
    };
  }
  std::shared_ptr<AttemptedJob> start() {
    auto job = AttemptedJob::start(env_, "copy", policy_, build());
    EXPECT_TRUE(job.ok()) << job.status().to_string();
    return *job;
  }

  TempDir dir_;
  CountingEnv env_;
  std::shared_ptr<TopicStore> topics_;
  Resources resources_;
  std::shared_ptr<const LogicalPlan> plan_;
  std::shared_ptr<FailingStorage> storage_ = std::make_shared<FailingStorage>();
  RestartPolicy policy_;
  std::atomic<int64_t> timeout_{600 * kMicrosPerSecond};
};

TEST_F(WorkerAttempts, FailedCheckpointsLoseAndDoubleNothing) {
  const auto job = start();
  for (int round = 0; round < 5; ++round) {
    storage_->failures = 2;
    produce(20);
    ASSERT_TRUE(wait_for([&] { return copied() >= 20 * (round + 1); })) << copied();
  }
  EXPECT_GE(job->attempts().size(), 5u);
  EXPECT_THAT(job->attempts().at(1).cause.to_string(), HasSubstr("no room"));
  EXPECT_GT(job->attempts().at(1).ended_at, job->attempts().at(1).started_at);
  job->stop();
  EXPECT_TRUE(job->wait().ok());
  EXPECT_EQ(job->state(), "stopped");
  EXPECT_EQ(job->error(), "");
  EXPECT_EQ(copied(), 100);
}

TEST_F(WorkerAttempts, EnoughIsEnough) {
  policy_.max_failures = 2;
  storage_->failures = 1'000;
  const auto job = start();
  const Status ended = job->wait();
  EXPECT_THAT(ended.to_string(), HasSubstr("failed 3 times within"));
  EXPECT_THAT(ended.to_string(), HasSubstr("no room"));
  EXPECT_EQ(job->state(), "failed");
  EXPECT_EQ(job->error(), ended.to_string());
  EXPECT_EQ(job->attempts().size(), 3u);
}

TEST_F(WorkerAttempts, AStopEndsAPause) {
  policy_.first_pause = policy_.longest_pause = 3'600 * kMicrosPerSecond;
  storage_->failures = 1;
  const auto job = start();
  ASSERT_TRUE(wait_for([&] { return job->state() == "restarting" && !job->error().empty(); }));
  EXPECT_THAT(job->error(), HasSubstr("it is started again from its newest checkpoint in"));
  EXPECT_FALSE(job->over());
  job->stop();
  EXPECT_THAT(job->wait().to_string(), HasSubstr("no room"));
}

TEST_F(WorkerAttempts, WhatCannotBeBuiltIsTriedAgain) {
  std::atomic<int> left{3};
  const auto job = AttemptedJob::start_soon(
      env_, "copy", policy_, [&](Epoch first, const Care& care) -> Result<std::unique_ptr<LocalJob>> {
        if (left-- > 0) return Status::external(Code::unavailable, "not yet");
        return build()(first, care);
      });
  produce(5);
  ASSERT_TRUE(wait_for([&] { return copied() == 5; }));
  EXPECT_EQ(job->attempts().size(), 4u);
  EXPECT_EQ(job->attempts().at(1).cause.message(), "not yet");
  // A first attempt whose failure somebody waits for is told instead.
  const auto told = AttemptedJob::start(env_, "other", policy_,
                                        [&](Epoch, const Care&) -> Result<std::unique_ptr<LocalJob>> {
                                          return Status::external(Code::unavailable, "not yet");
                                        });
  EXPECT_EQ(told.status().message(), "not yet");
}

// A dead attempt's checkpoint is the newest, or never will be, before the next one looks for it.
TEST_F(WorkerAttempts, ACheckpointThatIsStillBeingWrittenIsWaitedFor) {
  timeout_ = 2 * kMicrosPerSecond;
  const auto job = start();
  produce(5);
  ASSERT_TRUE(wait_for([&] { return copied() == 5; }));
  storage_->hold = true;
  const auto stuck = job->execution();
  ASSERT_TRUE(wait_for([&] { return stuck->phase() == JobPhase::failed; }));
  timeout_ = 600 * kMicrosPerSecond;
  // It is dead, and still asked about: then nobody has looked for its checkpoints yet.
  const int64_t asked = *env_.asked;
  ASSERT_TRUE(wait_for([&] { return *env_.asked > asked + 3 || storage_->loads > 1; }));
  EXPECT_EQ(storage_->loads, 1);
  storage_->hold = false;
  ASSERT_TRUE(wait_for([&] { return storage_->loads == 2; }));
  produce(5);
  ASSERT_TRUE(wait_for([&] { return copied() >= 10; }));
  job->stop();
  EXPECT_TRUE(job->wait().ok());
  EXPECT_EQ(copied(), 10);
}

}  // namespace worker_attempts_test
}  // namespace rideflow::test
