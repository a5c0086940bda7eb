// A job that is edited between two starts: what it keeps of its state and what it says, with the state in
// memory and over RocksDB.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "dsl/job.h"
#include "engine/json_writer.h"
#include "engine/virtual_env.h"
#include "runtime/durable_job_storage.h"
#include "runtime/job_evolution.h"
#include "runtime/job_execution.h"
#include "runtime/job_test_world.h"
#include "runtime/memory_job_storage.h"
#include "runtime/posix_env.h"
#include "state/manifest_reader.h"
#include "tests/support/operator_contract.h"
#include "tests/support/temp_dir.h"

namespace rideflow::test {
namespace edited_job_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr Micros kStart = 1'767'225'600 * kMicrosPerSecond;  // 2026-01-01

std::string job_text(const std::string& window, const std::string& aggregates,
                     const std::string& key = "[city]") {
  return fmt::format(R"(job: edited
sources:
  rides:
    topic: {{name: rides, start: earliest}}
    format: json
    schema: {{city: string, fare: int64, time: timestamp}}
    event_time: {{column: time, max_ahead: 0s}}
streams:
  totals:
    from: rides
    key_by: {}
    window: {}
    aggregate: {}
sinks:
  out: {{from: totals, discard: {{}}}}
)",
                     key, window, aggregates);
}

const std::string kHour = "{tumbling: 1h}";

