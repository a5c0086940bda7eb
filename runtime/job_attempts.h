// The attempts of one job: a pure function from state and event to state and commands, above the coordinator,
// which knows one attempt only.
//
// It decides whether a failure is followed by another attempt, which goes on from the newest checkpoint,
// when, and when enough is enough. Like the coordinator it does no I/O, reads no clock and rolls no dice: a
// shell (runtime/worker_attempts.h, later a cluster's leader) brings times and random bits and carries out
// the commands. Its `now` never goes back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/ids.h"
#include "engine/plan.h"
#include "engine/status.h"
#include "runtime/care.h"

namespace rideflow {

// What failures do to a job where its `restart:` says nothing else.
struct RestartPolicy {
  static constexpr int32_t kUnlimited = -1;
  int32_t max_failures = 20;  // borne within `within`; one more ends the job. 0: the first does
  int64_t within = 3600 * kMicrosPerSecond;
  int64_t first_pause = kMicrosPerSecond;  // twice as long after each further failure
  int64_t longest_pause = 60 * kMicrosPerSecond;
  Poison poison = Poison::stop;
};
RestartPolicy with_job(RestartPolicy policy, const RestartSpec& job);

// Whether another attempt may go well without anybody's doing. Who wrote what is wrong must mend it; what
// failed outside is tried again where its Retry or its code says so; of our own mistakes some depend on the
// moment.
bool may_pass(const Status& failure);

struct AttemptRecord {
  int64_t number = 0;  // from 1; 0: of an earlier process, that died in it
  Micros started_at = 0;
  Micros ended_at = 0;  // 0: it goes on
  Status cause;         // why it failed; ok: it did not
};

enum class AttemptsPhase : uint8_t {
  running,
  pausing,  // the last attempt failed, and the next one is yet to come
  over,
};

struct AttemptsState {
  RestartPolicy policy;
  AttemptsPhase phase = AttemptsPhase::running;
  bool stop_requested = false;
  int64_t number = 0;             // of the newest attempt, from 1
  int64_t pause = 0;              // the last one, before chance shortened it; 0: none since the job was well
  Micros next_at = 0;             // pausing: when the next attempt begins
  std::vector<Micros> failures;   // within the policy's time, oldest first
  int alike = 0;                  // failures of ours in a row that read the same
  Care care;                      // how the next attempt reads
  std::optional<Status> failure;  // the last one
  std::vector<AttemptRecord> history;  // newest first, at most 20
};

// ---- Events
struct FirstAttempt {
  Micros now;
};
// It failed, or could not even be started.
struct AttemptFailed {
  Micros now;
  Status status;
  uint64_t random;
  Evidence evidence = {};  // what was read by it and may be to blame
};
// Before the first attempt: the process before this one died in one of this job's.
struct CrashFound {
  Micros now;
  Evidence evidence;
};
// The job finished, or stopped as it was asked to.
struct AttemptEnded {
  Micros now;
};
struct PauseLooked {
  Micros now;
};
struct JobStopAsked {
  Micros now;
};
using AttemptEvent =
    std::variant<CrashFound, FirstAttempt, AttemptFailed, AttemptEnded, PauseLooked, JobStopAsked>;

// ---- Commands
enum class AttemptCommand : uint8_t {
  none,
  begin,  // build an attempt from the newest checkpoint
  stop,   // ask the attempt for a last checkpoint and a pause
};

struct AttemptDecision {
  AttemptsState state;
  AttemptCommand command = AttemptCommand::none;
};

// REQUIRES: events come in the order in which they happened. Events after `over` change nothing.
AttemptDecision apply(AttemptsState state, const AttemptEvent& event);

// "…; it is started again from its newest checkpoint in 3.2 s". REQUIRES: the state is pausing.
std::string pause_text(const AttemptsState& state, Micros now);

}  // namespace rideflow
