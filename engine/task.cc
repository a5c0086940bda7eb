#include "engine/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/key_encoder.h"
#include "engine/task_bell.h"
#include "engine/task_snapshots.h"

namespace rideflow {

namespace {
constexpr Micros kTickPeriod = kMicrosPerSecond / 10;
}  // namespace

class Task::NodeOutput : public Output {
 public:
  NodeOutput(Task* task, int node) : task_(task), node_(node) {}
  void emit(int port, Batch batch) override { task_->deliver(node_, port, std::move(batch)); }
  bool has_room() const override { return task_->has_room(); }

 private:
  Task* task_;
  int node_;
};

Task::Task(Parts parts)
    : parts_(std::move(parts)),
      bell_(std::make_shared<TaskBell>()),
      snapshots_(std::make_unique<TaskSnapshots>(parts_.context.env, parts_.state, bell_)),
      inputs_(parts_.inputs.size()) {
  parts_.context.waker = bell_;
  for (const Input& input : parts_.inputs) input.channel->set_consumer(bell_);
  for (const auto& exchange : parts_.exchanges) exchange->set_producer(bell_);
  for (size_t i = 0; i < parts_.nodes.size(); ++i) {
    outputs_.push_back(std::make_unique<NodeOutput>(this, static_cast<int>(i)));
  }
}

Task::~Task() = default;

Status Task::open(const TaskRestore* restore) {
  static const std::vector<std::string> none;
  for (Node& node : parts_.nodes) {
    OpenContext context = parts_.context;
    context.step = node.step;
    context.metrics = node.metrics;
    const std::vector<std::string>* blobs = &none;
    if (restore && restore->blobs.count(node.name)) blobs = &restore->blobs.at(node.name);
    if (!node.op) {
      RF_TRY(parts_.source->open(context, *blobs).with(node.step));
      continue;
    }
    RF_TRY(node.op->open(context).with(node.step));
    if (!restore) continue;
    if (!blobs->empty()) RF_TRY(node.op->restore_small_state(*blobs).with(node.step));
    if (restore->cells) {
      RF_ASSIGN(StateTable * cells, restore->cells(node.name));
      if (cells) RF_TRY(node.op->restore(*cells).with(node.step));
    }
    if (node.sink) {
      const auto pending = restore->pending.find(node.name);
      RF_TRY(node.sink
                 ->recover(restore->epoch, pending == restore->pending.end()
                                               ? std::vector<std::pair<Epoch, std::string>>()
                                               : pending->second)
                 .with(node.step));
    }
  }
  if (!restore) {
    for (Node& node : parts_.nodes) {
      if (node.sink) RF_TRY(node.sink->recover(Epoch(0), {}).with(node.step));
    }
  }
  if (restore) last_barrier_ = restore->epoch;
  if (restore && restore->resumed) snapshots_->resume();
  return {};
}

// ---- When to run
// ------------------------------------------------------------------------------------------------

WakerRef Task::waker() const {
  return bell_;
}

void Task::run_by(WakerRef worker) {
  bell_->set_worker(std::move(worker));
}

bool Task::due(Micros monotonic) const {
  return bell_->rung() || monotonic >= next_run_;
}

void Task::trigger_barrier(Epoch epoch) {
  triggered_.store(epoch.value, std::memory_order_release);
  bell_->wake();
}

void Task::hold_source(bool hold) {
  source_held_.store(hold, std::memory_order_release);
  bell_->wake();
}

void Task::on_checkpoint_complete(Epoch epoch) {
  completed_.store(epoch.value, std::memory_order_release);
  bell_->wake();
}

void Task::set_turn(SourceTurn turn) {
  turn_.store(turn, std::memory_order_release);
  bell_->wake();
}

bool Task::take_turn_back() {
  SourceTurn rows = SourceTurn::rows;
  return turn_.compare_exchange_strong(rows, SourceTurn::waits);
}

Micros Task::wanted_run(StepResult result) const {
  if (failed_) return kEndOfTime;
  Micros next = next_tick_;
  const bool polls = parts_.source && !ended_ && !source_held_.load(std::memory_order_acquire) &&
                     turn() != SourceTurn::waits;
  if (polls && result == StepResult::idle) next = std::min(next, parts_.source->again_at());
  return next;
}

bool Task::exchanges_have_room() const {
  return std::all_of(parts_.exchanges.begin(), parts_.exchanges.end(),
                     [](const auto& exchange) { return exchange->has_room(); });
}

bool Task::has_room() const {
  if (!held_.empty()) return false;
  for (const Node& node : parts_.nodes) {
    if (node.op && !node.op->ready()) return false;
  }
  return exchanges_have_room();
}

void Task::fail(Status status, int node) {
  if (failed_) return;
  failed_ = true;
  if (node >= 0) status.with(parts_.nodes[static_cast<size_t>(node)].step);
  parts_.events->on_failed(parts_.id, std::move(status));
}

StepResult Task::step() {
  bell_->answer();
  if (failed_) return StepResult::ended;
  Env& env = *parts_.context.env;
  const int64_t begin = env.cpu_nanos();
  const StepResult result = step_inner();
  book(result, begin, env.cpu_nanos());
  next_run_ = wanted_run(result);
  if (result == StepResult::worked) bell_->ring();
  return result;
}

// The time since the step before belongs to what that one found: a task that is blocked or idle sleeps.
void Task::book(StepResult result, int64_t begin, int64_t end) {
  TaskMetrics& metrics = *parts_.metrics;
  const int64_t slept = last_end_nanos_ == 0 ? 0 : begin - last_end_nanos_;
  if (last_result_ == StepResult::blocked) metrics.blocked_nanos.add(slept);
  if (last_result_ == StepResult::idle) metrics.idle_nanos.add(slept);
  last_result_ = result;
  last_end_nanos_ = end;
  Counter& spent = result == StepResult::worked    ? metrics.busy_nanos
                   : result == StepResult::blocked ? metrics.blocked_nanos
                                                   : metrics.idle_nanos;
  spent.add(end - begin);
  metrics.longest_nanos.raise(end - begin);
}

template <class Call>
auto Task::timed(int index, const Call& call) {
  Env& env = *parts_.context.env;
  const int64_t outer = std::exchange(nested_nanos_, 0);
  const int64_t begin = env.cpu_nanos();
  auto result = call();
  const int64_t whole = env.cpu_nanos() - begin;
  OperatorMetrics& metrics = *parts_.nodes[static_cast<size_t>(index)].metrics;
  metrics.busy_nanos.add(whole - nested_nanos_);
  metrics.longest_nanos.raise(whole - nested_nanos_);
  nested_nanos_ = outer + whole;
  return result;
}

StepResult Task::step_inner() {
  hand_on_snapshots();
  tick();
  if (failed_) return StepResult::ended;
  if (!held_.empty()) return run_held() ? StepResult::worked : StepResult::blocked;
  if (!has_room()) return StepResult::blocked;
  if (!pending_.empty()) {
    run_pending();
    return StepResult::worked;
  }
  return parts_.source ? step_source() : step_inputs();
}

// ---- Input
// ----------------------------------------------------------------------------------------------------

StepResult Task::step_source() {
  const Epoch triggered(triggered_.load(std::memory_order_acquire));
  if (triggered > last_barrier_) {
    barrier(triggered);
    return StepResult::worked;
  }
  const int64_t completed = completed_.load(std::memory_order_acquire);
  if (completed > completed_seen_) {
    completed_seen_ = completed;
    parts_.source->on_checkpoint_complete(Epoch(completed));
  }
  const SourceTurn turn = this->turn();
  if (ended_ || turn == SourceTurn::waits) return StepResult::idle;
  if (turn == SourceTurn::time) {
    push_source_watermark();
    turn_.store(SourceTurn::waits, std::memory_order_release);
    return StepResult::worked;
  }
  if (turn == SourceTurn::free) parts_.source->forget_suspects();
  return source_held_.load(std::memory_order_acquire) ? StepResult::idle : poll_source();
}

StepResult Task::poll_source() {
  SourceBatch batch;
  Result<SourceDriver::State> state = timed(0, [&] { return parts_.source->step(parts_.batch_rows, batch); });
  if (!state.ok()) {
    fail(std::move(state).status(), 0);
    return StepResult::ended;
  }
  OperatorMetrics& metrics = *parts_.nodes[0].metrics;
  const bool had_rows = batch.rows.rows > 0 || batch.rejected.rows > 0;
  if (had_rows) {
    metrics.rows_in.add(batch.rows.rows + batch.rejected.rows);
    metrics.batches_in.add(1);
  }
  const bool idle = parts_.source->all_idle();
  if (!idle) {
    wake_outputs();
    parts_.source->tell_peers(true);
  }
  if (batch.rows.rows > 0) deliver(0, 0, std::move(batch.rows));
  if (batch.rejected.rows > 0) deliver(0, 1, std::move(batch.rejected));
  SourceTurn rows = SourceTurn::rows;
  if (batch.polled && turn_.compare_exchange_strong(rows, SourceTurn::waits)) return StepResult::worked;

  const bool moved = push_source_watermark();
  if (*state == SourceDriver::State::ended) {
    parts_.source->tell_peers(true);
    push_end();
    return StepResult::worked;
  }
  if (idle) parts_.source->tell_peers(false);
  if (!idle_sent_ && idle) {
    idle_sent_ = true;
    signal_exchanges(Idle{});
  }
  return *state == SourceDriver::State::worked || had_rows || moved ? StepResult::worked : StepResult::idle;
}

// True when it moved.
bool Task::push_source_watermark() {
  const Micros watermark = parts_.source->watermark();
  if (watermark <= watermark_) return false;
  idle_sent_ = false;
  push_watermark(watermark);
  return true;
}

// All that this task feeds must know that it counts again, not only who gets the first rows.
void Task::wake_outputs() {
  if (!idle_sent_) return;
  idle_sent_ = false;
  signal_exchanges(Watermark{watermark_});
}

StepResult Task::step_inputs() {
  if (inputs_.due() && settle_watermark()) return StepResult::worked;
  for (size_t n = 0; n < inputs_.size(); ++n) {
    const size_t i = (next_input_ + n) % inputs_.size();
    if (inputs_.aligned(i)) continue;
    std::optional<Element> element = parts_.inputs[i].channel->pop();
    if (!element) continue;
    next_input_ = i + 1;
    handle(i, std::move(*element));
    return StepResult::worked;
  }
  return StepResult::idle;
}

void Task::handle(size_t input, Element element) {
  if (Batch* batch = std::get_if<Batch>(&element)) {
    inputs_.on_rows(input);
    wake_outputs();
    call_process(0, parts_.inputs[input].port, std::move(*batch));
  } else if (const auto* watermark = std::get_if<Watermark>(&element)) {
    inputs_.on_watermark(input, watermark->time);
    wake_outputs();
  } else if (const auto* at = std::get_if<Barrier>(&element)) {
    if (at->epoch > last_barrier_ && inputs_.on_barrier(input)) barrier(at->epoch);
  } else if (std::holds_alternative<Idle>(element)) {
    inputs_.on_idle(input);
  } else {
    inputs_.on_end(input);
    if (inputs_.all_ended()) {
      update_watermark();
      push_end();
    }
  }
  if (inputs_.due() && !inputs_.any_idle()) update_watermark();
}

// An idle input may have woken before another sent the watermark that is due: what it has sent comes first.
// True when a step was made of it.
bool Task::settle_watermark() {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!inputs_.idle(i)) continue;
    if (inputs_.aligned(i)) {
      if (parts_.inputs[i].channel->empty()) continue;
      return false;  // behind its barrier; the watermark waits for the others'
    }
    if (std::optional<Element> element = parts_.inputs[i].channel->pop()) {
      handle(i, std::move(*element));
      return true;
    }
  }
  update_watermark();
  return true;
}

