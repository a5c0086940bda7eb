// A job under simulation: tasks, background work and the coordinator in one seeded loop.
#pragma once

#include <cstdint>
#include <random>

#include "engine/virtual_env.h"
#include "runtime/job_execution.h"

namespace rideflow::test {

// Steps in random order until the job is over, or `steps` were made when given. Fails the test of a job that
// makes no progress, or in which a task that nobody woke finds something to do.
void run_seeded(JobExecution& job, VirtualEnv& env, std::mt19937_64& random, int64_t steps = -1);

}  // namespace rideflow::test
