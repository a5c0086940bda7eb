// TaskSnapshots: a task's part in checkpoints, from the barrier until the coordinator may have it.
//
// At a barrier the task freezes its state and its sinks prepare; that is quick. What makes it durable is not:
// cells are written in the background, sinks and the source's store answer when they can. Several epochs may
// be under way; they are handed on in order. One thread, but for unconfirmed().
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/env.h"
#include "engine/record_reader.h"
#include "engine/task.h"

namespace rideflow {

class TaskSnapshots {
 public:
  struct Frozen {
    std::string node;  // Task::Node::name
    std::unique_ptr<FrozenState> state;
  };
  // What a barrier found.
  struct Begun {
    TaskSnapshot snapshot;
    std::vector<Frozen> frozen;
    std::vector<std::shared_ptr<Completion>> prepared;  // of sinks
    Confirmation confirmation;                          // of the source
    std::string source;                                 // its step
  };

  // `state` null: no keyed state. `waker` is told when something is done.
  TaskSnapshots(Env* env, std::shared_ptr<TaskStateBackend> state, WakerRef waker);
  // The backend holds the cells that the operators were restored from: no freeze need be written whole.
  void resume() { resumed_ = true; }

  void begin(Begun begun);
  // The oldest one if it is complete; once for each. An error, the first time that there is one, is the
  // task's.
  Result<std::optional<TaskSnapshot>> poll();

  // What the source's part waits for, once that has taken a while. Any thread.
  const WaitNote& unconfirmed() const { return unconfirmed_; }

 private:
  struct Pending {
    TaskSnapshot snapshot;
    std::vector<std::shared_ptr<Completion>> completions;
    std::shared_ptr<std::vector<StateFile>> files;  // null: no cells to write
    Confirmation confirmation;
    std::string source;
    Micros begun_at = 0;  // monotonic
  };

  void write(std::vector<Frozen> frozen, Pending& pending);
  Result<bool> is_confirmed(const Pending& pending);

  Env* env_;
  std::shared_ptr<TaskStateBackend> state_;
  WakerRef waker_;
  bool resumed_ = false;
  std::set<std::string> written_;  // nodes whose cells are in the backend: only changes need to be written
  std::deque<Pending> pending_;
  WaitNote unconfirmed_;
};

}  // namespace rideflow