void Task::update_watermark() {
  if (const std::optional<Micros> least = inputs_.settle()) {
    if (*least > watermark_) push_watermark(*least);
  } else if (!idle_sent_) {
    idle_sent_ = true;
    signal_exchanges(Idle{});
  }
}

// ---- The tree
// ---------------------------------------------------------------------------------------------------

void Task::deliver(int index, int port, Batch batch) {
  if (failed_ || batch.rows == 0) return;
  Node& node = parts_.nodes[static_cast<size_t>(index)];
  const std::string& port_name = node.port_names[static_cast<size_t>(port)];
  if (port_name == "late") {
    node.metrics->rows_late.add(batch.rows);
  } else if (port_name == "rejected") {
    node.metrics->rows_rejected.add(batch.rows);
  } else {
    node.metrics->rows_out.add(batch.rows);
  }
  if (node.tap && port == 0 && node.tap->enabled()) node.tap->add(batch);
  const auto& targets = node.ports[static_cast<size_t>(port)];
  for (size_t i = 0; i < targets.size(); ++i) {
    const Target& target = targets[i];
    Batch part = i + 1 == targets.size() ? std::move(batch) : batch;
    if (target.exchange >= 0) {
      parts_.exchanges[static_cast<size_t>(target.exchange)]->send(std::move(part));
      continue;
    }
    if (!target.keys.empty()) {
      part.origin = nullptr;
      part.origin_row = {};
      part.key_hash = hash_keys(part, target.keys);
    }
    call_process(target.node, target.input_port, std::move(part));
  }
}

