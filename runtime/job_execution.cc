#include "runtime/job_execution.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/time.h"

namespace rideflow {
namespace {
constexpr Micros kLookPeriod = kMicrosPerSecond / 10;
constexpr Micros kTurnLook = kMicrosPerSecond / 1000;  // at whose turn it is, which wakes nobody

// Done when all of them are; the first error in their order.
class AllDone : public Completion {
 public:
  explicit AllDone(std::vector<std::shared_ptr<Completion>> parts) : parts_(std::move(parts)) {}
  bool done() const override {
    return std::all_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->done(); });
  }
  Status status() const override {
    for (const auto& part : parts_) RF_TRY(part->status());
    return {};
  }

 private:
  const std::vector<std::shared_ptr<Completion>> parts_;
};

// Each of them wakes by itself.
std::shared_ptr<Completion> all_of(std::vector<std::shared_ptr<Completion>> parts, const WakerRef& waker) {
  if (parts.size() == 1) return parts.front();
  for (const auto& part : parts) part->wake_when_done(waker);
  return std::make_shared<AllDone>(std::move(parts));
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
  RF_ASSIGN(const std::optional<Checkpoint> checkpoint, options_.storage->load());
  const int32_t key_groups = checkpoint ? checkpoint->key_groups : kDefaultKeyGroups;
  lineage_ = checkpoint ? checkpoint->lineage : fmt::format("{:016x}", options_.env->random());
  RF_ASSIGN(first_epoch_, options_.storage->begin_attempt(lineage_));
  state_.first_epoch = first_epoch_;
  if (options_.begun) RF_TRY(options_.begun(first_epoch_));
  if (checkpoint && options_.drop_before.value > 0 && checkpoint->epoch >= options_.drop_before) {
    options_.drop_state.steps.clear();
  }
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
  note_sources();
  RF_TRY(restore(checkpoint ? &*checkpoint : nullptr));
  options_.storage->finish_restore();

  state_.tasks = static_cast<int32_t>(tasks().size());
  state_.interval = options_.checkpoint_interval;
  state_.timeout = options_.checkpoint_timeout;
  if (checkpoint) state_.last_complete = checkpoint->epoch;
  for (const auto& task : tasks()) task->hold_source(true);
  if (options_.care.careful()) {
    std::vector<Task*> sources;
    for (const auto& task : tasks()) {
      if (task->is_source()) sources.push_back(task.get());
    }
    careful_ = std::make_unique<CarefulReading>(options_.env, options_.care, std::move(sources), note_);
    notes_.push_back("what was read when the job failed is read again with care, to find what is to blame");
  }
  post(JobStarted{steady()});
  return {};
}

// Before they are opened.
void JobExecution::note_sources() {
  const auto sources = static_cast<size_t>(
      std::count_if(tasks().begin(), tasks().end(), [](const auto& task) { return task->is_source(); }));
  note_ = options_.note ? options_.note(sources) : JobNote::in_memory(sources);
  Care& care = options_.care;
  if (!care.lineage.empty() && care.lineage != lineage_) care = Care();  // of other positions
  size_t next = 0;
  for (const auto& task : tasks()) {
    if (!task->is_source()) continue;
    SourceDriver& source = *task->source();
    source.set_note(&note_->source(next++));
    source.set_care(SourceCare(source.name(), care.set_aside, care.suspects, care.at_once));
  }
}

Status JobExecution::restore(const Checkpoint* checkpoint) {
  const StateTypes types = state_types(*plan_, *graph_);
  types_ = described_types(*plan_, types);
  std::unique_ptr<RestorePlan> restore;
  if (!checkpoint) RF_TRY(check_drop_policy(options_.drop_state, *plan_, nullptr));
  if (checkpoint) {
    RF_ASSIGN(restore, RestorePlan::make(*checkpoint, *graph_, types, options_.drop_state));
    RF_TRY(restore->resume(*options_.storage));
    notes_ = restore->notes();
    notes_.push_back(fmt::format("restored from checkpoint {}", checkpoint->epoch.value));
  }
  for (const auto& task : tasks()) {
    if (!restore) {
      RF_TRY(task->open(nullptr));
      continue;
    }
    const TaskRestore from = restore->for_task(*task, *options_.storage);
    RF_TRY(task->open(&from));
  }
  return {};
}

