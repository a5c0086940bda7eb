#include "runtime/careful_reading.h"

#include <algorithm>

namespace rideflow {
namespace {
// Who has nothing to hand out for so long lets another source have its turn.
constexpr Micros kTurnPatience = kMicrosPerSecond / 20;
// When nothing came for so long, what was read before is not there any more.
constexpr Micros kPatience = 60 * kMicrosPerSecond;
}  // namespace

CarefulReading::CarefulReading(Env* env, const Care& care, std::vector<Task*> sources,
                               std::shared_ptr<JobNote> note)
    : env_(env), sources_(std::move(sources)), note_(std::move(note)), left_(sources_.size()) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    for (const GivenCount& count : care.given) {
      if (note_->source(i).is_of(count)) left_[i] += count.records;
    }
    sources_[i]->set_turn(SourceTurn::waits);
  }
  note_->set_careful(true);
  turn_ = sources_.empty() ? 0 : sources_.size() - 1;
  given_at_ = env_->monotonic();
  choose();
}

size_t CarefulReading::count_left() const {
  return static_cast<size_t>(std::count_if(left_.begin(), left_.end(), [](int64_t n) { return n > 0; }));
}

void CarefulReading::choose() {
  note_->set_turn(std::nullopt);
  if (count_left() == 0) return finish();
  do turn_ = (turn_ + 1) % sources_.size();
  while (left_[turn_] <= 0);
  since_ = env_->monotonic();
  state_ = State::reading;
  note_->set_turn(turn_);
  sources_[turn_]->set_turn(SourceTurn::rows);
}

void CarefulReading::finish() {
  state_ = State::over;
  note_->set_careful(false);
  for (Task* source : sources_) source->set_turn(SourceTurn::free);
}

bool CarefulReading::look(const Checkpoints& checkpoints) {
  switch (state_) {
    case State::choosing:
      choose();
      return false;
    case State::reading:
      return read(checkpoints);
    case State::rows_given:
      return cover(checkpoints, State::timing);
    case State::timing:
      if (sources_[turn_]->turn() != SourceTurn::waits) return false;
      behind_ = checkpoints.begun;
      state_ = State::time_given;
      return true;
    case State::time_given:
      return cover(checkpoints, State::choosing);
    case State::over:
      return false;
  }
  return false;
}

bool CarefulReading::read(const Checkpoints& checkpoints) {
  if (sources_[turn_]->turn() == SourceTurn::waits) {
    left_[turn_] -= note_->uncovered(turn_);
    given_at_ = env_->monotonic();
    behind_ = checkpoints.begun;
    state_ = State::rows_given;
    return true;
  }
  const Micros now = env_->monotonic();
  if (now - since_ < kTurnPatience || !sources_[turn_]->take_turn_back()) return false;
  if (now - given_at_ >= kPatience) left_.assign(left_.size(), 0);
  choose();
  return false;
}

// A checkpoint that was begun behind what was given; an older one may have to end before it can begin.
bool CarefulReading::cover(const Checkpoints& checkpoints, State then) {
  if (checkpoints.complete <= behind_) return checkpoints.begun <= behind_;
  if (then == State::choosing) {
    choose();
    return false;
  }
  note_->set_turn(std::nullopt);
  state_ = State::timing;
  sources_[turn_]->set_turn(SourceTurn::time);
  return false;
}

}  // namespace rideflow