void Task::call_process(int index, int input_port, Batch batch) {
  Node& node = parts_.nodes[static_cast<size_t>(index)];
  node.metrics->rows_in.add(batch.rows);
  node.metrics->batches_in.add(1);
  HeldBatch held{index, input_port, std::move(batch)};
  if (held_.holds(index) || !give(held)) held_.add(std::move(held));
}

// False: not now; what is left stays in `held`.
bool Task::give(HeldBatch& held) {
  Node& node = parts_.nodes[static_cast<size_t>(held.node)];
  Output& out = *outputs_[static_cast<size_t>(held.node)];
  Result<Progress> progress = timed(held.node, [&] { return node.op->process(held.port, held.batch, out); });
  if (progress.ok()) return *progress == Progress::done;
  fail(std::move(progress).status(), held.node);
  return true;
}

// True: something was taken.
bool Task::run_held() {
  if (!exchanges_have_room()) return false;
  return held_.run(
      [this](int node) { return !failed_ && parts_.nodes[static_cast<size_t>(node)].op->ready(); },
      [this](HeldBatch& held) { return give(held); });
}

void Task::push_watermark(Micros watermark) {
  watermark_ = watermark;
  parts_.metrics->input_watermark.set(watermark);
  if (parts_.source) {
    parts_.nodes[0].metrics->watermark.set(watermark);
    forward_watermark(0, watermark);
  } else {
    pending_.push_back({0, watermark, false});
  }
  run_pending();
}

