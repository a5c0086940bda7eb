// Jobs that are submitted: versions, what is wanted, restarts of the process, and neighbours that misbehave.
#include "runtime/job_service.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/posix_env.h"
#include "runtime/posix_process.h"
#include "tests/support/operator_contract.h"
#include "tests/support/temp_dir.h"

namespace rideflow::test {
namespace job_service_test {

using testing::ElementsAre;
using testing::HasSubstr;

PosixEnvOptions quiet() {
  PosixEnvOptions options;
  options.log_level = LogLevel::error;
  return options;
}

// Copies a topic; `more` stands at the end.
std::string copy_job(const std::string& name, const std::string& more = "") {
  return fmt::format(R"(job: {0}
sources:
  rides:
    topic: {{name: rides, start: earliest}}
    format: json
    schema: {{n: int64}}
sinks:
  out: {{from: rides, topic: {{name: of_{0}}}}}
{1})",
                     name, more);
}

class JobServiceTest : public testing::Test {
 protected:
  JobServiceTest() : env_(quiet()) {}
  ~JobServiceTest() override { close(); }

  void open() {
    close();
    access_options_.file_roots = roots_;
    access_options_.environment = std::vector<std::string>{};
    const auto access = *JobAccess::make(access_options_, dir_ / "data");
    auto host = JobHost::open(env_, dir_ / "data", access);
    ASSERT_TRUE(host.ok()) << host.status().to_string();
    host_ = *std::move(host);
    ASSERT_TRUE(host_->topics()->find_or_create("rides").ok());
    rideflow::RunOptions options;
    options.checkpoint_interval = 20'000;
    options.restart.first_pause = options.restart.longest_pause = 1'000;
    service_ = std::make_unique<JobService>(host_.get(), &full_catalog(), access,
                                            file_registry(env_, host_->jobs_dir()), options);
    ASSERT_TRUE(service_->open().ok());
  }
  void close() {
    if (service_) service_->close();
    if (host_) (void)host_->stop_all();
    service_.reset();
    host_.reset();
  }
  SubmissionAnswer submit(const std::string& text, bool dry_run = false) {
    JobSubmission submission;
    submission.text = text;
    submission.dry_run = dry_run;
    auto answer = service_->submit(submission);
    EXPECT_TRUE(answer.ok()) << answer.status().to_string();
    return answer.ok() ? *answer : SubmissionAnswer();
  }
  std::string errors_of(const std::string& text) {
    std::string all;
    for (const Diagnostic& error : submit(text, true).errors) all += to_string(error, "job") + "\n";
    return all;
  }
  std::string state(const std::string& job) {
    const auto entry = service_->find(job);
    return entry ? state_of(*entry) : "gone";
  }
  std::string error(const std::string& job) { return service_->find(job)->error; }
  // Looks until it is so.
  template <class Condition>
  bool wait_for(const Condition& condition) {
    for (int i = 0; i < 60'000; ++i) {
      service_->look();
      if (condition()) return true;
      sleep_ms(1);
    }
    return false;
  }
  bool comes_to(const std::string& job, const std::string& wanted) {
    return wait_for([&] { return state(job) == wanted; });
  }
  bool runs(const std::string& job, int64_t version) {
    return wait_for(
        [&] { return state(job) == "running" && service_->find(job)->started_version == version; });
  }
  void produce(int records) {
    for (int i = 0; i < records; ++i) {
      TopicRecord record;
      const std::string text = fmt::format("{{\"n\":{}}}", i);
      record.payload = text;
      ASSERT_TRUE((*host_->topics()->find("rides"))->append_now({record}).ok());
    }
  }
  int64_t rows(const std::string& topic) {
    const auto found = host_->topics()->find(topic);
    return found.ok() ? (*found)->records() : 0;
  }

