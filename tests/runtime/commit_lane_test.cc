// Sinks say whom their commits wait for: a server that does not answer holds no thread of the disk's.
#include <gtest/gtest.h>

#include "tests/runtime/small_job.h"

namespace rideflow {
namespace commit_lane_test {

// In which lane each piece of work was handed over.
class LaneEnv : public VirtualEnv {
 public:
  using Env::offload;
  std::shared_ptr<Completion> offload(std::function<Status()> work, Lane lane) override {
    if (lane == Lane::others) ++others;
    return VirtualEnv::offload(
        [this, work = std::move(work), lane] {
          const Lane before = std::exchange(running, lane);
          Status status = work();
          running = before;
          return status;
        },
        lane);
  }
  int others = 0;
  Lane running = Lane::disk;  // of the piece that runs now
};

struct Commits {
  int count = 0;
  Lane lane = Lane::disk;  // where the last one ran
};

class AskingSink : public Sink {
 public:
  AskingSink(LaneEnv& env, Lane lane, std::shared_ptr<Commits> commits)
      : env_(env), lane_(lane), commits_(std::move(commits)) {}
  Result<Progress> process(int, Batch&, Output&) override { return Progress::done; }
  Result<Prepared> prepare(Epoch) override { return Prepared{"handle", nullptr}; }
  Lane commit_lane() const override { return lane_; }
  Status commit(Epoch, const std::string&) override {
    ++commits_->count;
    commits_->lane = env_.running;
    return {};
  }

 private:
  LaneEnv& env_;
  const Lane lane_;
  std::shared_ptr<Commits> commits_;
};

std::shared_ptr<Commits> run_with(Lane lane, int& others) {
  LaneEnv env;
  auto commits = std::make_shared<Commits>();
  test::SmallJob job(env, 50, 1, [&](LogicalPlan& plan) {
    auto& sink = std::get<SinkNode>(plan.nodes.back().body);
    auto kind = std::make_shared<SinkKind>(*sink.kind);
    kind->make = [&env, lane, commits](std::shared_ptr<const SinkConfig>) -> Result<std::unique_ptr<Sink>> {
      return std::unique_ptr<Sink>(std::make_unique<AskingSink>(env, lane, commits));
    };
    sink.kind = kind.get();
    plan.owned.push_back(std::move(kind));
  });
  job.run(3'000);
  EXPECT_EQ(job.execution->phase(), JobPhase::running) << job.execution->result().to_string();
  EXPECT_GT(job.execution->status().history.size(), 0U) << "both lanes are waited for, and come";
  others = env.others;
  return commits;
}

TEST(CommitLane, ACommitThatAsksAServerIsNoWorkOfTheDisks) {
  int others = 0;
  const auto disk = run_with(Lane::disk, others);
  EXPECT_GT(disk->count, 0);
  EXPECT_EQ(disk->lane, Lane::disk);
  EXPECT_EQ(others, 0);
  const auto server = run_with(Lane::others, others);
  EXPECT_GT(server->count, 0);
  EXPECT_EQ(server->lane, Lane::others);
  EXPECT_GT(others, 0);
}

}  // namespace commit_lane_test
}  // namespace rideflow
