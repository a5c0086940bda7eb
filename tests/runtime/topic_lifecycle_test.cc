// Topics of the data directory and the jobs that use them: deleted, made again, in use, not read yet.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/job.h"
#include "runtime/job_host.h"
#include "runtime/posix_env.h"
#include "runtime/posix_process.h"
#include "runtime/topic_access.h"
#include "tests/support/operator_contract.h"
#include "tests/support/temp_dir.h"

namespace rideflow::test {
namespace topic_lifecycle_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PosixEnvOptions quiet() {
  PosixEnvOptions options;
  options.log_level = LogLevel::error;
  return options;
}

std::string job_text(const std::string& topic = "rides", const std::string& more = "") {
  return fmt::format(R"(job: copy
sources:
  rides:
    topic: {{name: {}, start: earliest{}}}
    format: json
    schema: {{n: int64}}
sinks:
  out: {{from: rides, topic: {{name: copied}}}}
)",
                     topic, more);
}

class TopicLifecycle : public testing::Test {
 protected:
  TopicLifecycle() { env_ = std::make_unique<PosixEnv>(quiet()); }
  ~TopicLifecycle() override { close(); }

  void open() {
    close();
    const auto access = *JobAccess::make({}, dir_ / "data");
    auto host = JobHost::open(*env_, dir_ / "data", access);
    ASSERT_TRUE(host.ok()) << host.status().to_string();
    host_ = *std::move(host);
  }
  void close() {
    if (host_ != nullptr) (void)host_->stop_all();
    host_.reset();
  }
  Status start(const std::string& text, std::vector<std::string> drop_state = {}) {
    LoadedJob loaded = load_job(text, "job.yaml", full_catalog());
    EXPECT_TRUE(loaded.ok()) << format_diagnostics(loaded);
    rideflow::RunOptions options;
    options.checkpoint_interval = 20'000;
    options.drop_state = std::move(drop_state);
    return host_->start(loaded.plan, options);
  }
  std::shared_ptr<Topic> topic(const std::string& name = "rides") { return *host_->topics()->find(name); }
  void make(const TopicConfig& config = {}) { ASSERT_TRUE(host_->topics()->create("rides", config).ok()); }
  void produce(int records) {
    std::vector<std::string> texts;
    for (int i = 0; i < records; ++i) texts.push_back(fmt::format("{{\"n\":{},\"pad\":\"{:0>150}\"}}", i, i));
    for (const std::string& text : texts) {  // each a frame of its own, so that segments end
      TopicRecord record;
      record.payload = text;
      ASSERT_TRUE(topic()->append_now({record}).ok());
    }
  }
  // Rows that the job has published.
  int64_t copied() {
    const auto found = host_->topics()->find("copied");
    return found.ok() ? (*found)->records() : 0;
  }
  template <class Condition>
  bool wait_for(const Condition& condition) {
    for (int i = 0; i < 30'000; ++i) {
      if (condition()) return true;
      sleep_ms(1);
    }
    return false;
  }
  void run_until_copied(int64_t rows) {
    ASSERT_TRUE(wait_for([&] { return copied() >= rows; })) << copied();
    ASSERT_TRUE(host_->stop_all().ok());
    ASSERT_EQ(copied(), rows);
  }
  // The job has read 20 records and is at rest.
  void read_twenty(const TopicConfig& config = {}) {
    open();
    make(config);
    produce(20);
    const Status started = start(job_text());
    ASSERT_TRUE(started.ok()) << started.to_string();
    run_until_copied(20);
    open();
  }
  std::vector<std::string> users(const std::string& name) {
    const auto found = host_->topic_users(name);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    std::vector<std::string> texts;
    for (const TopicUser& user : *found)
      texts.push_back(user.job + (user.reads ? " reads " : " writes ") + user.step +
                      (user.running ? ", running" : ""));
    return texts;
  }

  TempDir dir_;
  std::unique_ptr<PosixEnv> env_;
  std::unique_ptr<JobHost> host_;
};

