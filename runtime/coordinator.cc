#include "runtime/coordinator.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {
namespace {

constexpr size_t kHistory = 50;

bool over(JobPhase phase) {
  return phase == JobPhase::finished || phase == JobPhase::stopped || phase == JobPhase::failed;
}

class Apply {
 public:
  explicit Apply(CoordinatorState state) { out_.state = std::move(state); }
  Decision take() { return std::move(out_); }

  void operator()(const JobStarted& e) { begin_checkpoint(e.now); }

  void operator()(const ClockTick& e) {
    CoordinatorState& s = out_.state;
    if (!e.waits_for.empty()) s.waited_until = e.now;
    if (!e.waits_for.empty() && s.stop_requested && e.now - s.stop_requested_at >= s.stop_patience) {
      return give_up(e.waits_for);
    }
    if (!s.unpublished.empty() && is_late(s.commit_since, e.now)) return time_out_of_commit();
    if (s.current && is_late(s.step_since, e.now)) return time_out();
    if (s.phase == JobPhase::running && e.now >= s.next_at) begin_if_room(e.now);
  }

  void operator()(const CheckpointRequested& e) {
    if (out_.state.phase == JobPhase::running) begin_if_room(e.now);
  }

  void operator()(const SnapshotArrived& e) {
    CoordinatorState& s = out_.state;
    if (!s.current || e.snapshot.epoch != s.current->epoch) return;  // of an older attempt
    s.acks[e.snapshot.task.value] = e.snapshot;
    if (static_cast<int32_t>(s.acks.size()) < s.tasks) return;
    enter(CoordinatorState::Step::publishing, e.now);
    out_.commands.push_back(PublishCheckpoint{s.current->epoch, snapshots()});
  }

  void operator()(const CheckpointPublished& e) {
    CoordinatorState& s = out_.state;
    if (!s.current || e.epoch != s.current->epoch) return;
    s.last_complete = e.epoch;
    s.current->bytes = e.bytes;
    s.current->durable_at = e.now;
    s.all_covered = s.covers_all;
    UnpublishedCheckpoint& added = s.unpublished.emplace_back();
    added.record = *s.current;
    for (auto& [task, snapshot] : s.acks) {
      if (!snapshot.prepared.empty()) added.prepared.push_back({TaskId(task), std::move(snapshot.prepared)});
    }
    s.current.reset();
    s.acks.clear();
    s.next_at = e.now + s.interval;
    if (s.unpublished.size() == 1) commit_oldest(e.now);
    if (s.phase == JobPhase::starting) {
      s.phase = JobPhase::running;
      out_.commands.push_back(ReleaseSources{});
    }
    go_on(e.now);
  }

  void operator()(const SinksCommitted& e) {
    CoordinatorState& s = out_.state;
    if (s.unpublished.empty() || e.epoch != s.unpublished.front().record.epoch) return;
    s.unpublished.front().record.completed_at = e.now;
    s.history.insert(s.history.begin(), s.unpublished.front().record);
    if (s.history.size() > kHistory) s.history.pop_back();
    s.unpublished.pop_front();
    if (!s.unpublished.empty()) commit_oldest(e.now);
    go_on(e.now);
  }

  void operator()(const TaskEnded& e) {
    out_.state.ended[e.task.value] = true;
    go_on(e.now);
  }

  void operator()(const TaskFailed& e) { fail(e.status); }

  void operator()(const StopRequested& e) {
    CoordinatorState& s = out_.state;
    if (e.at_once) {
      s.phase = JobPhase::stopped;
      out_.commands.push_back(StopTasks{});
      return;
    }
    if (s.stop_requested) return;
    s.stop_requested = true;
    s.stop_requested_at = e.now;
    go_on(e.now);
  }

 private:
  // What the phase asks for next. A start and a finish complete first; a last checkpoint that did not begin
  // behind the last row is followed by one that does.
  void go_on(Micros now) {
    CoordinatorState& s = out_.state;
    if (s.phase == JobPhase::running && s.stop_requested) s.phase = JobPhase::stopping;
    if (s.phase == JobPhase::running && static_cast<int32_t>(s.ended.size()) == s.tasks)
      s.phase = JobPhase::finishing;
    if (s.phase != JobPhase::finishing && s.phase != JobPhase::stopping) return;
    if (!s.all_covered) return begin_if_room(now);
    if (!s.unpublished.empty()) return;
    s.phase = s.phase == JobPhase::finishing ? JobPhase::finished : JobPhase::stopped;
    out_.commands.push_back(StopTasks{});
  }

