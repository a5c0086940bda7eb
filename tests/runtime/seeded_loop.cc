#include "tests/runtime/seeded_loop.h"

#include <gtest/gtest.h>

namespace rideflow::test {

void run_seeded(JobExecution& job, VirtualEnv& env, std::mt19937_64& random, int64_t steps) {
  for (int64_t i = 0; !job.over() && i != steps; ++i) {
    const size_t n = job.tasks().size();
    const size_t pick = random() % (n + 2);
    if (pick < n) {
      Task& task = *job.tasks()[pick];
      const bool due = task.due(env.monotonic());
      const StepResult result = task.step();
      ASSERT_TRUE(due || result != StepResult::worked) << "task " << pick << " was not due, and had work";
    } else if (pick == n) {
      env.step_offload(true);
    } else {
      job.pump();
      env.advance(1);
    }
    ASSERT_LT(i, 5'000'000) << "no progress";
  }
}

}  // namespace rideflow::test