// However many records and partitions it has now: its offsets mean other records.
TEST_F(TopicLifecycle, ATopicThatWasMadeAgainIsRefusedByName) {
  struct Case {
    int32_t partitions;
    int records;
    const char* says;
  };
  int number = 0;
  for (const Case& c : {Case{4, 0, "deleted and made again"}, Case{4, 10, "deleted and made again"},
                        Case{4, 20, "deleted and made again"}, Case{4, 60, "deleted and made again"},
                        Case{1, 60, "deleted and made again"}, Case{9, 60, "deleted and made again"}}) {
    SCOPED_TRACE(fmt::format("{} partitions, {} records", c.partitions, c.records));
    close();
    ASSERT_TRUE(env_->fs().remove_tree(dir_ / "data").ok());
    read_twenty();
    ASSERT_TRUE(host_->topics()->remove("rides").ok());
    TopicConfig config;
    config.partitions = c.partitions;
    make(config);
    produce(c.records);
    const Status refused = start(job_text());
    EXPECT_EQ(refused.code(), Code::failed_precondition);
    EXPECT_THAT(refused.to_string(), HasSubstr("'rides'"));
    EXPECT_THAT(refused.to_string(), HasSubstr(c.says));
    EXPECT_THAT(refused.to_string(), HasSubstr("--drop-state rides"));
    const Status started = start(job_text(), {"rides"});
    ASSERT_TRUE(started.ok()) << started.to_string();
    run_until_copied(20 + c.records);
    ++number;
  }
  EXPECT_EQ(number, 6);
}

TEST_F(TopicLifecycle, ATopicThatIsGoneIsRefusedAndNotMade) {
  read_twenty();
  ASSERT_TRUE(host_->topics()->remove("rides").ok());
  const Status refused = start(job_text());
  EXPECT_EQ(refused.code(), Code::failed_precondition);
  EXPECT_THAT(refused.to_string(), HasSubstr("topic 'rides', which the job has read, was deleted"));
  EXPECT_FALSE(host_->topics()->find("rides").ok());
  ASSERT_TRUE(start(job_text(), {"rides"}).ok());
  produce(5);
  run_until_copied(25);
}

TEST_F(TopicLifecycle, ASourceThatReadsAnotherTopicNowDoesNotTakeItsOffsets) {
  read_twenty();
  ASSERT_TRUE(host_->topics()->create("others").ok());
  const Status refused = start(job_text("others"));
  EXPECT_THAT(refused.to_string(), HasSubstr("speaks of topic 'rides', but the source reads 'others' now"));
  ASSERT_TRUE(start(job_text("others"), {"rides"}).ok());
}

TEST_F(TopicLifecycle, WithoutAChangeNothingIsLostOrDoubled) {
  read_twenty();
  produce(7);
  ASSERT_TRUE(start(job_text()).ok());
  run_until_copied(27);
}

TEST_F(TopicLifecycle, WhoUsesATopicIsKnownWhileAJobRunsAndAtRest) {
  open();
  EXPECT_THAT(users("rides"), IsEmpty());
  make();
  produce(20);
  ASSERT_TRUE(start(job_text()).ok());
  EXPECT_THAT(users("rides"), ElementsAre("copy reads rides, running"));
  EXPECT_THAT(users("copied"), ElementsAre("copy writes out, running"));
  EXPECT_THAT(users("nobody"), IsEmpty());
  run_until_copied(20);
  EXPECT_THAT(users("rides"), ElementsAre("copy reads rides"));
  open();
  EXPECT_THAT(users("rides"), ElementsAre("copy reads rides"));
  EXPECT_THAT(users("copied"), ElementsAre("copy writes out"));
  ASSERT_TRUE(host_->topics()->remove("rides").ok());
  make();
  EXPECT_THAT(users("rides"), IsEmpty()) << "another one";
}

// What the command line does where no process owns the data directory.
TEST_F(TopicLifecycle, ATopicThatAJobAtRestUsesIsDeletedByForceOnly) {
  read_twenty();
  close();
  for (const std::string name : {"rides", "copied"}) {
    const auto topics = *open_local_topics(*env_, dir_ / "data", /*look=*/true);
    const Status refused = topics->remove(name, false);
    EXPECT_EQ(refused.code(), Code::failed_precondition);
    EXPECT_THAT(refused.to_string(), HasSubstr("job 'copy' (at rest)"));
    EXPECT_THAT(refused.to_string(), HasSubstr("--force"));
    EXPECT_TRUE(topics->partitions(name).ok());
    EXPECT_TRUE(topics->remove(name, true).ok());
    EXPECT_FALSE(topics->partitions(name).ok());
  }
}

