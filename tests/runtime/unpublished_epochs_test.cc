// Sinks that publish late: checkpoints go on meanwhile, and after a crash every epoch that was prepared is
// published once, whatever the parallelism then.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "dsl/job.h"
#include "rollup/rollup_queries.h"
#include "rollup/rollup_store.h"
#include "runtime/memory_job_storage.h"
#include "tests/runtime/seeded_loop.h"
#include "tests/support/long_run.h"
#include "tests/support/operator_contract.h"
#include "topics/topic_store.h"

namespace rideflow::test {
namespace unpublished_epochs_test {

constexpr const char* kJob = R"(job: copy
sources:
  rides:
    topic: {name: rides, start: earliest}
    format: json
    schema: {n: int64}
sinks:
  copied: {from: rides, topic: {name: copied}}
  files: {from: rides, file: {directory: out}, format: json}
  live: {from: rides, rollup: {granularity: day, metrics: {rows: count(), n: sum(n)}}}
)";

TopicConfig four_partitions() {
  TopicConfig config;
  config.partitions = 4;
  return config;
}

// Commits are done when the test says so; everything else is VirtualEnv's.
class SlowCommits : public VirtualEnv {
 public:
  using Env::offload;
  using VirtualEnv::VirtualEnv;
  void kill_point(std::string_view name) override {
    if (name == "checkpoint_published") next_is_commit_ = true;
    VirtualEnv::kill_point(name);
  }
  std::shared_ptr<Completion> offload(std::function<Status()> work, Lane lane) override {
    if (!std::exchange(next_is_commit_, false)) return VirtualEnv::offload(std::move(work), lane);
    held_ = std::make_shared<Held>(std::move(work));
    return held_;
  }
  bool holds() const { return held_ != nullptr; }
  void let_go() {
    const auto held = std::exchange(held_, nullptr);
    if (held) held->run();
  }
  void drop_commit() { held_.reset(); }

 private:
  class Held : public Completion {
   public:
    explicit Held(std::function<Status()> work) : work_(std::move(work)) {}
    bool done() const override { return status_.has_value(); }
    Status status() const override { return *status_; }
    void run() {
      status_ = work_();
      notify();
    }

   private:
    std::function<Status()> work_;
    std::optional<Status> status_;
  };
  bool next_is_commit_ = false;
  std::shared_ptr<Held> held_;
};

class UnpublishedEpochs : public testing::TestWithParam<uint64_t> {
 protected:
  UnpublishedEpochs() : env_(GetParam()), random_(GetParam()) {
    plan_ = load_job(kJob, "job.yaml", full_catalog()).plan;
    open_stores();
    EXPECT_TRUE(topics_->create("rides", four_partitions()).ok());
  }
  ~UnpublishedEpochs() override { job_.reset(); }

  void open_stores() {
    auto opened = TopicStore::open(env_, "topics");
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    topics_ = *opened;
    auto rollups = RollupStore::open(&env_, "rollups");
    ASSERT_TRUE(rollups.ok()) << rollups.status().to_string();
    rollups_ = *rollups;
    resources_ = {};
    resources_.add<TopicStore>("", topics_);
    resources_.add<RollupStore>("rollups", rollups_);
  }
  void produce(int records) {
    env_.set_auto_offload(true);
    for (int i = 0; i < records; ++i) {
      const std::string payload = fmt::format("{{\"n\":{}}}", produced_++);
      TopicRecord record;
      record.payload = payload;
      const auto partition = Partition(static_cast<int32_t>(random_() % 4));
      ASSERT_TRUE((*topics_->find("rides"))->append_now({record}, partition).ok());
    }
    env_.set_auto_offload(false);
  }
  Status start() {
    ExecutionOptions options;
    options.env = &env_;
    options.resources = &resources_;
    options.storage = storage_;
    options.parallelism = static_cast<int32_t>(1 + random_() % 4);
    options.batch_rows = 3;
    options.checkpoint_interval = 5;
    env_.set_auto_offload(true);  // what is asked for at the start is waited for
    RF_ASSIGN(job_, JobExecution::start(plan_, options));
    env_.set_auto_offload(false);
    return {};
  }
  void run(int64_t steps) {
    for (int64_t i = 0; i < steps && !job_->over(); i += 20) {
      run_seeded(*job_, env_, random_, 20);
      most_unpublished_ = std::max(most_unpublished_, job_->status().unpublished.size());
      if (random_() % patience_ == 0) env_.let_go();
    }
  }
  void crash() {
    job_.reset();
    env_.drop_commit();
    env_.drop_offload();
    topics_.reset();
    rollups_.reset();
    resources_ = {};
    env_.fs().crash(VirtualFs::Crash::lose_unsynced);
    open_stores();
  }

