// A whole job (topic in, windows by key, files, a rollup and a topic out, checkpoints over RocksDB) on a disk
// of which one call fails once: while it runs, and while it starts again after a crash. Whatever fails, the
// job goes on, by itself or by the next start, to exactly the rows of an undisturbed run.
//
// Of every kind of call (what is asked of which sort of file) the first one fails, each in a run of its own;
// a long run fails every call, with both faults; RIDEFLOW_FAULT_AT="3 sync live/log-#" only the third of this
// kind. RocksDB does not go through Env: its own calls do not fail here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "dsl/job.h"
#include "runtime/job_host.h"
#include "tests/support/faulty_env.h"
#include "tests/support/long_run.h"
#include "tests/support/operator_contract.h"
#include "tests/support/temp_dir.h"

namespace rideflow::test {
namespace whole_job_faults_test {

constexpr int kRows = 2'000;
constexpr int kBatch = 25;  // of records that are produced together
constexpr int kTries = 6;

std::string job_text(const std::string& dir) {
  return fmt::format(R"(job: whole
sources:
  rides:
    topic: {{name: rides, start: earliest, until: latest}}
    format: json
    schema: {{id: int64, city: string, fare: int64, time: timestamp}}
    event_time: {{column: time, max_ahead: 0s}}
streams:
  totals:
    from: rides
    key_by: [city]
    window: {{tumbling: 1m}}
    aggregate: {{n: count(), fare: sum(fare)}}
sinks:
  raw: {{from: rides, file: {{directory: {0}/files/raw}}, format: json}}
  totals_out: {{from: totals, topic: {{name: totals, key: [city]}}}}
  live:
    from: rides
    rollup:
      datasource: live
      granularity: minute
      dimensions: [city]
      metrics: {{count: count(), fare: sum(fare)}}
)",
                     dir);
}

// Everything that somebody can see of a job that has ended, as sorted lines.
using Results = std::vector<std::string>;

// One directory, and the processes that run the job in it one after the other.
class World {
 public:
  explicit World(std::string dir) : dir_(std::move(dir)) {}
  ~World() { close(); }

  FaultyFs& fs() { return env_.fs(); }

  Status open() {
    close();
    RF_ASSIGN(const auto access, JobAccess::unconfined(env_.fs()));
    RF_ASSIGN(host_, JobHost::open(env_, dir_ + "/data", access));
    return {};
  }
  void close() { host_.reset(); }
  Status start() {
    const LoadedJob loaded = load_job(job_text(dir_), "job.yaml", full_catalog());
    EXPECT_TRUE(loaded.ok()) << format_diagnostics(loaded);
    return host_->start(loaded.plan, options());
  }
  Status wait() { return host_->find("whole")->job->wait(); }
  std::vector<AttemptRecord> attempts() { return host_->find("whole")->job->attempts(); }
  // A failure ends the job.
  void never_restart() { restart_.max_failures = 0; }
  Status run() {
    RF_TRY(open());
    RF_TRY(start());
    return wait();
  }

  void produce() {
    ASSERT_TRUE(open().ok());
    TopicConfig config;
    config.partitions = 2;
    const auto topic = host_->topics()->create("rides", config);
    ASSERT_TRUE(topic.ok()) << topic.status().to_string();
    std::vector<std::string> texts;
    for (int i = 0; i < kRows; ++i) {
      texts.push_back(
          fmt::format(R"({{"id":{},"city":"c{}","fare":{},"time":"2026-01-01T{:02}:{:02}:{:02}Z"}})", i,
                      i % 7, i % 31, i / 3600, i / 60 % 60, i % 60));
    }
    for (int i = 0; i < kRows; i += kBatch) {
      std::vector<TopicRecord> records;
      for (int j = i; j < i + kBatch; ++j) {
        TopicRecord record;
        record.payload = texts[static_cast<size_t>(j)];
        records.push_back(record);
      }
      ASSERT_TRUE((*topic)->append_now(records, Partition(i / kBatch % 2)).ok());
    }
    close();
  }

  // REQUIRES: open, and the job has finished.
  Results results() {
    Results lines;
    const auto files = fs().list(dir_ + "/files/raw");
    EXPECT_TRUE(files.ok()) << files.status().to_string();
    for (const DirEntry& entry : files.ok() ? *files : std::vector<DirEntry>()) {
      const std::string content = *read_file(fs(), dir_ + "/files/raw/" + entry.name);
      add_lines("raw ", content, lines);
    }
    add_topic("totals", lines);
    const QueryAnswer answer = host_->queries()->post(
        R"({"queryType": "groupBy", "dataSource": "live", "granularity": "minute", "dimensions": ["city"],
            "intervals": ["2026-01-01/2026-01-02"], "aggregations": [
              {"type": "longSum", "name": "n", "fieldName": "count"},
              {"type": "longSum", "name": "fare", "fieldName": "fare"}]})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::string body = answer.body;
    for (size_t at = 0; (at = body.find("},{\"version", at)) != std::string::npos;) body[at + 1] = '\n';
    add_lines("live ", body, lines);
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  int64_t checkpoints() { return host_->find("whole")->job->execution()->status().last_complete.value; }