// ---- Events
// -----------------------------------------------------------------------------------------------------

// Never 0, which says that something has not happened.
Micros JobExecution::steady() const {
  return options_.env->monotonic() + 1;
}

void JobExecution::post(JobEvent event) {
  {
    const std::lock_guard lock(events_mutex_);
    events_.push_back(std::move(event));
  }
  if (waker_) waker_->wake();
}

void JobExecution::on_snapshot(TaskSnapshot snapshot) {
  post(SnapshotArrived{steady(), std::move(snapshot)});
}
void JobExecution::on_ended(TaskId task) {
  post(TaskEnded{steady(), task});
}
void JobExecution::on_failed(TaskId task, Status status) {
  post(TaskFailed{steady(), task, std::move(status)});
}
void JobExecution::request_stop(bool at_once) {
  post(StopRequested{steady(), at_once});
}
void JobExecution::request_checkpoint() {
  post(CheckpointRequested{steady()});
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
      decide(TaskFailed{steady(), TaskId(-1), status});
      continue;
    }
    JobEvent event = done.on_success;
    if (auto* published = std::get_if<CheckpointPublished>(&event)) {
      published->now = steady();
      published->bytes = *done.bytes;
    } else if (auto* committed = std::get_if<SinksCommitted>(&event)) {
      committed->now = steady();
    }
    decide(event);
  }
  decide(ClockTick{steady(), waits_for()});
  if (careful_) read_with_care();
  return worked;
}

void JobExecution::read_with_care() {
  CarefulReading::Checkpoints checkpoints;
  bool under_way = false;
  {
    const std::lock_guard lock(state_mutex_);
    if (state_.phase != JobPhase::running) return;
    under_way = state_.current.has_value();
    // With its commits: what fails there is no fault of what is read behind it.
    checkpoints.complete = state_.unpublished.empty()
                               ? state_.last_complete
                               : Epoch(state_.unpublished.front().record.epoch.value - 1);
    checkpoints.begun = under_way ? state_.current->epoch : state_.last_complete;
  }
  const bool wanted = careful_->look(checkpoints);
  if (wanted && !under_way) decide(CheckpointRequested{steady()});
  if (!careful_->over()) return;
  careful_.reset();
  if (options_.read_again) options_.read_again();
}

Micros JobExecution::next_pump() const {
  if (careful_) return options_.env->monotonic() + kTurnLook;
  const std::lock_guard lock(state_mutex_);
  const bool waits_for_time =
      state_.phase == JobPhase::running && !state_.current && state_.unpublished.size() < kMostUnpublished;
  return waits_for_time ? std::min(next_look_, state_.next_at) : next_look_;
}

// Looked at now and then only: there may be many operators, and pump() is called often.
std::string JobExecution::waits_for() {
  const Micros now = options_.env->monotonic();
  if (now < next_look_) return {};
  next_look_ = now + kLookPeriod;
  for (const Waiting& one : waiting()) {
    if (one.holds_checkpoints)
      return fmt::format("{} (of '{}', since {})", one.what, one.step, format_timestamp(one.since));
  }
  return {};
}

std::vector<JobExecution::Waiting> JobExecution::waiting() const {
  std::vector<Waiting> all;
  const auto add = [&all](const Task::Node& node, const WaitNote& note, bool holds_checkpoints) {
    if (!note.waits()) return;
    const std::optional<WaitNote::View> view = note.get();
    if (view) all.push_back({node.step, view->what, view->since, holds_checkpoints});
  };
  for (const auto& task : tasks()) {
    // Checkpoints wait for sinks, and for sources only where these have to confirm what they read.
    for (const Task::Node& node : task->nodes()) add(node, node.metrics->waits_for, node.sink != nullptr);
    add(task->nodes().front(), task->unconfirmed(), true);
  }
  return all;
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
      // Rows behind the last barrier would be shown, dropped and read again by the next start.
      if (trigger->last) task->hold_source(true);
      task->trigger_barrier(trigger->epoch);
    }
  } else if (const auto* to_publish = std::get_if<PublishCheckpoint>(&command)) {
    publish(*to_publish);
  } else if (const auto* to_commit = std::get_if<CommitSinks>(&command)) {
    commit(*to_commit);
  } else if (std::holds_alternative<ReleaseSources>(command)) {
    for (const auto& task : tasks()) task->hold_source(false);
  }
  // StopTasks: whoever steps the tasks sees over().
}

