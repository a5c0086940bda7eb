// A job whose tasks are stepped only when they are due, as a worker does: what nobody woke and nobody asked
// for does not happen.
#pragma once

#include "engine/virtual_env.h"
#include "runtime/job_execution.h"

namespace rideflow::test {

// Until no task is due, nothing waits in the background and nothing was reported. Time stands still.
void run_due(JobExecution& job, VirtualEnv& env);

}  // namespace rideflow::test
