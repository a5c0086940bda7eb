// What a process that dies of a mistake leaves behind: in which job it was.
#pragma once

#include "engine/under_way.h"

namespace rideflow {

// From now on a thread that dies of a signal (a bad address, an abort) marks the job that it runs before the
// process ends as it would have. A signal that somebody else has taken already (a sanitizer) is left alone.
// Once in a process.
void note_crashes();
// This thread runs the job of this note from now on; null: no job. The note outlives that.
void this_thread_runs(JobNote* note);

}  // namespace rideflow