  TempDir dir_;
  PosixEnv env_;
  JobAccessOptions access_options_;
  std::vector<std::string> roots_;
  std::unique_ptr<JobHost> host_;
  std::unique_ptr<JobService> service_;
};

TEST_F(JobServiceTest, WhatShouldRunRunsAndTheSameAgainChangesNothing) {
  open();
  const SubmissionAnswer first = submit(copy_job("a"));
  EXPECT_EQ(first.job, "a");
  EXPECT_EQ(first.version, 1);
  EXPECT_TRUE(first.changed);
  ASSERT_TRUE(comes_to("a", "running"));
  produce(5);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 5; }));
  const auto execution = service_->find("a")->execution;
  const SubmissionAnswer again = submit(copy_job("a"));
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.version, 1);
  service_->look();
  EXPECT_EQ(service_->find("a")->execution, execution);
  EXPECT_EQ(service_->registered("a")->versions.size(), 1U);
}

TEST_F(JobServiceTest, ADryRunSaysWhatWouldChangeAndChangesNothing) {
  open();
  EXPECT_TRUE(submit(copy_job("a"), true).changed);
  EXPECT_THAT(service_->jobs(), ElementsAre());
  submit(copy_job("a"));
  const SubmissionAnswer answer = submit(copy_job("a", "  more: {from: rides, discard: }\n"), true);
  EXPECT_TRUE(answer.changed);
  EXPECT_EQ(answer.version, 2);
  std::vector<std::string> steps;
  for (const StepEvolution& step : answer.steps)
    steps.push_back(step.change.name + " " + std::string(to_string(step.change.kind)));
  EXPECT_THAT(steps, ElementsAre("rides same", "out same", "more added"));
  EXPECT_EQ(service_->registered("a")->current, 1);
  EXPECT_THAT(errors_of("job: a\nsources: {}\n"), HasSubstr("'sinks' is missing"));
}

TEST_F(JobServiceTest, AnEditGoesOnFromTheCheckpointAndCanBeTakenBack) {
  open();
  submit(copy_job("a"));
  produce(5);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 5; }));
  const std::string edited = copy_job("a", "  more: {from: rides, topic: {name: more}}\n");
  EXPECT_EQ(submit(edited).version, 2);
  ASSERT_TRUE(runs("a", 2));
  produce(3);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 8 && rows("more") == 3; }));
  // The other way the sink that is gone would be missed: its state has to be given up by name.
  EXPECT_EQ(*service_->rollback("a", std::nullopt), 1);
  ASSERT_TRUE(wait_for([&] { return error("a").find("version 2 goes on") != std::string::npos; }))
      << error("a");
  EXPECT_EQ(service_->registered("a")->current, 2);
  produce(2);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 10 && rows("more") == 5; }));
  EXPECT_EQ(service_->rollback("a", 7).status().code(), Code::not_found);
  // A version that differs in its description only can be gone back to.
  EXPECT_EQ(submit(edited + "description: better\n").version, 3);
  ASSERT_TRUE(runs("a", 3));
  EXPECT_EQ(*service_->rollback("a", 2), 2);
  produce(1);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 11 && service_->find("a")->started_version == 2; }));
}

// What a version gives up is given up once, whatever ends the process afterwards.
TEST_F(JobServiceTest, StateThatIsDroppedIsDroppedOnce) {
  open();
  const std::string edited = copy_job("a", "  more: {from: rides, topic: {name: more}}\n");
  submit(edited);
  produce(5);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 5 && rows("more") == 5; }));
  // The sink goes, and the source begins anew.
  ASSERT_TRUE(service_->submit({copy_job("a"), {}, {}, {"more", "rides"}, false}).ok());
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 10; })) << error("a");
  EXPECT_GT(service_->registered("a")->find(2)->drop_before.value, 0);
  for (int64_t wanted = 12; wanted < 16; wanted += 2) {
    open();
    produce(2);
    ASSERT_TRUE(wait_for([&] { return rows("of_a") >= wanted; })) << error("a");
  }
  ASSERT_TRUE(service_->want("a", WantedState::stopped).ok());
  ASSERT_TRUE(comes_to("a", "stopped"));
  EXPECT_EQ(rows("of_a"), 14);
  EXPECT_EQ(rows("more"), 5);
}