// One line per row: the columns that `columns` names.
std::vector<std::string> lines_of(const TestCollection& got, const std::vector<std::string>& columns) {
  std::vector<std::string> lines;
  for (const Batch& batch : got.batches) {
    for (int32_t row = 0; row < batch.rows; ++row) {
      std::string line;
      for (const std::string& name : columns) {
        if (!line.empty()) line += ' ';
        const auto at = batch.schema->find(name);
        JsonWriter writer(line);
        if (at) {
          writer.cell(batch.column(*at), row);
        } else {
          line += "missing:" + name;
        }
      }
      lines.push_back(line);
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

class EditedJob : public testing::TestWithParam<bool> {
 protected:
  EditedJob() {
    env_.set_auto_offload(true);
    feed().rows.resize(1);
    PosixEnvOptions options;
    options.log_level = LogLevel::error;
    disk_ = std::make_unique<PosixEnv>(options);
    if (GetParam()) {
      storage_ = *DurableJobStorage::open(*disk_, dir_ / "checkpoints", dir_ / "state",
                                          std::make_shared<RocksShared>());
    } else {
      storage_ = std::make_shared<MemoryJobStorage>();
    }
  }
  TestFeed& feed() { return world_->feeds["rides"]; }

  void row(const std::string& city, int64_t fare, int64_t second) {
    TestRow row;
    row.columns = {Value::string(city), Value::int64(fare),
                   Value::timestamp(kStart + second * kMicrosPerSecond)};
    row.timestamp = kStart;
    feed().rows[0].push_back(std::move(row));
  }

  // Starts the job with this text; false (and `refusal_`) when it is refused.
  bool start(const std::string& text, DropPolicy policy = {}) {
    job_.reset();
    LoadedJob loaded = load_job(text, "job.yaml", full_catalog());
    EXPECT_TRUE(loaded.ok()) << format_diagnostics(loaded);
    if (!loaded.ok()) return false;
    plan_ = loaded.plan;
    test_plan_ = std::make_shared<LogicalPlan>(with_test_world(*plan_, world_));
    ExecutionOptions options;
    options.env = &env_;
    options.storage = storage_;
    options.checkpoint_interval = kEndOfTime / 4;
    options.job_test = true;
    options.parallelism = parallelism_;
    options.drop_state = policy;
    const std::vector<StateFinding> planned = survey();
    auto job = JobExecution::start(test_plan_, options);
    refusal_ = job.ok() ? "" : job.status().to_string();
    // `rideflow plan` says beforehand what is refused, and what is told.
    const auto refused = [&](const StateFinding& finding) {
      return finding.needs_drop && !policy.all &&
             std::find(policy.steps.begin(), policy.steps.end(), finding.step) == policy.steps.end();
    };
    const bool misspelt = refusal_.find("there is no step") != std::string::npos;
    EXPECT_TRUE(misspelt || job.ok() == std::none_of(planned.begin(), planned.end(), refused)) << refusal_;
    if (!job.ok()) return false;
    job_ = *std::move(job);
    if (policy.steps.empty() && !policy.all) {
      std::vector<std::string> texts;
      for (const StateFinding& finding : planned) texts.push_back(finding.text);
      EXPECT_EQ(texts, notes());
    }
    settle();
    return true;
  }
  std::vector<StateFinding> survey() {
    const auto before = storage_->load();
    EXPECT_TRUE(before.ok()) << before.status().to_string();
    if (!*before) return {};
    const auto found = survey_state(env_, **before, test_plan_);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    return *found;
  }
  void settle() {
    for (int round = 0; round < 1'000'000 && !job_->over(); ++round) {
      bool worked = job_->pump();
      for (const auto& task : job_->tasks()) worked = task->step() == StepResult::worked || worked;
      if (!worked) return;
    }
  }
  void stop() {
    settle();
    job_->request_stop();
    settle();
    ASSERT_EQ(job_->phase(), JobPhase::stopped) << job_->result().to_string();
  }
  std::vector<std::string> finish(const std::vector<std::string>& columns) {
    feed().ended = true;
    settle();
    EXPECT_EQ(job_->phase(), JobPhase::finished) << job_->result().to_string();
    return lines_of(world_->collections["out"], columns);
  }
  std::vector<std::string> notes() const {
    std::vector<std::string> notes = job_->notes();
    if (!notes.empty()) notes.pop_back();  // "restored from checkpoint n"
    return notes;
  }

  // The files of cells that the newest checkpoint names.
  std::set<std::string> tables() {
    std::set<std::string> names;
    const auto manifests = read_manifests(disk_->fs(), dir_ / "checkpoints");
    EXPECT_TRUE(manifests.ok() && !manifests->empty());
    for (const TaskSnapshot& task : manifests->back().tasks) {
      for (const StateFile& file : task.files) {
        if (file.db_name.ends_with(".sst")) names.insert(file.name);
      }
    }
    return names;
  }

  TempDir dir_;
  int32_t parallelism_ = 1;
  VirtualEnv env_;
  std::unique_ptr<PosixEnv> disk_;
  std::shared_ptr<TestWorld> world_ = std::make_shared<TestWorld>();
  std::shared_ptr<JobStorage> storage_;
  std::shared_ptr<const LogicalPlan> plan_;
  std::shared_ptr<const LogicalPlan> test_plan_;
  std::unique_ptr<JobExecution> job_;
  std::string refusal_;
};
INSTANTIATE_TEST_SUITE_P(, EditedJob, testing::Bool(),
                         [](const auto& i) { return i.param ? "RocksDb" : "InMemory"; });

TEST_P(EditedJob, AnAddedAggregateStartsEmptyAndTheOthersGoOn) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count()}")));
  row("Lyon", 5, 1);
  row("Lyon", 7, 2);
  stop();
  ASSERT_TRUE(start(job_text(kHour, "{most: max(fare), n: count()}")));
  EXPECT_THAT(notes(), ElementsAre("state of 'totals' kept, but: 'most' (max(fare: int64)) starts empty"));
  row("Lyon", 3, 3);
  row("Oslo", 4, 4);
  EXPECT_THAT(finish({"city", "n", "most"}), UnorderedElementsAre("\"Lyon\" 3 3", "\"Oslo\" 1 4"));
}

// Sessions beside windows, each with the tables of its own task.
TEST_P(EditedJob, StartedAsItWasItWritesOnlyWhatChanges) {
  if (!GetParam()) return;  // there are no files
  const std::string text = job_text(kHour, "{n: count()}") + "  visits_out: {from: visits, discard: {}}\n";
  const size_t at = text.find("sinks:");
  const std::string both = text.substr(0, at) +
                           "  visits: {from: rides, key_by: [city], window: {session: 1h}, "
                           "aggregate: {n: count()}}\n" +
                           text.substr(at);
  ASSERT_TRUE(start(both));
  for (int i = 0; i < 50; ++i) row(fmt::format("city {}", i), 5, i);
  stop();
  for (const int32_t parallelism : {1, 3, 3, 2, 2}) {
    SCOPED_TRACE(parallelism);
    const bool as_it_was = parallelism == std::exchange(parallelism_, parallelism);
    const std::set<std::string> before = tables();
    ASSERT_FALSE(before.empty());
    ASSERT_TRUE(start(both)) << refusal_;
    stop();
    EXPECT_EQ(tables() == before, as_it_was);
    ASSERT_TRUE(start(both)) << refusal_;
    row("Lyon", 5, 60);
    stop();
    const std::set<std::string> after = tables();
    EXPECT_EQ(std::includes(after.begin(), after.end(), before.begin(), before.end()), as_it_was);
  }
  ASSERT_TRUE(start(both));
  std::vector<std::string> expected = {"\"Lyon\" 5"};
  for (int i = 0; i < 50; ++i) expected.push_back(fmt::format("\"city {}\" 1", i));
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(finish({"city", "n"}), expected);
  EXPECT_EQ(lines_of(world_->collections["visits_out"], {"city", "n"}), expected);
}

// A topic that was made again: its positions are given up, and only they.
TEST_P(EditedJob, TheDroppedPositionsOfASourceLeaveAllOtherState) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count()}")));
  row("Lyon", 5, 1);
  stop();
  ASSERT_TRUE(start(job_text(kHour, "{n: count()}"), {{"rides"}, false}));
  EXPECT_THAT(notes(),
              ElementsAre("positions of source 'rides' dropped: it begins anew, as its 'start' says"));
  row("Oslo", 4, 4);
  stop();
  ASSERT_TRUE(start(job_text(kHour, "{n: count()}")));
  EXPECT_THAT(notes(), IsEmpty()) << "the next start goes on";
  EXPECT_THAT(finish({"city", "n"}), UnorderedElementsAre("\"Lyon\" 2", "\"Oslo\" 1"));
}

