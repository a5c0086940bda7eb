// Records at which a job fails again and again, by an error or by the end of its process: each is found, set
// aside with its position, and everything else comes out once.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "dsl/job.h"
#include "runtime/job_host.h"
#include "runtime/posix_crash.h"
#include "runtime/posix_env.h"
#include "runtime/posix_process.h"
#include "tests/support/operator_contract.h"
#include "tests/support/temp_dir.h"

namespace rideflow::test {
namespace poison_test {

using testing::HasSubstr;

constexpr int64_t kRows = 600;
constexpr const char* kCopy = R"(job: copy
sources:
  rides:
    topic: {name: rides, start: earliest, until: latest}
    format: json
    schema: {n: int64, k: int64}
streams:
  kept: {from: rides, where: n >= 0}
sinks:
  out: {from: kept, topic: {name: copied}, format: json}
)";

// What makes the step `kept` fail.
struct Fault {
  std::set<int64_t> at;  // values of n
  bool aborts = false;
  bool at_end = false;       // not at any row
  bool by_exchange = false;  // behind one, where there are two tasks
};

class Fragile : public Operator {
 public:
  Fragile(std::unique_ptr<Operator> inner, Fault fault)
      : inner_(std::move(inner)), fault_(std::move(fault)) {}
  Status open(const OpenContext& context) override { return inner_->open(context); }
  Result<Progress> process(int port, Batch& batch, Output& out) override {
    for (int32_t row = 0; row < batch.rows; ++row) {
      const int64_t n = batch.column(0).values<int64_t>()[row];
      if (fault_.at.count(n) == 0) continue;
      if (fault_.aborts) std::abort();
      return Status::internal("broken");
    }
    return inner_->process(port, batch, out);
  }
  Result<Progress> on_end(Output& out) override {
    if (fault_.at_end && fault_.aborts) std::abort();
    if (fault_.at_end) return Status::internal("broken at the end");
    return inner_->on_end(out);
  }

 private:
  std::unique_ptr<Operator> inner_;
  Fault fault_;
};

std::shared_ptr<const LogicalPlan> fragile_plan(const Fault& fault) {
  const LoadedJob loaded = load_job(kCopy, "job.yaml", full_catalog());
  EXPECT_TRUE(loaded.ok()) << format_diagnostics(loaded);
  auto plan = std::make_shared<LogicalPlan>(*loaded.plan);
  plan->owned.push_back(loaded.plan);
  for (LogicalNode& node : plan->nodes) {
    auto* const op = std::get_if<OperatorNode>(&node.body);
    if (op == nullptr || node.role != "filter") continue;
    auto kind = std::make_shared<OperatorKind>(*op->kind);
    kind->make = [fault, make = op->kind->make](
                     std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
      RF_ASSIGN(std::unique_ptr<Operator> inner, make(std::move(config)));
      return std::unique_ptr<Operator>(std::make_unique<Fragile>(std::move(inner), fault));
    };
    op->kind = kind.get();
    plan->owned.push_back(std::move(kind));
    if (fault.by_exchange) node.exchange_keys = {1};
  }
  return plan;
}

// One directory and the processes that run the job in it.
class World {
 public:
  explicit World(std::string dir) : dir_(std::move(dir)), env_(quiet()) {
    auto host = JobHost::open(env_, dir_ + "/data", *JobAccess::unconfined(env_.fs()));
    EXPECT_TRUE(host.ok()) << host.status().to_string();
    host_ = *std::move(host);
  }

