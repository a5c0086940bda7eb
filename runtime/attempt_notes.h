// AttemptNotes: what a job's attempts leave for those that come after them, in this process or the next.
//
// Two files of the job's folder: CARE, how the next attempt is to read, and CRASH, which is mapped and tells
// what was in hand when the process died. Used by the job's own thread, one call at a time; the JobNote that
// it gives is written by the job's tasks.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/env.h"
#include "engine/under_way.h"
#include "runtime/care.h"

namespace rideflow {

class AttemptNotes {
 public:
  // The directory is made when it is needed. `env` outlives this.
  AttemptNotes(Env& env, std::string directory);

  // As it was saved last; nothing known when it never was.
  Result<Care> load();
  // Nothing is written when nothing has changed. What can't be written is told and forgotten.
  void save(const Care& care);
  // The attempt under way has read everything with care, and did not fail.
  void on_read_again() { save(after_reading(saved_)); }
  // Once: what the process before this one had in hand when it died in this job. Nothing when it ended in any
  // other way, kill -9 among them.
  Result<std::optional<Evidence>> take_crash();
  // There is no further attempt: a crash would be another job's.
  void end();
  // For the sources of the next attempt. What is noted there survives the process, where the disk can do
  // that.
  std::shared_ptr<JobNote> begin(size_t sources);

 private:
  Result<std::shared_ptr<void>> map(class MappableFiles& files, size_t bytes);

  Env& env_;
  const std::string directory_, care_, crash_;
  Care saved_;
};

}  // namespace rideflow