TEST_F(JobServiceTest, AStopIsAPauseUntilAStart) {
  open();
  submit(copy_job("a"));
  ASSERT_TRUE(comes_to("a", "running"));
  ASSERT_TRUE(service_->want("a", WantedState::stopped).ok());
  ASSERT_TRUE(comes_to("a", "stopped"));
  produce(4);
  open();  // the process begins anew: what is paused stays so
  service_->look();
  EXPECT_EQ(state("a"), "stopped");
  EXPECT_FALSE(host_->find("a"));
  ASSERT_TRUE(service_->want("a", WantedState::running).ok());
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 4; }));
  // Asked for both before it has ended: the last word counts.
  ASSERT_TRUE(service_->want("a", WantedState::stopped).ok());
  service_->look();
  ASSERT_TRUE(service_->want("a", WantedState::running).ok());
  produce(4);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 8; }));
  EXPECT_EQ(service_->want("b", WantedState::stopped).code(), Code::not_found);
}

TEST_F(JobServiceTest, AfterAnEndEveryJobThatShouldRunRunsAgain) {
  open();
  for (const char* name : {"a", "b", "c"}) submit(copy_job(name));
  produce(4);
  for (const char* topic : {"of_a", "of_b", "of_c"})
    ASSERT_TRUE(wait_for([&] { return rows(topic) == 4; })) << topic;
  ASSERT_TRUE(service_->want("b", WantedState::stopped).ok());
  ASSERT_TRUE(comes_to("b", "stopped"));
  open();
  produce(4);
  for (const char* topic : {"of_a", "of_c"}) ASSERT_TRUE(wait_for([&] { return rows(topic) == 8; })) << topic;
  EXPECT_EQ(rows("of_b"), 4);
}

TEST_F(JobServiceTest, ACancelledJobIsGoneAndComesBackFromItsCheckpoint) {
  open();
  submit(copy_job("a"));
  produce(4);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 4; }));
  ASSERT_TRUE(service_->cancel("a").ok());
  EXPECT_EQ(service_->cancel("a").code(), Code::not_found);
  ASSERT_TRUE(comes_to("a", "gone"));
  open();
  EXPECT_THAT(service_->jobs(), ElementsAre());
  EXPECT_EQ(submit(copy_job("a")).version, 1);
  produce(4);
  ASSERT_TRUE(wait_for([&] { return rows("of_a") == 8; }));
}

// Nothing of the server's files and environment is a job's, unless its start said so.
TEST_F(JobServiceTest, AJobReachesOnlyWhatTheStartAllowed) {
  open();
  const std::string file =
      "job: f\nsources:\n  s: {file: {path: /etc/passwd}, format: json, schema: {n: int64}}\n"
      "sinks:\n  out: {from: s, discard: }\n";
  EXPECT_THAT(errors_of(file), HasSubstr("outside of what jobs may read and write here (nothing)"));
  EXPECT_THAT(errors_of(copy_job("a", "description: ${PATH}\n")), HasSubstr("PATH"));
  const std::string secret =
      "job: k\nkafka: {brokers: 'localhost:1', security: sasl_plaintext, mechanism: PLAIN, username: u, "
      "password: {env: PATH}}\nsources:\n  s: {topic: {name: t}, format: json, schema: {n: int64}}\n"
      "sinks:\n  out: {from: s, discard: }\n";
  EXPECT_THAT(errors_of(secret), HasSubstr("start it with --allow-env PATH"));
  JobSubmission given;
  given.text = copy_job("a", "description: ${PATH}\n");
  given.variables = {{"PATH", "mine"}};
  EXPECT_TRUE(service_->submit(given)->errors.empty());
}