TEST_F(TopicLifecycle, AForcedDeletionFailsTheJobByName) {
  for (const std::string name : {"rides", "copied"}) {
    close();
    ASSERT_TRUE(env_->fs().remove_tree(dir_ / "data").ok());
    open();
    make();
    produce(20);
    ASSERT_TRUE(start(job_text()).ok());
    ASSERT_TRUE(wait_for([&] { return copied() >= 20; }));
    ASSERT_TRUE(host_->topics()->remove(name).ok());
    if (name == "copied") produce(5);  // the sink learns of it when it has something to write
    const HostedJob job = *host_->find("copy");
    ASSERT_TRUE(wait_for([&] { return job.job->over(); })) << name;
    EXPECT_EQ(job.job->state(), "failed");
    EXPECT_THAT(job.job->wait().to_string(),
                HasSubstr(fmt::format("'{}' was deleted while it was in use", name)));
  }
}

// A bounded source that has all it wants needs its topic no more.
TEST_F(TopicLifecycle, AFinishedSourceHoldsNothing) {
  open();
  make();
  produce(20);
  ASSERT_TRUE(start(job_text("rides", ", until: latest")).ok());
  ASSERT_TRUE(wait_for([&] { return host_->find("copy")->job->over(); }));
  EXPECT_EQ(copied(), 20);
  EXPECT_THAT(users("rides"), IsEmpty());
}

// Columns of text hold UTF-8; what is none is kept, not mangled.
TEST_F(TopicLifecycle, KeysAndHeadersThatAreNoTextRejectTheRow) {
  open();
  make();
  const std::string good = encode_headers({{"trace", "a\u00e9"}});
  const std::string bytes = encode_headers({{"trace", "a\xff"}});  // values are no text, and need not be
  const std::string bad = encode_headers({{"tra\xff", "a"}});
  const std::vector<std::pair<std::string, std::string>> all = {
      {"k\u00e9", good}, {"k\xfe", good}, {"k", bad}, {"k", bytes}, {"k", ""}};
  for (const auto& [key, headers] : all) {
    TopicRecord record;
    record.key = key;
    record.payload = R"({"n":1})";
    record.headers = headers;
    ASSERT_TRUE(topic()->append_now({record}).ok());
  }
  ASSERT_TRUE(start(R"(job: copy
sources:
  rides:
    topic: {name: rides, start: earliest, until: latest}
    format: json
    schema: {n: int64}
streams:
  keyed: {from: rides, select: [n, _key, _headers]}
sinks:
  out: {from: keyed, topic: {name: copied}}
)")
                  .ok());
  ASSERT_TRUE(wait_for([&] { return host_->find("copy")->job->over(); }));
  EXPECT_EQ(copied(), 3);
  const auto kept = topic("_rejected.copy");
  std::string texts;
  for (int32_t p = 0; p < kept->partitions(); ++p) {
    const auto poll = kept->reader(Partition(p), 0)->poll(10);
    if (!poll.ok() || !poll->chunk) continue;
    for (const RecordOrigin& record : poll->chunk->records) texts += std::string(record.payload) + "\n";
  }
  EXPECT_EQ(kept->records(), 2) << texts;
  EXPECT_THAT(texts, HasSubstr("_key is not valid UTF-8"));
  EXPECT_THAT(texts, HasSubstr("_headers is not valid UTF-8"));
  EXPECT_THAT(texts, HasSubstr(R"("_raw":"{\"n\":1}")"));
}

TEST_F(TopicLifecycle, RetentionHoldsWhatAJobAtRestHasNotRead) {
  TopicConfig config;
  config.partitions = 1;
  config.segment_bytes = 1'000;
  config.retention_bytes = 10'000;
  read_twenty(config);
  ASSERT_LE(topic()->first_offset(Partition(0)), 20);
  while (topic()->bytes() < 18'000) produce(1);
  EXPECT_LE(topic()->first_offset(Partition(0)), 20) << "the job must go on from there";
  const int64_t end = topic()->end_offset(Partition(0));
  ASSERT_TRUE(start(job_text()).ok());
  run_until_copied(end);
  for (int i = 0; i < 8; ++i) produce(5);
  EXPECT_GT(topic()->first_offset(Partition(0)), 20) << "it has read them";
}

}  // namespace topic_lifecycle_test
}  // namespace rideflow::test
