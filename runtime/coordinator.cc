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
    if (s.current && e.now - std::max(s.step_since, s.waited_until) > s.timeout) return time_out();
    if (!s.current && s.phase == JobPhase::running && e.now >= s.next_at) begin_checkpoint(e.now);
  }

  void operator()(const CheckpointRequested& e) {
    if (!out_.state.current && out_.state.phase == JobPhase::running) begin_checkpoint(e.now);
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
    enter(CoordinatorState::Step::committing, e.now);
    s.last_complete = e.epoch;
    s.current->bytes = e.bytes;
    out_.commands.push_back(CommitSinks{e.epoch, snapshots()});
  }

  void operator()(const SinksCommitted& e) {
    CoordinatorState& s = out_.state;
    if (!s.current || e.epoch != s.current->epoch) return;
    s.current->completed_at = e.now;
    s.history.insert(s.history.begin(), *s.current);
    if (s.history.size() > kHistory) s.history.pop_back();
    s.current.reset();
    s.acks.clear();
    s.next_at = e.now + s.interval;
    after_checkpoint(e.now);
  }

  void operator()(const TaskEnded& e) {
    CoordinatorState& s = out_.state;
    s.ended[e.task.value] = true;
    if (static_cast<int32_t>(s.ended.size()) < s.tasks) return;
    if (s.phase != JobPhase::running) return;  // starting or stopping: decided when their checkpoint is done
    s.phase = JobPhase::finishing;
    if (!s.current) begin_checkpoint(e.now);
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
    if (s.phase != JobPhase::running) return;  // a start or a finish completes first
    s.phase = JobPhase::stopping;
    if (!s.current) begin_checkpoint(e.now);
  }

 private:
  void begin_checkpoint(Micros now) {
    CoordinatorState& s = out_.state;
    CheckpointRecord record;
    const int64_t newest = s.history.empty() ? 0 : s.history.front().epoch.value;
    record.epoch = std::max(s.first_epoch, Epoch(std::max(s.last_complete.value, newest) + 1));
    record.started_at = now;
    s.current = record;
    enter(CoordinatorState::Step::collecting, now);
    s.acks.clear();
    s.covers_all = s.phase == JobPhase::finishing || s.phase == JobPhase::stopping;
    out_.commands.push_back(TriggerBarrier{record.epoch, s.covers_all});
  }

  void after_checkpoint(Micros now) {
    CoordinatorState& s = out_.state;
    if (s.phase == JobPhase::starting) {
      s.phase = JobPhase::running;
      out_.commands.push_back(ReleaseSources{});
      if (s.stop_requested) {
        s.phase = JobPhase::stopping;
        begin_checkpoint(now);
      } else if (static_cast<int32_t>(s.ended.size()) == s.tasks) {
        s.phase = JobPhase::finishing;
        begin_checkpoint(now);
      }
      return;
    }
    if (s.phase == JobPhase::running) return;
    if (!s.covers_all) return begin_checkpoint(now);
    s.phase = s.phase == JobPhase::finishing ? JobPhase::finished : JobPhase::stopped;
    out_.commands.push_back(StopTasks{});
  }

  void enter(CoordinatorState::Step step, Micros now) {
    out_.state.step = step;
    out_.state.step_since = now;
  }

  void time_out() {
    const CoordinatorState& s = out_.state;
    std::string_view what = "was not complete after {} s: a task is stuck or too slow";
    if (s.step == CoordinatorState::Step::publishing)
      what = "was not written after {} s: the disk is stuck or too slow";
    if (s.step == CoordinatorState::Step::committing)
      what = "is written, but its sinks did not publish it within {} s";
    fail(Status::external(Code::unavailable,
                          fmt::format("checkpoint {} {}", s.current->epoch.value,
                                      fmt::format(fmt::runtime(what), s.timeout / kMicrosPerSecond)),
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

  std::vector<TaskSnapshot> snapshots() const {
    std::vector<TaskSnapshot> all;
    for (const auto& [task, snapshot] : out_.state.acks) all.push_back(snapshot);
    return all;
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