 private:
  rideflow::RunOptions options() const {
    rideflow::RunOptions options;
    options.restart = restart_;
    options.checkpoint_interval = 1'000;
    options.batch_rows = 16;
    return options;
  }
  static void add_lines(const std::string& kind, std::string_view text, Results& lines) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      lines.push_back(kind + std::string(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  void add_topic(const std::string& name, Results& lines) {
    const auto topic = host_->topics()->find(name);
    ASSERT_TRUE(topic.ok()) << topic.status().to_string();
    for (int32_t p = 0; p < (*topic)->partitions(); ++p) {
      const auto reader = (*topic)->reader(Partition(p), 0);
      while (true) {
        const auto poll = reader->poll(1'000);
        ASSERT_TRUE(poll.ok()) << poll.status().to_string();
        if (poll->chunk == nullptr) break;
        for (const auto& record : poll->chunk->records)
          lines.push_back(name + " " + std::string(record.payload));
        if (poll->at_end) break;
      }
    }
  }

  const std::string dir_;
  FaultyEnv env_;
  std::unique_ptr<JobHost> host_;
  RestartPolicy restart_{.first_pause = 1'000, .longest_pause = 1'000};
};

class WholeJobFaults : public testing::Test {
 protected:
  WholeJobFaults() {
    World(work()).produce();
    keep("base");
    World world(work());
    const Status status = world.run();
    EXPECT_TRUE(status.ok()) << status.to_string();
    calls_ = world.fs().calls();
    kinds_ = world.fs().kinds();
    wanted_ = world.results();
    EXPECT_GE(world.checkpoints(), 2)
        << "the first and the last; how many between them is the machine's matter";
    EXPECT_GT(wanted_.size(), kRows + 50U);
  }
  std::string work() const { return dir_ / "work"; }
  void keep(const std::string& name) { copy(work(), dir_ / name); }
  void take(const std::string& name) { copy(dir_ / name, work()); }
  static void copy(const std::string& from, const std::string& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  }

  // The job goes on until it has ended, over failures that pass and new starts.
  void finish(World& world) {
    std::string told;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      Status status = world.open();
      if (status.ok()) status = world.start();
      if (!status.ok()) {
        told += "\n  at start: " + status.to_string();
        expect_no_loss_is_told(status, told);
        continue;
      }
      status = world.wait();
      for (const AttemptRecord& one : world.attempts()) {
        if (one.cause.ok()) continue;
        told += "\n  " + one.cause.to_string();
        expect_no_loss_is_told(one.cause, told);
      }
      ASSERT_TRUE(status.ok()) << "it does not come back:" << told;
      ASSERT_EQ(world.results(), wanted_) << told;
      return;
    }
    FAIL() << "it does not start:" << told;
  }
  // Whoever reads this must not look for a loss where there is none.
  static void expect_no_loss_is_told(const Status& status, const std::string& told) {
    EXPECT_NE(status.code(), Code::not_found) << told;
    EXPECT_NE(status.code(), Code::data_loss) << told;
    EXPECT_NE(status.code(), Code::out_of_range) << told;
    EXPECT_NE(status.blame(), Blame::internal) << told;
  }

  // `kept`: the state of the disk to begin with. Fails the first call of each kind; where there are several
  // `states` of the disk, in the state whose turn it is.
  void fail_each(const std::string& kept, const std::map<std::string, int64_t>& kinds, int state = 0,
                 int states = 1) {
    int turn = 0;
    for (const auto& [kind, count] : kinds) {
      ++turn;
      for (int64_t n = 1; n <= (long_run() ? count : 1) && !HasFailure(); ++n) {
        const char* only = std::getenv("RIDEFLOW_FAULT_AT");
        if (only != nullptr && fmt::format("{} {}", n, kind) != only) continue;
        const bool its_turn = turn % states == state && (!kSanitized || turn % 5 == 0);
        if (only == nullptr && !long_run() && !its_turn) continue;
        const bool both = long_run() || only != nullptr;
        if (both || turn / states % 2 == 0) fail_one(kept, kind, n, DiskFault::full);
        if (both || turn / states % 2 != 0) fail_one(kept, kind, n, DiskFault::io_error);
      }
    }
  }
  void fail_one(const std::string& kept, const std::string& kind, int64_t n, DiskFault fault) {
    take(kept);
    World world(work());
    world.fs().fail(kind, n, fault);
    SCOPED_TRACE(fmt::format("RIDEFLOW_FAULT_AT='{} {}'{}", n, kind,
                             fault == DiskFault::full ? ", the disk is full" : ""));
    finish(world);
    if (HasFailure()) ADD_FAILURE() << "it was: " << world.fs().failed();
  }

  TempDir dir_{TempDir::Where::memory};
  int64_t calls_ = 0;  // of an undisturbed run
  std::map<std::string, int64_t> kinds_;
  Results wanted_;
};

TEST_F(WholeJobFaults, WhileItRuns) {
  fail_each("base", kinds_);
}

TEST_F(WholeJobFaults, WhileItStartsAgainAfterACrash) {
  for (const int quarter : {1, 2, 3}) {
    SCOPED_TRACE(fmt::format("after a crash at call {} of {}", calls_ * quarter / 4, calls_));
    take("base");
    {
      World world(work());
      world.never_restart();
      world.fs().die(calls_ * quarter / 4);
      EXPECT_FALSE(world.run().ok());
    }
    keep("crashed");
    std::map<std::string, int64_t> starts;
    {
      World world(work());
      ASSERT_TRUE(world.open().ok());
      const Status started = world.start();
      ASSERT_TRUE(started.ok()) << started.to_string();
      starts = world.fs().kinds();
      world.close();
    }
    fail_each("crashed", starts, quarter - 1, 3);
  }
}

}  // namespace whole_job_faults_test
}  // namespace rideflow::test