// What the second start wrote has its own layout, and that alone.
TEST_P(EditedJob, AThirdStartReadsWhatTheSecondWrote) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count(), money: sum(fare)}")));
  row("Lyon", 5, 1);
  row("Oslo", 6, 1);
  stop();
  const std::string edited = job_text(kHour, "{least: min(fare), money: sum(fare), n: count()}");
  ASSERT_TRUE(start(edited));
  row("Lyon", 7, 2);
  stop();
  ASSERT_TRUE(start(edited));
  EXPECT_THAT(notes(), IsEmpty());
  EXPECT_THAT(finish({"city", "n", "money", "least"}),
              UnorderedElementsAre("\"Lyon\" 2 12 7", "\"Oslo\" 1 6 null"));
}

TEST_P(EditedJob, ReorderedAndRenamedAggregatesKeepTheirState) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count(), money: sum(fare), share: max(fare) * 100 / sum(fare)}")));
  row("Lyon", 5, 1);
  stop();
  ASSERT_TRUE(
      start(job_text(kHour, "{share: max(fare) * 10 / sum(fare), fares: sum(fare), rides: count()}")));
  EXPECT_THAT(notes(), IsEmpty());
  row("Lyon", 15, 2);
  EXPECT_THAT(finish({"rides", "fares"}), ElementsAre("2 20"));
}

TEST_P(EditedJob, ARemovedAggregateIsGivenUpOnlyWhenTheUserSaysSo) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count(), money: sum(fare)}")));
  row("Lyon", 5, 1);
  stop();
  const std::string edited = job_text(kHour, "{n: count()}");
  EXPECT_FALSE(start(edited));
  EXPECT_THAT(refusal_, HasSubstr("'money' (sum(fare: int64)) is no longer computed: run again with "
                                  "--drop-state totals"));
  EXPECT_FALSE(start(edited, {{"other"}, false}));
  ASSERT_TRUE(start(edited, {{"totals"}, false}));
  EXPECT_THAT(notes(),
              ElementsAre("state of 'totals' kept, but: 'money' (sum(fare: int64)) is no longer computed"));
  row("Lyon", 5, 2);
  EXPECT_THAT(finish({"n"}), ElementsAre("2"));
}

// The argument is computed by the projection in front of the exchange: its column has the same name and type.
TEST_P(EditedJob, AChangedArgumentExpressionIsAnotherState) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count(), money: sum(fare * 2)}")));
  row("Lyon", 5, 1);
  stop();
  const std::string edited = job_text(kHour, "{n: count(), money: sum(fare * 3)}");
  EXPECT_FALSE(start(edited));
  EXPECT_THAT(refusal_, HasSubstr("'money' was sum(fare * 2: int64) and is sum(fare * 3: int64) now"));
  ASSERT_TRUE(start(edited, {{}, true}));
  EXPECT_THAT(notes(), ElementsAre("state of 'totals' kept, but: 'money' starts empty: it was sum(fare * 2: "
                                   "int64) and is sum(fare * 3: int64) now"));
  row("Lyon", 10, 2);
  EXPECT_THAT(finish({"n", "money"}), ElementsAre("2 30"));
}