void Task::push_end() {
  if (ended_) return;
  ended_ = true;
  if (parts_.source) {
    forward_watermark(0, kEndOfTime);
    for (const auto& targets : parts_.nodes[0].ports) {
      for (const Target& target : targets) {
        if (target.node >= 0) pending_.push_back({target.node, kEndOfTime, true});
      }
    }
  } else {
    pending_.push_back({0, kEndOfTime, true});
  }
  run_pending();
}

// Puts the watermark in front of the queue for every child, and sends it to exchanges.
void Task::forward_watermark(int index, Micros watermark) {
  const Node& node = parts_.nodes[static_cast<size_t>(index)];
  for (const auto& targets : node.ports) {
    for (const Target& target : targets) {
      if (target.exchange >= 0) {
        parts_.exchanges[static_cast<size_t>(target.exchange)]->signal(Watermark{watermark});
      } else {
        pending_.push_front({target.node, watermark, false});
      }
    }
  }
}

// True when nothing is pending any more. An operator that answers `again` keeps its place in front; what it
// and those below hold comes before.
bool Task::run_pending() {
  while (!pending_.empty() && held_.empty() && !failed_) {
    const Pending signal = pending_.front();
    Node& node = parts_.nodes[static_cast<size_t>(signal.node)];
    Output& out = *outputs_[static_cast<size_t>(signal.node)];
    Result<Progress> progress = timed(signal.node, [&] {
      return signal.end ? node.op->on_end(out) : node.op->on_watermark(signal.watermark, out);
    });
    if (!progress.ok()) {
      fail(std::move(progress).status(), signal.node);
      return true;
    }
    if (*progress == Progress::again) return false;
    pending_.pop_front();
    if (signal.end) {
      for (const auto& targets : node.ports) {
        for (const Target& target : targets) {
          if (target.node >= 0) pending_.push_front({target.node, kEndOfTime, true});
        }
      }
    } else {
      node.metrics->watermark.set(signal.watermark);
      const Micros next =
          signal.watermark == kEndOfTime ? kEndOfTime : node.op->output_watermark(signal.watermark);
      if (next != kNoTime) forward_watermark(signal.node, next);
    }
  }
  if (!pending_.empty() || !held_.empty()) return false;
  if (ended_ && !ended_reported_ && !failed_) {
    ended_reported_ = true;
    signal_exchanges(End{});
    parts_.events->on_ended(parts_.id);
  }
  return true;
}

