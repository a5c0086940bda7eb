#include "runtime/job_execution.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "runtime/state_shape.h"

namespace rideflow {
namespace {

std::string step_of(const std::string& node_name) {
  return node_name.substr(0, node_name.rfind('/'));
}

}  // namespace

JobExecution::JobExecution(std::shared_ptr<const LogicalPlan> plan, const ExecutionOptions& options)
    : plan_(std::move(plan)), options_(options) {}

// Background work that is still under way keeps the graph and the storage alive by itself.
JobExecution::~JobExecution() = default;

Result<std::unique_ptr<JobExecution>> JobExecution::start(std::shared_ptr<const LogicalPlan> plan,
                                                          const ExecutionOptions& options) {
  auto execution = std::unique_ptr<JobExecution>(new JobExecution(std::move(plan), options));
  RF_TRY(execution->build());
  return execution;
}

Status JobExecution::build() {
  started_at_ = options_.env->now();
  RF_ASSIGN(const std::optional<JobCheckpoint> checkpoint, options_.storage->load());
  const int32_t key_groups = checkpoint ? checkpoint->key_groups : kDefaultKeyGroups;
  lineage_ = checkpoint ? checkpoint->lineage : fmt::format("{:016x}", options_.env->random());
  RF_ASSIGN(PhysicalPlan physical, make_physical_plan(plan_, options_.parallelism, key_groups));

  GraphContext context;
  context.env = options_.env;
  context.resources = options_.resources;
  context.lineage = lineage_;
  context.data_dir = options_.data_dir;
  context.batch_rows = options_.batch_rows;
  context.job_test = options_.job_test;
  context.events = this;
  context.state = [this](TaskId task) { return options_.storage->backend(task); };
  RF_ASSIGN(auto graph, JobGraph::build(std::make_shared<PhysicalPlan>(std::move(physical)), context));
  graph_ = std::move(graph);
  RF_TRY(restore(checkpoint ? &*checkpoint : nullptr));
  options_.storage->finish_restore();

  state_.tasks = static_cast<int32_t>(tasks().size());
  state_.interval = options_.checkpoint_interval;
  if (checkpoint) state_.last_complete = checkpoint->epoch;
  for (const auto& task : tasks()) task->hold_source(true);
  post(JobStarted{options_.env->now()});
  return {};
}

Status JobExecution::restore(const JobCheckpoint* checkpoint) {
  if (checkpoint) RF_TRY(check_dropped_state(*checkpoint));
  for (const auto& task : tasks()) {
    if (!checkpoint) {
      RF_TRY(task->open(nullptr));
      continue;
    }
    const TaskRestore from = restore_for(*checkpoint, *task);
    RF_TRY(task->open(&from));
  }
  if (checkpoint) notes_.push_back(fmt::format("restored from checkpoint {}", checkpoint->epoch.value));
  return {};
}

// State of a step that the job no longer has, or has differently, would be lost: that needs a word.
Status JobExecution::check_dropped_state(const JobCheckpoint& checkpoint) {
  std::set<std::string> present;
  for (const LogicalNode& node : plan_->nodes) present.insert(node_name(*plan_, node.id));
  std::set<std::string> gone;
  StateShapes stored;
  for (const TaskSnapshot& snapshot : checkpoint.snapshots) {
    for (const auto& [name, blob] : snapshot.blobs) {
      if (name == kStateShapesBlob) {
        RF_ASSIGN(stored, decode_state_shapes(blob));
      } else if (!present.count(name)) {
        gone.insert(step_of(name));
      }
    }
    for (const PreparedSink& sink : snapshot.prepared) {
      if (!present.count(sink.sink)) gone.insert(step_of(sink.sink));
    }
  }
  for (const std::string& step : gone) {
    RF_TRY(drop_state(step, "the checkpoint holds state of '{}', which the job no longer has",
                      "state of '{}' dropped: the job no longer has it"));
  }
  for (const auto& [name, shape] : state_shapes(*plan_)) {
    const auto old = stored.find(name);
    if (old == stored.end() || old->second == shape) continue;
    RF_TRY(drop_state(step_of(name),
                      "the checkpoint holds state of '{}' as it was before its keys, window or aggregates "
                      "changed",
                      "state of '{}' dropped: its keys, window or aggregates changed"));
    dropped_nodes_.insert(name);
  }
  return {};
}

Status JobExecution::drop_state(const std::string& step, const char* refusal, const char* note) {
  const auto& allowed = options_.drop_state;
  if (!options_.drop_changed_state && std::find(allowed.begin(), allowed.end(), step) == allowed.end()) {
    return Status::user(Code::failed_precondition,
                        fmt::format(fmt::runtime(refusal), step) +
                            fmt::format(": run again with --drop-state {} to give it up", step));
  }
  notes_.push_back(fmt::format(fmt::runtime(note), step));
  return {};
}

TaskRestore JobExecution::restore_for(const JobCheckpoint& checkpoint, const Task& task) const {
  TaskRestore from;
  from.epoch = checkpoint.epoch;
  const auto& counters = *graph_->counters()[static_cast<size_t>(task.id().value)];
  const int32_t parallelism = graph_->plan().stages[static_cast<size_t>(counters.stage)].parallelism;
  for (const Task::Node& node : task.nodes()) {
    if (dropped_nodes_.count(node.name)) continue;
    for (const TaskSnapshot& snapshot : checkpoint.snapshots) {
      const auto blob = snapshot.blobs.find(node.name);
      if (blob != snapshot.blobs.end()) from.blobs[node.name].push_back(blob->second);
      // What a shard prepared is settled under its own id; shards that are gone fall to the remaining ones.
      for (const PreparedSink& sink : snapshot.prepared) {
        if (sink.sink == node.name && sink.shard.value % parallelism == counters.shard.value) {
          from.pending[node.name].emplace_back(checkpoint.epoch, sink.handle);
        }
      }
    }
  }
  from.cells = [this](const std::string& name) -> Result<StateTable*> {
    if (dropped_nodes_.count(name)) return static_cast<StateTable*>(nullptr);
    return options_.storage->restored_cells(name);
  };
  return from;
}

// ---- Events
// -----------------------------------------------------------------------------------------------------

void JobExecution::post(JobEvent event) {
  const std::lock_guard lock(events_mutex_);
  events_.push_back(std::move(event));
}

void JobExecution::on_snapshot(TaskSnapshot snapshot) {
  post(SnapshotArrived{options_.env->now(), std::move(snapshot)});
}
void JobExecution::on_ended(TaskId task) {
  post(TaskEnded{options_.env->now(), task});
}
void JobExecution::on_failed(TaskId task, Status status) {
  post(TaskFailed{options_.env->now(), task, std::move(status)});
}
void JobExecution::request_stop() {
  post(StopRequested{options_.env->now()});
}
void JobExecution::request_checkpoint() {
  post(CheckpointRequested{options_.env->now()});
}

bool JobExecution::pump() {
  std::vector<JobEvent> events;
  {
    const std::lock_guard lock(events_mutex_);
    events.swap(events_);
  }
  bool worked = !events.empty();
  for (const JobEvent& event : events) decide(event);
  for (size_t i = 0; i < background_.size();) {
    if (!background_[i].completion->done()) {
      ++i;
      continue;
    }
    const Background done = std::move(background_[i]);
    background_.erase(background_.begin() + static_cast<std::ptrdiff_t>(i));
    worked = true;
    const Status status = done.completion->status();
    if (!status.ok()) {
      decide(TaskFailed{options_.env->now(), TaskId(-1), status});
      continue;
    }
    JobEvent event = done.on_success;
    if (auto* published = std::get_if<CheckpointPublished>(&event)) {
      published->now = options_.env->now();
      published->bytes = *done.bytes;
    } else if (auto* committed = std::get_if<SinksCommitted>(&event)) {
      committed->now = options_.env->now();
    }
    decide(event);
  }
  decide(ClockTick{options_.env->now()});
  return worked;
}

void JobExecution::decide(const JobEvent& event) {
  std::vector<JobCommand> commands;
  {
    const std::lock_guard lock(state_mutex_);
    Decision decision = apply(std::move(state_), event);
    state_ = std::move(decision.state);
    commands = std::move(decision.commands);
    phase_.store(state_.phase, std::memory_order_release);
  }
  for (const JobCommand& command : commands) carry_out(command);
}

void JobExecution::carry_out(const JobCommand& command) {
  if (const auto* trigger = std::get_if<TriggerBarrier>(&command)) {
    options_.env->kill_point("checkpoint_begin");
    for (const auto& task : tasks()) {
      if (!task->is_source()) continue;
      task->trigger_barrier(trigger->epoch);
      if (task->waker) task->waker->wake();
    }
  } else if (const auto* to_publish = std::get_if<PublishCheckpoint>(&command)) {
    publish(*to_publish);
  } else if (const auto* to_commit = std::get_if<CommitSinks>(&command)) {
    commit(*to_commit);
  } else if (std::holds_alternative<ReleaseSources>(command)) {
    for (const auto& task : tasks()) {
      task->hold_source(false);
      if (task->waker) task->waker->wake();
    }
  }
  // StopTasks: whoever steps the tasks sees over().
}

void JobExecution::publish(const PublishCheckpoint& command) {
  options_.env->kill_point("checkpoint_publish");
  JobCheckpoint checkpoint;
  checkpoint.job = plan_->job;
  checkpoint.lineage = lineage_;
  checkpoint.epoch = command.epoch;
  checkpoint.key_groups = graph_->plan().key_groups;
  checkpoint.created_at = options_.env->now();
  checkpoint.snapshots = command.snapshots;
  if (const StateShapes shapes = state_shapes(*plan_); !shapes.empty() && !checkpoint.snapshots.empty()) {
    checkpoint.snapshots[0].blobs[std::string(kStateShapesBlob)] = encode_state_shapes(shapes);
  }
  auto bytes = std::make_shared<int64_t>(0);
  Background work;
  work.on_success = CheckpointPublished{0, command.epoch, 0};
  work.bytes = bytes;
  work.completion = options_.env->offload(
      [storage = options_.storage, checkpoint = std::move(checkpoint), bytes]() -> Status {
        RF_ASSIGN(*bytes, storage->publish(checkpoint));
        return {};
      });
  background_.push_back(std::move(work));
}

void JobExecution::commit(const CommitSinks& command) {
  options_.env->kill_point("checkpoint_published");
  Background work;
  work.on_success = SinksCommitted{0, command.epoch};
  work.completion =
      options_.env->offload([graph = graph_, env = options_.env, snapshots = command.snapshots]() -> Status {
        for (const TaskSnapshot& snapshot : snapshots) {
          for (const PreparedSink& sink : snapshot.prepared) {
            Task& task = *graph->tasks()[static_cast<size_t>(snapshot.task.value)];
            RF_TRY(task.commit(sink.sink, snapshot.epoch, sink.handle));
            env->kill_point("sink_committed");
          }
        }
        return {};
      });
  for (const auto& task : tasks()) task->on_checkpoint_complete(command.epoch);
  background_.push_back(std::move(work));
}

bool JobExecution::over() const {
  const JobPhase now = phase();
  return now == JobPhase::finished || now == JobPhase::stopped || now == JobPhase::failed;
}

Status JobExecution::result() const {
  const std::lock_guard lock(state_mutex_);
  return state_.failure.value_or(Status());
}

CoordinatorState JobExecution::status() const {
  const std::lock_guard lock(state_mutex_);
  return state_;
}

}  // namespace rideflow