TEST_P(EditedJob, AChangedFilterIsAnotherState) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count() filter (where fare > 1), all: count()}")));
  row("Lyon", 5, 1);
  stop();
  ASSERT_TRUE(start(job_text(kHour, "{n: count() filter (where fare > 2), all: count()}"), {{}, true}));
  row("Lyon", 5, 2);
  EXPECT_THAT(finish({"n", "all"}), ElementsAre("1 2"));
}

TEST_P(EditedJob, ChangedKeysAndWindowsDropTheStep) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count()}")));
  row("Lyon", 5, 1);
  stop();
  const std::string by_fare = job_text(kHour, "{n: count()}", "{city: lower(city)}");
  EXPECT_FALSE(start(by_fare));
  EXPECT_THAT(refusal_, HasSubstr("its keys changed: run again with --drop-state totals"));
  const std::string by_two = job_text("{tumbling: 2h}", "{n: count()}");
  EXPECT_FALSE(start(by_two));
  EXPECT_THAT(refusal_, HasSubstr("its window changed: run again with --drop-state totals"));
  ASSERT_TRUE(start(by_two, {{"totals"}, false}));
  EXPECT_THAT(notes(), ElementsAre("state of 'totals' dropped: its window changed"));
  row("Lyon", 5, 2);
  EXPECT_THAT(finish({"n"}), ElementsAre("1"));
}

TEST_P(EditedJob, AStepThatBecomesASessionIsAnotherKind) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count()}")));
  row("Lyon", 5, 1);
  stop();
  const std::string session = job_text("{session: {gap: 10m}}", "{n: count()}");
  EXPECT_FALSE(start(session));
  EXPECT_THAT(refusal_, HasSubstr("a step of another kind: run again with --drop-state totals"));
  ASSERT_TRUE(start(session, {{}, true}));
  EXPECT_THAT(finish({"n"}), IsEmpty());
}

// With sums alone hopping windows count the rows behind each row; with a maximum they don't. Both ways.
TEST_P(EditedJob, HoppingWindowsChangeBetweenSubtractingAndMerging) {
  const std::string hopping = "{hopping: {size: 30m, slide: 10m}}";
  ASSERT_TRUE(start(job_text(hopping, "{n: count()}")));
  row("Lyon", 5, 1);
  row("Lyon", 9, 700);  // 00:11:40: the window to 00:10 has fired
  stop();
  ASSERT_TRUE(start(job_text(hopping, "{n: count(), most: max(fare)}")));
  row("Lyon", 4, 701);
  stop();
  ASSERT_TRUE(start(job_text(hopping, "{n: count()}"), {{}, true}));
  row("Lyon", 4, 1300);  // 00:21:40
  // Windows that end at 00:10, 00:20, 00:30, 00:40, 00:50.
  EXPECT_THAT(finish({"n"}), UnorderedElementsAre("1", "3", "4", "3", "1"));
}

// Rows that a session holds have the columns of the old job; what they lack is null.
TEST_P(EditedJob, SessionsKeepOpenSessionsAndHeldRows) {
  const std::string session = "{session: {gap: 10m}}";
  ASSERT_TRUE(start(job_text(session, "{n: count(), last: last(fare)}")));
  row("Lyon", 5, 1);
  row("Lyon", 6, 2);
  row("Oslo", 1, 3);  // watermark 3: this one is held
  stop();
  ASSERT_TRUE(start(job_text(session, "{twice: sum(fare * 2), last: last(fare), n: count()}")));
  EXPECT_THAT(notes(),
              ElementsAre("state of 'totals' kept, but: 'twice' (sum(fare * 2: int64)) starts empty"));
  row("Oslo", 7, 4);
  row("Lyon", 8, 5);
  stop();
  ASSERT_TRUE(start(job_text(session, "{twice: sum(fare * 2), last: last(fare), n: count()}")));
  EXPECT_THAT(notes(), IsEmpty());
  EXPECT_THAT(finish({"city", "n", "last", "twice"}),
              UnorderedElementsAre("\"Lyon\" 3 8 16", "\"Oslo\" 2 7 14"));
}

