#include "engine/task_snapshots.h"

#include <fmt/format.h>

#include <utility>

namespace rideflow {

namespace {
constexpr Micros kLongConfirmation = 3 * kMicrosPerSecond;  // then it is told that a checkpoint waits for it
}  // namespace

TaskSnapshots::TaskSnapshots(Env* env, std::shared_ptr<TaskStateBackend> state, WakerRef waker)
    : env_(env), state_(std::move(state)), waker_(std::move(waker)) {}

void TaskSnapshots::begin(Begun begun) {
  Pending pending;
  pending.snapshot = std::move(begun.snapshot);
  pending.completions = std::move(begun.prepared);
  pending.confirmation = std::move(begun.confirmation);
  pending.source = std::move(begun.source);
  pending.begun_at = env_->monotonic();
  if (!begun.frozen.empty() && state_) write(std::move(begun.frozen), pending);
  for (const auto& completion : pending.completions) completion->wake_when_done(waker_);
  if (pending.confirmation.done) pending.confirmation.done->wake_when_done(waker_);
  pending_.push_back(std::move(pending));
}

void TaskSnapshots::write(std::vector<Frozen> frozen, Pending& pending) {
  struct Work {
    Frozen of;
    bool full = false;
  };
  auto work = std::make_shared<std::vector<Work>>();
  for (Frozen& of : frozen) {
    const bool first = written_.insert(of.node).second;
    work->push_back({std::move(of), first && !resumed_});
  }
  pending.files = std::make_shared<std::vector<StateFile>>();
  pending.completions.push_back(env_->offload(
      [work, backend = state_, epoch = pending.snapshot.epoch, files = pending.files]() -> Status {
        for (Work& w : *work) {
          RF_ASSIGN(StateTable * table, backend->table(w.of.node));
          RF_TRY(w.of.state->write(*table, w.full));
          w.of.state.reset();
        }
        RF_ASSIGN(*files, backend->checkpoint(epoch));
        return {};
      }));
}

Result<std::optional<TaskSnapshot>> TaskSnapshots::poll() {
  if (pending_.empty()) return std::optional<TaskSnapshot>();
  Pending& pending = pending_.front();
  RF_ASSIGN(const bool confirmed, is_confirmed(pending));
  if (!confirmed) return std::optional<TaskSnapshot>();
  for (const auto& completion : pending.completions) {
    if (!completion->done()) return std::optional<TaskSnapshot>();
  }
  for (const auto& completion : pending.completions) {
    RF_TRY(completion->status().with(fmt::format("checkpoint {}", pending.snapshot.epoch.value)));
  }
  if (pending.files) pending.snapshot.files = std::move(*pending.files);
  TaskSnapshot snapshot = std::move(pending.snapshot);
  pending_.pop_front();
  return std::optional<TaskSnapshot>(std::move(snapshot));
}

// An error: something else is there than what was read.
Result<bool> TaskSnapshots::is_confirmed(const Pending& pending) {
  const auto& [done, waits_for] = pending.confirmation;
  if (done == nullptr) return true;
  if (!done->done()) {
    const Micros waited = env_->monotonic() - pending.begun_at;
    if (waited >= kLongConfirmation && !unconfirmed_.waits())
      unconfirmed_.set(waits_for, env_->now() - waited);
    return false;
  }
  if (unconfirmed_.waits()) unconfirmed_.clear();
  RF_TRY(done->status().with(pending.source));
  return true;
}

}  // namespace rideflow
