#include "bench/rows/memory_job.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "bench/rows/report.h"
#include "dsl/job.h"
#include "runtime/job_execution.h"
#include "runtime/memory_job_storage.h"
#include "runtime/posix_env.h"

namespace rideflow::bench {
namespace {

constexpr int kStepsPerPump = 64;

class MemoryReader : public RecordReader {
 public:
  explicit MemoryReader(const RideData* data) : data_(data) {}

  Status open(const OpenContext&) override { return {}; }
  Result<std::vector<Partition>> partitions() override { return std::vector<Partition>{Partition(0)}; }
  bool may_grow() const override { return false; }
  Result<Position> resolve(Partition, StartAt, Micros) override { return Position{}; }
  Result<Position> end(Partition) override { return Position{data_->events(), {}}; }
  Status assign(Partition, const Position& position) override {
    next_ = position.offset;
    return {};
  }
  Result<Poll> poll(Partition, int32_t budget) override {
    Poll poll;
    const int64_t n = std::min<int64_t>(budget, data_->events() - next_);
    if (n == 0) {
      poll.state = Poll::State::ended;
      return poll;
    }
    auto chunk = std::make_shared<Origin>();
    chunk->topic = topic_;
    chunk->arena = data_->bytes();
    chunk->records.resize(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      RecordOrigin& record = chunk->records[static_cast<size_t>(i)];
      record.payload = data_->event(next_ + i);
      record.position = next_ + i;
      record.timestamp = kEndOfTime / 2;  // as a topic's record has one; never ahead of it
    }
    next_ += n;
    poll.chunk = std::move(chunk);
    return poll;
  }
  Position position(Partition) const override { return {next_, {}}; }

 private:
  const RideData* data_;
  int64_t next_ = 0;
  std::shared_ptr<const std::string> topic_ = std::make_shared<const std::string>("memory");
};

class MemorySink : public Sink {
 public:
  MemorySink(RunResult* result, bool keep) : result_(result), keep_(keep) {}
  Status process(int, Batch batch, Output&) override {
    result_->rows_out += batch.rows;
    if (keep_) result_->rows.push_back(std::move(batch));
    return {};
  }
  Result<Prepared> prepare(Epoch) override { return Prepared{}; }
  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  RunResult* result_;
  bool keep_;
};

std::shared_ptr<const LogicalPlan> with_memory(const LogicalPlan& plan, const RideData& data,
                                               RunResult* result, bool keep) {
  auto source_kind = std::make_shared<SourceKind>();
  source_kind->name = "memory";
  source_kind->make = [&data](const SourceConfig&) -> Result<std::unique_ptr<RecordReader>> {
    return std::unique_ptr<RecordReader>(std::make_unique<MemoryReader>(&data));
  };
  auto sink_kind = std::make_shared<SinkKind>();
  sink_kind->name = "memory";
  sink_kind->make = [result, keep](std::shared_ptr<const SinkConfig>) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(std::make_unique<MemorySink>(result, keep));
  };
  auto copy = std::make_shared<LogicalPlan>(plan);
  for (LogicalNode& node : copy->nodes) {
    if (auto* source = std::get_if<SourceNode>(&node.body)) source->kind = source_kind.get();
    if (auto* sink = std::get_if<SinkNode>(&node.body)) sink->kind = sink_kind.get();
  }
  copy->owned.push_back(source_kind);
  copy->owned.push_back(sink_kind);
  return copy;
}

void note_state(const JobGraph& graph, RunResult& result) {
  int64_t keys = 0;
  int64_t bytes = 0;
  for (const auto& task : graph.counters()) {
    for (const auto& node : task->operators) {
      keys += node->state_keys.get();
      bytes += node->state_bytes.get();
    }
  }
  if (keys < result.state_keys || keys == 0) return;
  result.state_keys = keys;
  result.state_bytes = bytes;
}

}  // namespace

Result<MemoryJob> MemoryJob::load(const Catalog& catalog, const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return Status::user(Code::not_found, "cannot read the job file " + file);
  const LoadedJob loaded = load_job(text.str(), file, catalog);
  if (!loaded.ok()) return Status::user(Code::invalid_argument, format_diagnostics(loaded));
  MemoryJob job;
  job.plan_ = loaded.plan;
  return job;
}

Result<RunResult> MemoryJob::run(const RideData& data, const RunOptions& options) const {
  RunResult result;
  PosixEnv env;
  ExecutionOptions execution;
  execution.env = &env;
  execution.storage = std::make_shared<MemoryJobStorage>();
  execution.batch_rows = options.batch_rows;
  execution.checkpoint_interval = kEndOfTime / 4;
  RF_ASSIGN(const std::unique_ptr<JobExecution> job,
            JobExecution::start(with_memory(*plan_, data, &result, options.keep_rows), execution));
  const auto& tasks = job->tasks();
  // Until the first checkpoint, of the positions, is there.
  while (job->phase() == JobPhase::starting) {
    for (const auto& task : tasks) task->step();
    job->pump();
  }
  const int64_t allocations = thread_allocations();
  const int64_t cpu = thread_cpu_nanos();
  for (int64_t n = 0; job->phase() == JobPhase::running; ++n) {
    bool worked = false;
    for (const auto& task : tasks) {
      const int64_t before = thread_cpu_nanos();
      worked = task->step() == StepResult::worked || worked;
      result.longest_step_nanos = std::max(result.longest_step_nanos, thread_cpu_nanos() - before);
    }
    if (worked && n % kStepsPerPump != 0) continue;
    job->pump();
    note_state(job->graph(), result);
  }
  result.cpu_nanos = thread_cpu_nanos() - cpu;
  result.allocations = thread_allocations() - allocations;
  while (!job->over()) {
    for (const auto& task : tasks) task->step();
    job->pump();
  }
  RF_TRY(job->result());
  return result;
}

}  // namespace rideflow::bench
