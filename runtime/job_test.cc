#include "runtime/job_test.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/json_writer.h"
#include "engine/virtual_env.h"
#include "runtime/job_execution.h"
#include "runtime/job_test_rows.h"
#include "runtime/job_test_world.h"
#include "runtime/memory_job_storage.h"

namespace rideflow {
namespace {

constexpr int kMaxRounds = 10'000'000;

class TestRunner {
 public:
  TestRunner(const LogicalPlan& plan, const JobTest& test, const JobTestRun& run)
      : plan_(plan), test_(test), run_(run), world_(std::make_shared<TestWorld>()) {
    env_.set_auto_offload(true);
  }

  Status run() {
    test_plan_ = std::make_shared<LogicalPlan>(with_test_world(plan_, world_));
    size_partitions();
    RF_TRY(start());
    for (const FeedStep& step : test_.feed) RF_TRY(apply(step));
    if (test_.open) return {};
    for (auto& [name, feed] : world_->feeds) feed.ended = true;
    RF_TRY(settle());
    if (job_->phase() == JobPhase::finished) return {};
    return Status::internal("the job did not finish although all its sources ended");
  }

  Result<std::vector<ActualRow>> rows(const std::string& sink) {
    for (const LogicalNode& node : plan_.nodes) {
      const auto* found = std::get_if<SinkNode>(&node.body);
      if (found && node.step == sink)
        return rows_of(*found->config, world_->collections[found->config->sink]);
    }
    return Status::internal("no sink '" + sink + "'");
  }

 private:
  void size_partitions() {
    for (const FeedStep& step : test_.feed) {
      for (const FeedRow& row : step.rows) {
        TestFeed& feed = world_->feeds[step.source];
        feed.partitions = std::max(feed.partitions, row.partition + 1);
      }
    }
    for (auto& [name, feed] : world_->feeds) feed.rows.resize(static_cast<size_t>(feed.partitions));
  }

  Status start() {
    ExecutionOptions options;
    options.env = &env_;
    options.resources = &resources_;
    options.storage = storage_;
    options.parallelism = run_.parallelism;
    options.batch_rows = run_.batch_rows;
    options.checkpoint_interval = kEndOfTime / 4;  // only when the test says so
    options.job_test = true;
    RF_ASSIGN(job_, JobExecution::start(test_plan_, options));
    return settle();
  }

  // Until nothing has anything to do.
  Status settle() {
    for (int round = 0; round < kMaxRounds; ++round) {
      bool worked = job_->pump();
      if (job_->over()) return job_->result();
      for (const auto& task : job_->tasks()) worked = task->step() == StepResult::worked || worked;
      if (!worked) return {};
    }
    return Status::internal("the job does not come to rest");
  }

  Status apply(const FeedStep& step) {
    switch (step.kind) {
      case FeedStep::Kind::rows:
        feed(step);
        break;
      case FeedStep::Kind::advance:
        for (const auto& [source, time] : step.advance) advance(source, time);
        break;
      case FeedStep::Kind::end:
        for (const std::string& source : step.end) world_->feeds[source].ended = true;
        break;
      case FeedStep::Kind::wait:
        env_.advance(step.wait_micros);
        break;
      case FeedStep::Kind::restart:
        return restart();
    }
    return settle();
  }

  void feed(const FeedStep& step) {
    TestFeed& feed = world_->feeds[step.source];
    for (const FeedRow& row : step.rows) {
      TestRow out;
      out.partition = Partition(row.partition);
      out.columns = row.values;
      out.timestamp = row.timestamp.value_or(kNoTime);
      out.key = row.key;
      out.raw = row.raw;
      feed.rows[static_cast<size_t>(row.partition)].push_back(std::move(out));
    }
  }

  void advance(const std::string& source, Micros time) {
    const TestFeed& feed = world_->feeds[source];
    for (const auto& task : job_->tasks()) {
      if (!task->is_source() || task->nodes()[0].step != source) continue;
      for (int32_t p = 0; p < feed.partitions; ++p) {
        if (task->source()->clock().has_partition(Partition(p))) {
          task->source()->clock().advance(Partition(p), time);
        }
      }
    }
  }

  // A checkpoint, then everything but the checkpoint is dropped.
  Status restart() {
    RF_TRY(settle());
    job_->request_checkpoint();
    RF_TRY(settle());
    job_.reset();
    return start();
  }

