// CarefulReading: an attempt that reads so that it is known at every moment which records may fail it.
//
// Its source tasks take turns. One hands out a chunk and waits; a checkpoint that covers the chunk means that
// every task of the job has taken it; then the watermark moves as far as the rows came, and another
// checkpoint covers that; then it is the next one's turn. So whatever fails, anywhere in the job, fails with
// one chunk in hand, or with none, when it was the watermark. That is slow, and lasts until what the attempt
// before had read has been read again. By the thread that pumps the job.
#pragma once

#include <memory>
#include <vector>

#include "engine/task.h"
#include "engine/under_way.h"
#include "runtime/care.h"

namespace rideflow {

class CarefulReading {
 public:
  // `sources`: the source tasks as the note numbers them. From now on they wait for their turns.
  CarefulReading(Env* env, const Care& care, std::vector<Task*> sources, std::shared_ptr<JobNote> note);

  struct Checkpoints {
    Epoch complete;  // the newest whose sinks have committed
    Epoch begun;     // the newest, complete or not
  };
  // Goes on. True: a checkpoint is wanted. REQUIRES: the job is running.
  bool look(const Checkpoints& checkpoints);
  // Everything was read again: sources are free, and nothing is asked for any more.
  bool over() const { return state_ == State::over; }

 private:
  enum class State : uint8_t { choosing, reading, rows_given, timing, time_given, over };

  void choose();
  bool read(const Checkpoints& checkpoints);
  bool cover(const Checkpoints& checkpoints, State then);
  void finish();
  size_t count_left() const;

  Env* env_;
  std::vector<Task*> sources_;
  std::shared_ptr<JobNote> note_;
  std::vector<int64_t> left_;  // records that each source is yet to give with care
  State state_ = State::choosing;
  size_t turn_ = 0;
  Micros since_ = 0;     // monotonic: when the turn began
  Micros given_at_ = 0;  // and when the last rows came
  Epoch behind_;         // a checkpoint behind this one covers what was given
};

}  // namespace rideflow
