// The coordinator of one job: a pure function from state and event to state and commands.
//
// It decides when a checkpoint begins, when it is complete, when its rows may be published, when the job is
// finished, stopped or failed. It does no I/O and reads no clock: a thin shell (runtime/worker_job.h, later a
// cluster's leader) carries out the commands and reports back, so every decision can be tested with values
// alone. At most one checkpoint is under way; its epochs count up and are never reused within the job's
// lineage. A checkpoint ends when it is durable: its sinks publish it while the next one is under way, epoch
// by epoch in order, and until they have, every later checkpoint lists what they prepared for it. Its `now`
// never goes back (Env::monotonic()): a wall clock that jumps neither fails a checkpoint nor holds the next
// one back.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/ids.h"
#include "engine/status.h"
#include "engine/task.h"

namespace rideflow {

enum class JobPhase : uint8_t {
  starting,  // the first checkpoint fixes positions and bounds before any row is read
  running,
  finishing,  // all sources ended: one last checkpoint publishes the rest
  stopping,   // asked to stop: one last checkpoint, then a pause
  finished,
  stopped,
  failed,
};
std::string_view to_string(JobPhase phase);

struct CheckpointRecord {
  Epoch epoch;
  Micros started_at = 0;
  Micros durable_at = 0;    // 0 while under way
  Micros completed_at = 0;  // its sinks have published it; 0: not yet
  int64_t bytes = 0;
};

// What one task's sinks prepared.
struct PreparedByTask {
  TaskId task;
  std::vector<PreparedEpoch> prepared;
  friend bool operator==(const PreparedByTask&, const PreparedByTask&) = default;
};

// A durable checkpoint that its sinks have not all published.
struct UnpublishedCheckpoint {
  CheckpointRecord record;
  std::vector<PreparedByTask> prepared;
};

// The next checkpoint waits while so many are unpublished: what is prepared takes room, on the disk or in a
// queue, and is replayed after a crash.
inline constexpr size_t kMostUnpublished = 4;

struct CoordinatorState {
  JobPhase phase = JobPhase::starting;
  int32_t tasks = 0;
  int64_t interval = 10 * kMicrosPerSecond;
  int64_t timeout = 600 * kMicrosPerSecond;  // of each step, without the time spent in waiting for others

  Epoch last_complete;                      // the newest durable checkpoint; 0: none
  Epoch first_epoch{1};                     // of this attempt: lower ones may belong to an earlier attempt
  std::optional<CheckpointRecord> current;  // under way
  Micros waited_until = 0;                  // when a task last waited for others
  std::map<int32_t, TaskSnapshot> acks;     // of the current one
  enum class Step : uint8_t { collecting, publishing } step = Step::collecting;
  Micros step_since = 0;
  bool covers_all = false;   // the current one was begun after the last row: the job may end with it
  bool all_covered = false;  // a durable one does
  std::deque<UnpublishedCheckpoint> unpublished;  // oldest first, whose sinks are publishing
  Micros commit_since = 0;
  Micros next_at = 0;
  std::map<int32_t, bool> ended;  // tasks whose input ended
  bool stop_requested = false;
  Micros stop_requested_at = 0;
  int64_t stop_patience = 2 * kMicrosPerSecond;  // with a last checkpoint that waits for others
  std::optional<Status> failure;
  std::vector<CheckpointRecord> history;  // newest first, at most 50
};

// ---- Events
// ---------------------------------------------------------------------------------------------------
struct JobStarted {
  Micros now;
};
struct ClockTick {
  Micros now;
  std::string waits_for =
      {};  // something outside that checkpoints wait for, which has no time-out; "": nothing
};
struct SnapshotArrived {
  Micros now;
  TaskSnapshot snapshot;
};
struct CheckpointPublished {
  Micros now;
  Epoch epoch;
  int64_t bytes;
};
struct SinksCommitted {
  Micros now;
  Epoch epoch;
};
struct TaskEnded {
  Micros now;
  TaskId task;
};
struct TaskFailed {
  Micros now;
  TaskId task;
  Status status;
};
struct StopRequested {
  Micros now;
  bool at_once = false;  // without a last checkpoint
};
// Somebody (a test, an operator) wants a checkpoint now.
struct CheckpointRequested {
  Micros now;
};
using JobEvent = std::variant<JobStarted, ClockTick, SnapshotArrived, CheckpointPublished, SinksCommitted,
                              TaskEnded, TaskFailed, StopRequested, CheckpointRequested>;

// ---- Commands
// -------------------------------------------------------------------------------------------------
struct TriggerBarrier {
  Epoch epoch;
  bool last = false;  // nothing may be read behind it: the job pauses or ends there
};
// Write the manifest of all acknowledgements, and of what older epochs have prepared and not published, and
// make it the newest checkpoint.
struct PublishCheckpoint {
  Epoch epoch;
  std::vector<TaskSnapshot> snapshots;
};
// The checkpoint is durable, and all before it are published: publish what its sinks prepared.
struct CommitSinks {
  Epoch epoch;
  std::vector<PreparedByTask> prepared;
};
struct ReleaseSources {};
struct StopTasks {};
using JobCommand = std::variant<TriggerBarrier, PublishCheckpoint, CommitSinks, ReleaseSources, StopTasks>;

struct Decision {
  CoordinatorState state;
  std::vector<JobCommand> commands;
};

// REQUIRES: events come in the order in which they happened. Events after finished, stopped or failed change
// nothing.
Decision apply(CoordinatorState state, const JobEvent& event);

}  // namespace rideflow