  using Counts = std::map<std::string, int>;
  Counts expected() const {
    Counts counts;
    for (int i = 0; i < produced_; ++i) ++counts[fmt::format("{{\"n\":{}}}", i)];
    return counts;
  }
  Counts in_topic() {
    Counts counts;
    const std::shared_ptr<Topic> topic = *topics_->find("copied");
    for (int32_t partition = 0; partition < topic->partitions(); ++partition) {
      const auto reader = topic->reader(Partition(partition), 0);
      while (true) {
        const auto poll = reader->poll(100);
        if (!poll.ok() || poll->chunk == nullptr) break;
        for (const auto& record : poll->chunk->records) ++counts[std::string(record.payload)];
        if (poll->at_end) break;
      }
    }
    return counts;
  }
  Counts in_files() {
    Counts counts;
    for (const std::string& path : env_.fs().files("out")) {
      std::string_view content;
      const std::string bytes = env_.fs().content(path);
      content = bytes;
      while (!content.empty()) {
        const size_t end = content.find('\n');
        ++counts[std::string(content.substr(0, end))];
        content.remove_prefix(end + 1);
      }
    }
    return counts;
  }

  std::string in_rollup() {
    RollupQueries queries(&env_, rollups_);
    env_.advance(kMicrosPerSecond);  // a snapshot may be a moment old
    return queries
        .post(R"({"queryType": "timeseries", "dataSource": "live", "granularity": "all",
                   "intervals": ["2000-01-01/2100-01-01"],
                   "aggregations": [{"type": "longSum", "name": "rows", "fieldName": "rows"},
                                    {"type": "longSum", "name": "n", "fieldName": "n"}]})")
        .body;
  }

  SlowCommits env_;
  std::mt19937_64 random_;
  std::shared_ptr<TopicStore> topics_;
  std::shared_ptr<RollupStore> rollups_;
  Resources resources_;
  std::shared_ptr<MemoryJobStorage> storage_ = std::make_shared<MemoryJobStorage>();
  std::shared_ptr<const LogicalPlan> plan_;
  std::unique_ptr<JobExecution> job_;
  int produced_ = 0;
  uint64_t patience_ = 40;
  size_t most_unpublished_ = 0;
};

TEST_P(UnpublishedEpochs, EachIsPublishedOnceAfterAnyCrash) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  for (int attempt = 0; attempt < 6; ++attempt) {
    const Status started = start();
    ASSERT_TRUE(started.ok()) << started.to_string();
    for (int round = 0; round < 4; ++round) {
      produce(static_cast<int>(random_() % 20));
      run(static_cast<int64_t>(random_() % 800));
    }
    crash();
  }
  patience_ = 1;
  ASSERT_TRUE(start().ok());
  run(2'000);
  job_->request_stop();
  run(1'000'000);
  ASSERT_EQ(job_->phase(), JobPhase::stopped) << job_->result().to_string();
  EXPECT_TRUE(job_->result().ok()) << job_->result().to_string();
  EXPECT_GT(most_unpublished_, 1U) << "nothing was ever pending";
  EXPECT_EQ(in_topic(), expected());
  EXPECT_EQ(in_files(), expected());
  const int64_t sum = int64_t{produced_} * (produced_ - 1) / 2;
  EXPECT_THAT(in_rollup(),
              testing::HasSubstr(fmt::format(R"("result":{{"rows":{},"n":{}}})", produced_, sum)));
}

INSTANTIATE_TEST_SUITE_P(Seeds, UnpublishedEpochs, testing::Range<uint64_t>(1, long_or(25, 500)));

}  // namespace unpublished_epochs_test
}  // namespace rideflow::test