TEST_P(EditedJob, RevisionsCountOnOverAnEdit) {
  const std::string early = "{tumbling: 1h, every: 10m}";
  ASSERT_TRUE(start(job_text(early, "{n: count()}")));
  row("Lyon", 5, 1);
  row("Lyon", 5, 700);  // the first slice is complete: _revision 0
  stop();
  ASSERT_TRUE(start(job_text(early, "{n: count(), money: sum(fare)}")));
  row("Lyon", 5, 701);
  EXPECT_THAT(finish({"n", "_revision"}), UnorderedElementsAre("1 0", "3 1", "3 2"));
}

TEST_P(EditedJob, ARemovedStepNeedsAWord) {
  ASSERT_TRUE(start(job_text(kHour, "{n: count()}")));
  row("Lyon", 5, 1);
  stop();
  std::string renamed = job_text(kHour, "{n: count()}");
  for (size_t at; (at = renamed.find("totals")) != std::string::npos;) renamed.replace(at, 6, "sums");
  EXPECT_FALSE(start(renamed));
  EXPECT_THAT(refusal_, HasSubstr("state of 'totals', which the job no longer has: run again with "
                                  "--drop-state totals"));
  EXPECT_TRUE(start(renamed, {{"totals"}, false}));
}

// One rule, whatever its last epoch was: prepared rows may wait for nobody but this sink.
TEST_P(EditedJob, ARemovedSinkNeedsAWordWhetherItsLastEpochHadRowsOrNot) {
  const std::string one = job_text(kHour, "{n: count()}");
  const std::string two = one + "  raw: {from: rides, topic: {name: raw}}\n";
  const std::string shown = one + "  raw: {from: rides, console: {}}\n";
  for (const bool rows : {false, true}) {
    SCOPED_TRACE(rows);
    ASSERT_TRUE(start(two, {{}, true}));
    if (rows) row("Lyon", 5, 1);
    stop();
    EXPECT_FALSE(start(one));
    EXPECT_THAT(refusal_, HasSubstr("state of 'raw', which the job no longer has: run again with "
                                    "--drop-state raw"));
    EXPECT_FALSE(start(shown)) << "a sink of another kind does not publish what this one prepared";
    EXPECT_THAT(refusal_, HasSubstr("'raw' had prepared as a sink of another kind: run again with "
                                    "--drop-state raw"));
    ASSERT_TRUE(start(one, {{"raw"}, false}));
    EXPECT_THAT(notes(), testing::Contains("state of 'raw' dropped: the job no longer has it"));
    stop();
    ASSERT_TRUE(start(one)) << "said once is enough: " << refusal_;
    stop();
  }
  // What promises nothing keeps nothing.
  ASSERT_TRUE(start(shown));
  row("Lyon", 5, 1);
  stop();
  EXPECT_TRUE(start(one)) << refusal_;
}

TEST_P(EditedJob, StateOfAStepThatIsNotThereCantBeDropped) {
  const std::string text = job_text(kHour, "{n: count()}");
  for (const bool first_start : {true, false}) {
    SCOPED_TRACE(first_start);
    for (const std::string wrong : {"total", "Totals", "nonsense", "", "totals/window"}) {
      EXPECT_FALSE(start(text, {{wrong}, false})) << wrong;
      EXPECT_THAT(refusal_, HasSubstr(fmt::format("--drop-state: there is no step '{}'", wrong)));
      EXPECT_THAT(refusal_, HasSubstr("there are rides, totals, out"));
    }
    EXPECT_FALSE(start(text, {{"totals", "total"}, false})) << "one of several";
    EXPECT_THAT(refusal_, HasSubstr("(did you mean 'totals'?)"));
    ASSERT_TRUE(start(text, {{"totals"}, false}));
    stop();
  }
}

TEST_P(EditedJob, ADroppedPositionBeginsAtTheStart) {
  const std::string text = job_text(kHour, "{n: count()}");
  ASSERT_TRUE(start(text));
  row("Lyon", 5, 1);
  row("Oslo", 5, 2);
  stop();
  ASSERT_TRUE(start(text, {{"rides"}, false}));
  EXPECT_THAT(notes(),
              testing::Contains("positions of source 'rides' dropped: it begins anew, as its 'start' says"));
  EXPECT_THAT(finish({"city", "n"}), UnorderedElementsAre("\"Lyon\" 2", "\"Oslo\" 2"));
}

}  // namespace edited_job_test
}  // namespace rideflow::test
