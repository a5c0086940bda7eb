// A source that has to look again whether what it read is still there: its checkpoints wait for the answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "runtime/job_execution.h"
#include "tests/runtime/small_job.h"

namespace rideflow {
namespace confirmed_source_test {

using testing::HasSubstr;

// What the store answers, when it does.
struct Store {
  std::optional<Status> answer;
  int asked = 0;
};

class Answer : public Completion {
 public:
  explicit Answer(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  bool done() const override { return store_->answer.has_value(); }
  Status status() const override { return *store_->answer; }

 private:
  std::shared_ptr<Store> store_;
};

class ConfirmingReader : public RecordReader {
 public:
  ConfirmingReader(std::unique_ptr<RecordReader> feed, std::shared_ptr<Store> store)
      : feed_(std::move(feed)), store_(std::move(store)) {}
  Status open(const OpenContext& context) override { return feed_->open(context); }
  Result<std::vector<Partition>> partitions() override { return feed_->partitions(); }
  bool may_grow() const override { return feed_->may_grow(); }
  Result<Position> resolve(Partition p, StartAt at, Micros time) override {
    return feed_->resolve(p, at, time);
  }
  Result<Position> end(Partition p) override { return feed_->end(p); }
  Status assign(Partition p, const Position& position) override { return feed_->assign(p, position); }
  Result<Poll> poll(Partition p, int32_t budget) override {
    read_ = true;
    return feed_->poll(p, budget);
  }
  Position position(Partition p) const override { return feed_->position(p); }
  Confirmation confirm() override {
    if (!read_) return {};
    ++store_->asked;
    return {std::make_shared<Answer>(store_), "the store of the feed"};
  }

 private:
  std::unique_ptr<RecordReader> feed_;
  std::shared_ptr<Store> store_;
  bool read_ = false;
};

// The feed of the small job, over a store that must confirm.
std::function<void(LogicalPlan&)> confirmed_by(const std::shared_ptr<Store>& store) {
  return [store](LogicalPlan& plan) {
    auto& source = std::get<SourceNode>(plan.nodes[0].body);
    auto kind = std::make_shared<SourceKind>(*source.kind);
    kind->make = [store, make = source.kind->make](
                     const SourceConfig& config) -> Result<std::unique_ptr<RecordReader>> {
      RF_ASSIGN(std::unique_ptr<RecordReader> feed, make(config));
      return std::unique_ptr<RecordReader>(std::make_unique<ConfirmingReader>(std::move(feed), store));
    };
    source.kind = kind.get();
    plan.owned.push_back(std::move(kind));
  };
}

TEST(ConfirmedSource, CheckpointsWaitForTheAnswer) {
  VirtualEnv env;
  const auto store = std::make_shared<Store>();
  test::SmallJob job(env, 50, 1, confirmed_by(store));
  job.run(2'000);
  const Epoch first = job.execution->status().last_complete;
  ASSERT_EQ(first.value, 1) << "the one before the first row";
  env.advance(1'100'000);
  job.run(2'000);
  EXPECT_GT(store->asked, 0);
  EXPECT_EQ(job.execution->status().last_complete, first);
  EXPECT_TRUE(job.execution->waiting().empty()) << "not worth a word yet";
  env.advance(700 * kMicrosPerSecond);
  job.run(2'000);
  ASSERT_EQ(job.execution->phase(), JobPhase::running) << job.execution->result().to_string();
  EXPECT_EQ(job.execution->status().last_complete, first);
  const auto waiting = job.execution->waiting();
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].step, "feed");
  EXPECT_EQ(waiting[0].what, "the store of the feed");
  EXPECT_TRUE(waiting[0].holds_checkpoints);
  store->answer = Status();
  job.run(2'000);
  EXPECT_GT(job.execution->status().last_complete, first);
  EXPECT_TRUE(job.execution->waiting().empty());
}

TEST(ConfirmedSource, AStopDoesNotWaitForTheAnswer) {
  VirtualEnv env;
  const auto store = std::make_shared<Store>();
  test::SmallJob job(env, 50, 1, confirmed_by(store));
  job.run(2'000);
  job.execution->request_stop();
  job.run(2'000);
  EXPECT_EQ(job.execution->phase(), JobPhase::stopping);
  for (int i = 0; i < 10 && !job.execution->over(); ++i) {
    env.advance(kMicrosPerSecond);
    job.run(1'000);
  }
  EXPECT_EQ(job.execution->phase(), JobPhase::stopped);
  EXPECT_THAT(job.execution->result().message(), HasSubstr("which would wait for the store of the feed"));
}

TEST(ConfirmedSource, AnotherStoreEndsTheJobAndNothingIsPublished) {
  VirtualEnv env;
  const auto store = std::make_shared<Store>();
  test::SmallJob job(env, 50, 2, confirmed_by(store));
  job.run(2'000);
  env.advance(1'100'000);
  job.run(2'000);
  store->answer = Status::user(Code::data_loss, "something else is there");
  job.run(2'000);
  EXPECT_EQ(job.execution->phase(), JobPhase::failed);
  EXPECT_EQ(job.execution->status().last_complete.value, 1);
  EXPECT_THAT(job.execution->result().to_string(), HasSubstr("something else is there"));
  EXPECT_THAT(job.execution->result().to_string(), HasSubstr("feed"));
}

}  // namespace confirmed_source_test
}  // namespace rideflow