  void produce() {
    TopicConfig config;
    config.partitions = 2;
    const auto topic = *host_->topics()->create("rides", config);
    for (int64_t n = 0; n < kRows; ++n) {
      const std::string text = fmt::format(R"({{"n":{},"k":{}}})", n, n % 7);
      TopicRecord record;
      record.payload = text;
      ASSERT_TRUE(topic->append_now({record}, Partition(static_cast<int32_t>(n % 2))).ok());
    }
  }
  Status run(const Fault& fault, int parallelism, Poison poison = Poison::set_aside) {
    RestartPolicy policy;
    policy.poison = poison;
    policy.first_pause = 1'000;  // twice as long after each failure in a row
    policy.max_failures = RestartPolicy::kUnlimited;
    rideflow::RunOptions options;
    options.restart = policy;
    options.parallelism = parallelism;
    options.checkpoint_interval = 20'000;
    options.batch_rows = 64;
    RF_TRY(host_->start(fragile_plan(fault), options));
    return host_->find("copy")->job->wait();
  }
  std::vector<AttemptRecord> attempts() { return host_->find("copy")->job->attempts(); }

  std::vector<std::string> payloads(const std::string& name) {
    std::vector<std::string> all;
    const auto topic = host_->topics()->find(name);
    for (int32_t p = 0; topic.ok() && p < (*topic)->partitions(); ++p) {
      const auto reader = (*topic)->reader(Partition(p), 0);
      for (bool more = true; more;) {
        const auto poll = reader->poll(1'000);
        EXPECT_TRUE(poll.ok()) << poll.status().to_string();
        if (!poll.ok()) break;
        more = poll->chunk != nullptr && !poll->at_end;
        if (poll->chunk == nullptr) continue;
        for (const auto& record : poll->chunk->records) all.emplace_back(record.payload);
      }
    }
    return all;
  }

  // Rows in = rows out + rows set aside; of these every one is there with its position.
  void expect_all_but(const std::set<int64_t>& bad) {
    std::multiset<std::string> wanted;
    for (int64_t n = 0; n < kRows; ++n) {
      if (bad.count(n) == 0) wanted.insert(fmt::format(R"({{"n":{},"k":{}}})", n, n % 7));
    }
    const auto rows = payloads("copied");
    EXPECT_EQ(std::multiset<std::string>(rows.begin(), rows.end()), wanted);
    std::multiset<std::string> aside;
    for (const std::string& row : payloads("_rejected.copy")) {
      EXPECT_THAT(row, HasSubstr("the job failed at it again and again"));
      aside.insert(row.substr(0, row.find(R"(,"_step")")));
    }
    std::multiset<std::string> wanted_aside;
    for (const int64_t n : bad) {
      wanted_aside.insert(fmt::format(
          R"({{"_raw":"{{\"n\":{},\"k\":{}}}","_raw_base64":null,"_topic":"rides","_partition":{},)"
          R"("_offset":{})",
          n, n % 7, n % 2, n / 2));
    }
    EXPECT_EQ(without_times(aside), wanted_aside);
  }

 private:
  static PosixEnvOptions quiet() {
    PosixEnvOptions options;
    options.log_level = std::getenv("POISON_LOUD") ? LogLevel::info : LogLevel::error;
    return options;
  }
  static std::multiset<std::string> without_times(const std::multiset<std::string>& rows) {
    std::multiset<std::string> all;
    for (const std::string& row : rows) all.insert(row.substr(0, row.find(R"(,"_timestamp")")));
    return all;
  }

  const std::string dir_;
  PosixEnv env_;
  std::unique_ptr<JobHost> host_;
};

const std::set<int64_t> kBad = {0, 250, 251, 253, 599};

class PoisonAt : public testing::TestWithParam<std::pair<int, bool>> {};

TEST_P(PoisonAt, RecordsAreSetAsideAndNothingElseIsLost) {
  const auto [parallelism, by_exchange] = GetParam();
  TempDir dir;
  World world(dir.path());
  world.produce();
  Fault fault;
  fault.at = kBad;
  fault.by_exchange = by_exchange;
  const Status ended = world.run(fault, parallelism);
  ASSERT_TRUE(ended.ok()) << ended.to_string();
  world.expect_all_but(kBad);
  int told = 0;
  for (const AttemptRecord& attempt : world.attempts()) {
    told += attempt.cause.to_string().find("is set aside") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(told, 0);
}

INSTANTIATE_TEST_SUITE_P(Poison, PoisonAt,
                         testing::Values(std::pair(1, false), std::pair(2, false), std::pair(2, true)));

TEST(Poison, AJobThatIsToStopThereNamesTheRecord) {
  TempDir dir;
  World world(dir.path());
  world.produce();
  Fault fault;
  fault.at = {251};
  const Status ended = world.run(fault, 1, Poison::stop);
  EXPECT_THAT(ended.to_string(), HasSubstr("failed 3 times at record 125 of partition 1 of 'rides'"));
  EXPECT_TRUE(world.payloads("_rejected.copy").empty());
  // When it was mended, the next start reads everything.
  ASSERT_TRUE(world.run({}, 1).ok());
  world.expect_all_but({});
}

// No record is to blame for what fails when the last one has gone through.
TEST(Poison, WhatFailsWithoutARecordSetsNothingAside) {
  TempDir dir;
  World world(dir.path());
  world.produce();
  Fault fault;
  fault.at_end = true;
  const Status ended = world.run(fault, 1);
  EXPECT_THAT(ended.to_string(), HasSubstr("in a row in the same way"));
  EXPECT_TRUE(world.payloads("_rejected.copy").empty());
  ASSERT_TRUE(world.run({}, 1).ok());
  world.expect_all_but({});
}

// ---- The process dies
// -------------------------------------------------------------------------------------------------

// Run by the tests below in processes of their own, which die: the fault stands in the environment. By
// itself it does nothing.
TEST(PoisonProcess, RunsTheJobOfItsParent) {
  const char* const dir = std::getenv("POISON_DIR");
  if (dir == nullptr) return;
  forbid_core_files();
  note_crashes();
  Fault fault;
  fault.aborts = true;
  fault.at_end = std::getenv("POISON_AT_END") != nullptr;
  fault.by_exchange = true;
  if (!fault.at_end) fault.at = kBad;
  World world(dir);
  const Status ended = world.run(fault, std::atoi(std::getenv("POISON_TASKS")));
  EXPECT_TRUE(ended.ok()) << ended.to_string();
}

// Whoever supervises the process starts it again; how often it took.
int runs_until_it_lives(const TempDir& dir, int tasks, const std::string& more, int most,
                        std::string& output) {
  const std::string command = fmt::format(
      "POISON_DIR={0} POISON_TASKS={1} {2} {3}/test_runtime --gtest_filter=PoisonProcess.* >{0}/output 2>&1",
      dir.path(), tasks, more, executable_dir());
  for (int runs = 1; runs <= most; ++runs) {
    const int code = std::system(command.c_str());
    PosixEnv env;
    output = *read_file(env.fs(), dir / "output");
    // It ended by itself, well or not.
    if (code == 0 || output.find("[  FAILED  ]") != std::string::npos) return runs;
  }
  return most + 1;
}

TEST(Poison, RecordsThatEndTheProcessAreSetAside) {
  for (const int tasks : {1, 2}) {
    TempDir dir;
    World(dir.path()).produce();
    std::string output;
    const int runs = runs_until_it_lives(dir, tasks, "", 60, output);
    EXPECT_GT(runs, 5) << output;
    ASSERT_LE(runs, 60) << output;
    World world(dir.path());
    world.expect_all_but(kBad);
  }
}

// The other jobs of a process shall live, whatever is wrong with this one.
TEST(Poison, AJobThatEndsItsProcessWithoutARecordIsNotStartedForEver) {
  TempDir dir;
  World(dir.path()).produce();
  std::string output;
  const int runs = runs_until_it_lives(dir, 1, "POISON_AT_END=1", 20, output);
  EXPECT_GT(runs, 3);
  ASSERT_LE(runs, 20) << output;
  EXPECT_THAT(output, HasSubstr("times in a row"));
  World world(dir.path());
  ASSERT_TRUE(world.run({}, 1).ok());
  world.expect_all_but({});
}

}  // namespace poison_test
}  // namespace rideflow::test