TEST_F(JobServiceTest, ADamagedEntryIsListedAndLeavesTheOthersAlone) {
  open();
  submit(copy_job("a"));
  submit(copy_job("b"));
  close();
  ASSERT_TRUE(write_file_atomic(env_.fs(), dir_ / "data/jobs/a/JOB", "?").ok());
  open();
  ASSERT_TRUE(comes_to("b", "running"));
  EXPECT_EQ(state("a"), "failed");
  EXPECT_THAT(error("a"), HasSubstr("it is damaged"));
  EXPECT_FALSE(service_->submit({copy_job("a"), {}, {}, {}, false}).ok());
  ASSERT_TRUE(service_->cancel("a").ok());
  ASSERT_TRUE(comes_to("a", "gone"));
  EXPECT_EQ(submit(copy_job("a")).version, 1);
}

// Ten jobs, of which one fails again and again, one can't be built, one has ended, one reads what is not
// there to be decoded, and one is stopped and started all the time: the others lose no row and no checkpoint.
TEST_F(JobServiceTest, NeighboursOfBadJobsGoOn) {
  open();
  std::vector<std::string> good;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    good.emplace_back(name);
    submit(copy_job(name));
  }
  submit(
      "job: finishes\nsources:\n  s: {topic: {name: rides, until: latest}, format: json, schema: {n: "
      "int64}}\n"
      "sinks:\n  out: {from: s, discard: }\n");
  submit(
      "job: mistaken\nsources:\n  s: {topic: {name: rides}, bad_records: fail, format: json, "
      "schema: {n: timestamp}}\nsinks:\n  out: {from: s, topic: {name: of_mistaken}}\n");
  submit(
      "job: unreachable\nkafka: {brokers: '127.0.0.1:1'}\nsources:\n"
      "  s: {topic: {name: t}, format: json, schema: {n: int64}}\nsinks:\n  out: {from: s, discard: }\n");
  submit(
      "job: busy\nsources:\n  s: {generator: {kind: rides, rate: max}, format: json, schema: {city: "
      "string}}\n"
      "sinks:\n  out: {from: s, discard: }\n");
  submit(copy_job("restless"));
  EXPECT_EQ(service_->jobs().size(), 10U);
  for (int round = 1; round <= 5; ++round) {
    produce(10);
    ASSERT_TRUE(service_->want("restless", WantedState::stopped).ok());
    for (const std::string& name : good)
      ASSERT_TRUE(wait_for([&] { return rows("of_" + name) == 10 * round; })) << name << " " << error(name);
    ASSERT_TRUE(service_->want("restless", WantedState::running).ok());
  }
  ASSERT_TRUE(comes_to("mistaken", "failed"));
  ASSERT_TRUE(comes_to("finishes", "finished"));
  ASSERT_TRUE(wait_for([&] { return rows("of_restless") == 50; }));
  for (const std::string& name : good) {
    const auto entry = service_->find(name);
    EXPECT_EQ(entry->attempts.size(), 1U) << name;
    const auto before = entry->execution->status().last_complete;
    ASSERT_TRUE(wait_for([&] { return entry->execution->status().last_complete.value > before.value + 2; }))
        << name;
  }
}

TEST_F(JobServiceTest, AJobsLogNamesItsStartsAndFailures) {
  open();
  submit(
      "job: mistaken\nsources:\n  s: {topic: {name: rides}, bad_records: fail, format: json, "
      "schema: {n: timestamp}}\nsinks:\n  out: {from: s, discard: }\n");
  produce(1);
  ASSERT_TRUE(comes_to("mistaken", "failed"));
  std::string text;
  for (const JobLogLine& line : service_->log_lines("mistaken", 0)) text += line.text + "\n";
  EXPECT_THAT(text, HasSubstr("job_failed job=mistaken"));
  EXPECT_TRUE(service_->log_lines("other", 0).empty());
}

}  // namespace job_service_test
}  // namespace rideflow::test