void JobExecution::add(Background work) {
  work.completion->wake_when_done(waker_);
  background_.push_back(std::move(work));
}

void JobExecution::publish(const PublishCheckpoint& command) {
  options_.env->kill_point("checkpoint_publish");
  Checkpoint checkpoint;
  checkpoint.job = plan_->job;
  checkpoint.lineage = lineage_;
  checkpoint.epoch = command.epoch;
  checkpoint.key_groups = graph_->plan().key_groups;
  checkpoint.created_at = options_.env->now();
  checkpoint.types = types_;
  checkpoint.text = plan_->text;
  checkpoint.tasks = command.snapshots;
  auto bytes = std::make_shared<int64_t>(0);
  Background work;
  work.on_success = CheckpointPublished{0, command.epoch, 0};
  work.bytes = bytes;
  work.completion = options_.env->offload(
      [storage = options_.storage, checkpoint = std::move(checkpoint), bytes]() -> Status {
        RF_ASSIGN(*bytes, storage->publish(checkpoint));
        return {};
      });
  add(std::move(work));
}

void JobExecution::commit(const CommitSinks& command) {
  options_.env->kill_point("checkpoint_published");
  std::vector<std::shared_ptr<Completion>> lanes;
  for (const Lane lane : {Lane::disk, Lane::others}) {
    std::vector<SinkCommit> commits = commits_of(command, lane);
    if (commits.empty() && lane != Lane::disk) continue;
    lanes.push_back(options_.env->offload(
        [graph = graph_, env = options_.env, commits = std::move(commits)]() -> Status {
          for (const SinkCommit& one : commits) {
            RF_TRY(one.task->commit(one.prepared.sink, one.prepared.epoch, one.prepared.handle));
            env->kill_point("sink_committed");
          }
          return {};
        },
        lane));
  }
  Background work;
  work.on_success = SinksCommitted{0, command.epoch};
  work.completion = all_of(std::move(lanes), waker_);
  for (const auto& task : tasks()) task->on_checkpoint_complete(command.epoch);
  add(std::move(work));
}

std::vector<JobExecution::SinkCommit> JobExecution::commits_of(const CommitSinks& command, Lane lane) const {
  std::vector<SinkCommit> commits;
  for (const PreparedByTask& of_task : command.prepared) {
    Task* const task = graph_->tasks()[static_cast<size_t>(of_task.task.value)].get();
    for (const PreparedEpoch& prepared : of_task.prepared) {
      if (task->commit_lane(prepared.sink) == lane) commits.push_back({task, prepared});
    }
  }
  return commits;
}

bool JobExecution::over() const {
  const JobPhase now = phase();
  return now == JobPhase::finished || now == JobPhase::stopped || now == JobPhase::failed;
}

bool JobExecution::writing() const {
  return std::any_of(background_.begin(), background_.end(),
                     [](const Background& work) { return work.bytes && !work.completion->done(); });
}

Status JobExecution::result() const {
  const std::lock_guard lock(state_mutex_);
  return state_.failure.value_or(Status());
}

CoordinatorState JobExecution::status() const {
  CoordinatorState state;
  {
    const std::lock_guard lock(state_mutex_);
    state = state_;
  }
  // What is decided by the monotonic clock is shown by the wall's.
  const Micros shift = options_.env->now() - steady();
  const auto show = [shift](CheckpointRecord& record) {
    record.started_at += shift;
    if (record.durable_at != 0) record.durable_at += shift;
    if (record.completed_at != 0) record.completed_at += shift;
  };
  if (state.current) show(*state.current);
  for (UnpublishedCheckpoint& one : state.unpublished) show(one.record);
  for (CheckpointRecord& record : state.history) show(record);
  return state;
}

}  // namespace rideflow