  void begin_if_room(Micros now) {
    const CoordinatorState& s = out_.state;
    if (!s.current && s.unpublished.size() < kMostUnpublished) begin_checkpoint(now);
  }

  void begin_checkpoint(Micros now) {
    CoordinatorState& s = out_.state;
    CheckpointRecord record;
    record.epoch = std::max(s.first_epoch, Epoch(s.last_complete.value + 1));
    record.started_at = now;
    s.current = record;
    enter(CoordinatorState::Step::collecting, now);
    s.acks.clear();
    s.covers_all = s.phase == JobPhase::finishing || s.phase == JobPhase::stopping;
    out_.commands.push_back(TriggerBarrier{record.epoch, s.covers_all});
  }

  void commit_oldest(Micros now) {
    const UnpublishedCheckpoint& oldest = out_.state.unpublished.front();
    out_.state.commit_since = now;
    out_.commands.push_back(CommitSinks{oldest.record.epoch, oldest.prepared});
  }

  void enter(CoordinatorState::Step step, Micros now) {
    out_.state.step = step;
    out_.state.step_since = now;
  }

  bool is_late(Micros since, Micros now) const {
    return now - std::max(since, out_.state.waited_until) > out_.state.timeout;
  }

  void time_out() {
    const CoordinatorState& s = out_.state;
    const bool publishing = s.step == CoordinatorState::Step::publishing;
    fail_late(s.current->epoch, publishing ? "was not written after {} s: the disk is stuck or too slow"
                                           : "was not complete after {} s: a task is stuck or too slow");
  }

  void time_out_of_commit() {
    fail_late(out_.state.unpublished.front().record.epoch,
              "is written, but its sinks did not publish it within {} s");
  }

  void fail_late(Epoch epoch, std::string_view what) {
    const int64_t seconds = out_.state.timeout / kMicrosPerSecond;
    fail(Status::external(
        Code::unavailable,
        fmt::format("checkpoint {} {}", epoch.value, fmt::format(fmt::runtime(what), seconds)),
        Retry::backoff));
  }

  void fail(Status status) {
    out_.state.phase = JobPhase::failed;
    out_.state.failure = std::move(status);
    out_.commands.push_back(StopTasks{});
  }

  // Asked to stop while something outside does not answer: what is behind the newest checkpoint is done again
  // by the next start.
  void give_up(const std::string& waits_for) {
    out_.state.phase = JobPhase::stopped;
    const std::string from = out_.state.last_complete.value > 0
                                 ? fmt::format("goes on from checkpoint {}", out_.state.last_complete.value)
                                 : std::string("begins anew");
    out_.state.failure = Status::external(
        Code::unavailable,
        fmt::format("stopped without a last checkpoint, which would wait for {}; the next start {}",
                    waits_for, from),
        Retry::backoff);
    out_.commands.push_back(StopTasks{});
  }

  // Of the checkpoint under way, each task's with what its sinks prepared before and have not published.
  std::vector<TaskSnapshot> snapshots() const {
    std::vector<TaskSnapshot> all;
    for (const auto& [task, snapshot] : out_.state.acks) {
      TaskSnapshot& merged = all.emplace_back(snapshot);
      merged.prepared.clear();
      for (const UnpublishedCheckpoint& older : out_.state.unpublished) add_prepared(older, merged);
      merged.prepared.insert(merged.prepared.end(), snapshot.prepared.begin(), snapshot.prepared.end());
    }
    return all;
  }

  static void add_prepared(const UnpublishedCheckpoint& from, TaskSnapshot& to) {
    for (const PreparedByTask& one : from.prepared) {
      if (one.task == to.task)
        to.prepared.insert(to.prepared.end(), one.prepared.begin(), one.prepared.end());
    }
  }

  Decision out_;
};

}  // namespace

std::string_view to_string(JobPhase phase) {
  switch (phase) {
    case JobPhase::starting:
      return "starting";
    case JobPhase::running:
      return "running";
    case JobPhase::finishing:
      return "finishing";
    case JobPhase::stopping:
      return "stopping";
    case JobPhase::finished:
      return "finished";
    case JobPhase::stopped:
      return "stopped";
    case JobPhase::failed:
      return "failed";
  }
  return "unknown";
}

Decision apply(CoordinatorState state, const JobEvent& event) {
  if (over(state.phase)) return {std::move(state), {}};
  Apply apply(std::move(state));
  std::visit(apply, event);
  return apply.take();
}

}  // namespace rideflow