void Task::signal_exchanges(const Element& element) {
  for (const auto& exchange : parts_.exchanges) exchange->signal(element);
}

void Task::tick() {
  const Micros now = parts_.context.env->monotonic();
  if (now < next_tick_) return;
  next_tick_ = (now / kTickPeriod + 1) * kTickPeriod;  // all tasks of a worker at once: it sleeps between
  if (ended_) return;
  const Micros wall = parts_.context.env->now();
  for (size_t i = 0; i < parts_.nodes.size(); ++i) {
    if (!parts_.nodes[i].op) continue;
    Status status =
        timed(static_cast<int>(i), [&] { return parts_.nodes[i].op->on_tick(wall, *outputs_[i]); });
    if (!status.ok()) fail(std::move(status), static_cast<int>(i));
  }
}

// ---- Checkpoints
// --------------------------------------------------------------------------------------------------

void Task::barrier(Epoch epoch) {
  last_barrier_ = epoch;
  TaskSnapshots::Begun begun;
  begun.snapshot.task = parts_.id;
  begun.snapshot.epoch = epoch;
  begun.snapshot.shard = parts_.context.shard;
  begun.snapshot.watermark = watermark_;
  for (size_t i = 0; i < parts_.nodes.size(); ++i) {
    Node& node = parts_.nodes[i];
    if (!node.op) {
      begun.snapshot.blobs[node.name] = parts_.source->snapshot();
      begun.confirmation = parts_.source->confirm();
      begun.source = node.step;
      parts_.source->on_barrier(epoch);
      continue;
    }
    auto state = timed(static_cast<int>(i), [&] { return node.op->freeze(epoch); });
    if (state) begun.frozen.push_back({node.name, std::move(state)});
    if (std::string blob = node.op->small_state(); !blob.empty()) {
      begun.snapshot.blobs[node.name] = std::move(blob);
    }
    if (!node.sink) continue;
    Result<Prepared> prepared = timed(static_cast<int>(i), [&] { return node.sink->prepare(epoch); });
    if (!prepared.ok()) return fail(std::move(prepared).status(), static_cast<int>(i));
    if (prepared->durable) begun.prepared.push_back(std::move(prepared->durable));
    if (!prepared->handle.empty()) {
      begun.snapshot.prepared.push_back(
          {node.name, parts_.context.shard, epoch, std::move(prepared->handle)});
    }
  }
  signal_exchanges(Barrier{epoch});
  snapshots_->begin(std::move(begun));
  hand_on_snapshots();
}

void Task::hand_on_snapshots() {
  while (!failed_) {
    Result<std::optional<TaskSnapshot>> complete = snapshots_->poll();
    if (!complete.ok()) return fail(std::move(complete).status(), -1);
    if (!complete->has_value()) return;
    parts_.events->on_snapshot(std::move(**complete));
  }
}

const WaitNote& Task::unconfirmed() const {
  return snapshots_->unconfirmed();
}

Lane Task::commit_lane(const std::string& sink) const {
  for (const Node& node : parts_.nodes) {
    if (node.sink && node.name == sink) return node.sink->commit_lane();
  }
  return Lane::disk;
}

Status Task::commit(const std::string& sink, Epoch epoch, const std::string& handle) {
  for (Node& node : parts_.nodes) {
    if (node.sink && node.name == sink) return node.sink->commit(epoch, handle).with(node.step);
  }
  return Status::internal(fmt::format("no sink '{}' in task {}", sink, parts_.id.value));
}

}  // namespace rideflow