  const LogicalPlan& plan_;
  const JobTest& test_;
  const JobTestRun run_;
  VirtualEnv env_;
  Resources resources_;
  std::shared_ptr<TestWorld> world_;
  std::shared_ptr<MemoryJobStorage> storage_ = std::make_shared<MemoryJobStorage>();
  std::shared_ptr<const LogicalPlan> test_plan_;
  std::unique_ptr<JobExecution> job_;
};

// One run: what reached each sink that the test names, or why the job failed.
Status run_once(const LogicalPlan& plan, const JobTest& test, const JobTestRun& run,
                std::vector<RowDifference>& differences) {
  TestRunner runner(plan, test, run);
  RF_TRY(runner.run());
  for (const ExpectedRows& expected : test.expect) {
    RF_ASSIGN(const std::vector<ActualRow> rows, runner.rows(expected.sink));
    RowDifference difference = compare_rows(expected, rows);
    if (!difference.empty()) differences.push_back(std::move(difference));
  }
  return {};
}

// Most failures are the same in every run.
void add_failure(std::vector<JobTestFailure>& failures, const JobTestRun& run, std::string error,
                 RowDifference difference) {
  for (JobTestFailure& known : failures) {
    if (known.error != error || !(known.difference == difference)) continue;
    known.runs.push_back(run);
    return;
  }
  failures.push_back({{run}, std::move(error), std::move(difference)});
}

std::string runs_text(const JobTestFailure& failure, int all) {
  if (static_cast<int>(failure.runs.size()) == all) return fmt::format("in all {} runs", all);
  const JobTestRun& first = failure.runs[0];
  return fmt::format("in {} of {} runs, the first at batch size {}, parallelism {}", failure.runs.size(), all,
                     first.batch_rows, first.parallelism);
}

}  // namespace

JobTestResult run_job_test(const LogicalPlan& plan, const JobTest& test) {
  JobTestResult result;
  result.name = test.name;
  result.file = test.file;
  result.pos = test.pos;
  for (const int32_t parallelism : test.parallelism) {
    for (const int32_t batch_rows : {1, 1024}) {
      const JobTestRun run = {batch_rows, parallelism};
      ++result.runs;
      std::vector<RowDifference> differences;
      const Status status = run_once(plan, test, run, differences);
      for (RowDifference& difference : differences)
        add_failure(result.failures, run, {}, std::move(difference));
      if (!status.ok()) add_failure(result.failures, run, status.to_string(), {});
    }
  }
  if (!result.ok()) result.input = feed_lines(plan, test);
  return result;
}

std::string to_text(const JobTestResult& result) {
  constexpr size_t kMostLines = 50;
  std::string out;
  const auto line = [&](std::string_view text) { out += fmt::format("    {}\n", text); };
  out += "  fed:\n";
  for (size_t i = 0; i < std::min(result.input.size(), kMostLines); ++i) line(result.input[i]);
  if (result.input.size() > kMostLines)
    line(fmt::format("… and {} more (all with --format json)", result.input.size() - kMostLines));
  for (const JobTestFailure& failure : result.failures) {
    const std::string runs = runs_text(failure, result.runs);
    if (!failure.error.empty()) {
      out += fmt::format("  the job failed {}: {}\n", runs, failure.error);
      continue;
    }
    out += fmt::format("  sink '{}', {}:\n", failure.difference.sink, runs);
    for (const RowDifference::Missing& missing : failure.difference.missing)
      line(fmt::format("line {}: expected and not found: {}", missing.line, missing.row));
    for (const std::string& row : failure.difference.unexpected)
      line(fmt::format("found and not expected: {}", row));
  }
  return out;
}

void append_json(std::string& out, const JobTestResult& result) {
  JsonWriter json(out);
  json.begin_object().field("name", result.name).field("file", result.file).field("line", result.pos.line);
  json.field("passed", result.ok()).key("input").begin_array();
  for (const std::string& line : result.input) json.string(line);
  json.end_array().key("failures").begin_array();
  for (const JobTestFailure& failure : result.failures) {
    json.begin_object().field("sink", failure.difference.sink).field("error", failure.error);
    json.key("runs").begin_array();
    for (const JobTestRun& run : failure.runs) {
      json.begin_object().field("batch_size", run.batch_rows).field("parallelism", run.parallelism);
      json.end_object();
    }
    json.end_array().key("missing").begin_array();
    for (const RowDifference::Missing& missing : failure.difference.missing)
      json.begin_object().field("line", missing.line).key("row").raw(missing.row).end_object();
    json.end_array().key("unexpected").begin_array();
    for (const std::string& row : failure.difference.unexpected) json.raw(row);
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

}  // namespace rideflow
