#include "bench/rows/bench_job.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "bench/rows/memory_source.h"
#include "bench/rows/quiet_env.h"
#include "bench/rows/report.h"
#include "dsl/job.h"
#include "runtime/durable_job_storage.h"
#include "runtime/job_execution.h"
#include "runtime/memory_job_storage.h"
#include "runtime/worker.h"

namespace rideflow::bench {
namespace {

constexpr int kStepsPerPump = 64;
constexpr int kStepsPerPumpToCheckpoint = 4;  // so that it begins where it is asked for
constexpr std::chrono::microseconds kPumpPause{200};
constexpr std::chrono::milliseconds kPumpPauseBesideWorkers{1};

struct Collected {
  std::mutex mutex;
  std::vector<Batch> rows;
  int64_t rows_out = 0;
};

class MemorySink : public Sink {
 public:
  MemorySink(std::shared_ptr<Collected> collected, bool keep)
      : collected_(std::move(collected)), keep_(keep) {}
  Result<Progress> process(int, Batch& batch, Output&) override {
    const std::lock_guard lock(collected_->mutex);
    collected_->rows_out += batch.rows;
    if (keep_) collected_->rows.push_back(std::move(batch));
    return Progress::done;
  }
  Result<Prepared> prepare(Epoch) override { return Prepared{}; }
  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  std::shared_ptr<Collected> collected_;
  bool keep_;
};

std::shared_ptr<SourceKind> source_of(const RideData* data, const RunOptions& options) {
  return options.threads == 0 ? memory_source(data)
                              : chunked_memory_source(*data, options.threads, options.batch_rows);
}

std::shared_ptr<SinkKind> memory_sink(const std::shared_ptr<Collected>& collected, bool keep) {
  auto kind = std::make_shared<SinkKind>();
  kind->name = "memory";
  kind->make = [collected, keep](std::shared_ptr<const SinkConfig>) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(std::make_unique<MemorySink>(collected, keep));
  };
  return kind;
}

std::shared_ptr<const LogicalPlan> with_ends(const LogicalPlan& plan, const RunOptions& options,
                                             const std::shared_ptr<Collected>& collected) {
  auto copy = std::make_shared<LogicalPlan>(plan);
  for (LogicalNode& node : copy->nodes) {
    if (auto* source = std::get_if<SourceNode>(&node.body)) {
      const auto found = options.memory.find(node.step);
      if (found == options.memory.end()) {
        source->until.kind = UntilSpec::Kind::latest;
        continue;
      }
      auto kind = source_of(found->second, options);
      source->kind = kind.get();
      copy->owned.push_back(std::move(kind));
    } else if (auto* sink = std::get_if<SinkNode>(&node.body); sink && !options.own_sinks) {
      auto kind = memory_sink(collected, options.keep_rows);
      sink->kind = kind.get();
      copy->owned.push_back(std::move(kind));
    }
  }
  return copy;
}

int64_t events_read(const JobGraph& graph) {
  int64_t events = 0;
  for (const auto& task : graph.counters()) events += task->source.polled.get();
  return events;
}

// One run of one job, on the calling thread or watched from it.
class Run {
 public:
  Run(Env& env, JobExecution& job, const RunOptions& options) : env_(env), job_(job), options_(options) {}

  Status whole(RunResult& result) {
    result_ = &result;
    return options_.threads == 0 ? on_this_thread() : on_workers();
  }

 private:
  Status on_this_thread() {
    // Until the first checkpoint, of the positions, is there.
    while (job_.phase() == JobPhase::starting) step_all();
    const int64_t allocations = thread_allocations();
    const int64_t cpu = thread_cpu_nanos();
    const int64_t process_cpu = process_cpu_nanos();
    const int64_t wall = wall_nanos();
    const int pump_every = options_.checkpoint_at == 0 ? kStepsPerPump : kStepsPerPumpToCheckpoint;
    for (int64_t n = 0; job_.phase() == JobPhase::running; ++n) {
      const bool worked = timed_steps();
      if (worked && n % pump_every != 0) continue;
      // Whoever waits for the disk, as a worker does, takes no CPU time.
      if (!job_.pump() && !worked) std::this_thread::sleep_for(kPumpPause);
      note_state();
      watch_checkpoint();
      if (options_.end_at_checkpoint && result_->checkpointed) return {};
    }
    result_->cpu_nanos = thread_cpu_nanos() - cpu;
    result_->process_cpu_nanos = process_cpu_nanos() - process_cpu;
    result_->wall_nanos = wall_nanos() - wall;
    result_->allocations = thread_allocations() - allocations;
    while (!job_.over()) {
      step_all();
      watch_checkpoint();
    }
    return finish();
  }

  Status on_workers() {
    const auto workers = make_workers(env_, job_.graph(), options_.threads);
    for (const auto& worker : workers) worker->start();
    const auto pump_while = [&](auto&& goes_on) {
      while (goes_on()) {
        if (!job_.pump()) std::this_thread::sleep_for(kPumpPauseBesideWorkers);
      }
    };
    pump_while([&] { return job_.phase() == JobPhase::starting; });
    const int64_t wall = wall_nanos();
    pump_while([&] { return job_.phase() == JobPhase::running; });
    result_->wall_nanos = wall_nanos() - wall;
    pump_while([&] { return !job_.over(); });
    for (const auto& worker : workers) worker->stop();
    return finish();
  }

  void step_all() {
    for (const auto& task : job_.tasks()) task->step();
    job_.pump();
  }

  bool timed_steps() {
    bool worked = false;
    for (const auto& task : job_.tasks()) {
      const int64_t wall = asked_ && !result_->checkpointed ? wall_nanos() : 0;
      const int64_t before = thread_cpu_nanos();
      worked = task->step() == StepResult::worked || worked;
      const int64_t nanos = thread_cpu_nanos() - before;
      result_->longest_step_nanos = std::max(result_->longest_step_nanos, nanos);
      if (wall == 0) continue;
      int64_t& longest = result_->checkpoint_longest_step_nanos;
      int64_t& longest_wall = result_->checkpoint_longest_step_wall_nanos;
      longest = std::max(longest, nanos);
      longest_wall = std::max(longest_wall, wall_nanos() - wall);
    }
    return worked;
  }

  void watch_checkpoint() {
    if (options_.checkpoint_at == 0 || result_->checkpointed) return;
    if (!asked_ && events_read(job_.graph()) >= options_.checkpoint_at) {
      asked_ = true;
      before_ = job_.status().last_complete;
      job_.request_checkpoint();
      for (const auto& task : job_.tasks()) task->hold_source(options_.end_at_checkpoint);
    } else if (asked_) {
      const CoordinatorState status = job_.status();
      for (const CheckpointRecord& record : status.history) {
        if (record.epoch <= before_ || record.completed_at == 0) continue;
        if (!result_->checkpointed)
          result_->checkpoint_nanos = (record.completed_at - record.started_at) * 1000;
        result_->checkpointed = true;
        result_->checkpoint_bytes = record.bytes;  // of the first since it was asked for, the last here
      }
    }
  }

  void note_state() {
    int64_t keys = 0;
    int64_t bytes = 0;
    for (const auto& task : job_.graph().counters()) {
      for (const auto& node : task->operators) {
        keys += node->state_keys.get();
        bytes += node->state_bytes.get();
      }
    }
    if (keys < result_->state_keys || keys == 0) return;
    result_->state_keys = keys;
    result_->state_bytes = bytes;
  }

  Status finish() {
    for (const auto& task : job_.graph().counters()) {
      for (size_t i = 0; i < task->nodes.size(); ++i) {
        const LogicalNode& node =
            job_.graph().plan().logical->nodes[static_cast<size_t>(task->nodes[i].value)];
        result_->busy_nanos[node.step] += task->operators[i]->busy_nanos.get();
      }
    }
    return job_.result();
  }

  Env& env_;
  JobExecution& job_;
  const RunOptions& options_;
  RunResult* result_ = nullptr;
  bool asked_ = false;
  Epoch before_;
};

}  // namespace

Result<std::shared_ptr<JobStorage>> disk_storage(Env& env, const std::string& dir) {
  RF_ASSIGN(auto storage, DurableJobStorage::open(env, dir + "/checkpoints", dir + "/state",
                                                  std::make_shared<RocksShared>()));
  return std::shared_ptr<JobStorage>(std::move(storage));
}

Result<BenchJob> BenchJob::load(const Catalog& catalog, const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return Status::user(Code::not_found, "cannot read the job file " + file);
  return parse(catalog, file, text.str());
}

Result<BenchJob> BenchJob::parse(const Catalog& catalog, const std::string& name, const std::string& text) {
  const LoadedJob loaded = load_job(text, name, catalog);
  if (!loaded.ok()) return Status::user(Code::invalid_argument, format_diagnostics(loaded));
  BenchJob job;
  job.plan_ = loaded.plan;
  return job;
}

Result<RunResult> BenchJob::run(const RideData& data, RunOptions options) const {
  for (const LogicalNode& node : plan_->nodes) {
    if (std::holds_alternative<SourceNode>(node.body)) options.memory[node.step] = &data;
  }
  return run(options);
}

Result<RunResult> BenchJob::run(const RunOptions& options) const {
  RunResult result;
  const auto collected = std::make_shared<Collected>();
  PosixEnv env(quiet());
  ExecutionOptions execution;
  execution.env = &env;
  execution.storage = options.storage ? options.storage : std::make_shared<MemoryJobStorage>();
  execution.resources = options.resources;
  execution.data_dir = options.data_dir;
  execution.parallelism = std::max(1, options.threads);
  execution.batch_rows = options.batch_rows;
  execution.checkpoint_interval = kEndOfTime / 4;
  const int64_t begin = wall_nanos();
  RF_ASSIGN(const std::unique_ptr<JobExecution> job,
            JobExecution::start(with_ends(*plan_, options, collected), execution));
  result.start_nanos = wall_nanos() - begin;
  RF_TRY(Run(env, *job, options).whole(result));
  result.rows = std::move(collected->rows);
  result.rows_out = collected->rows_out;
  return result;
}

}  // namespace rideflow::bench
