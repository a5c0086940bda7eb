#include "tests/runtime/due_steps.h"

#include <gtest/gtest.h>

namespace rideflow::test {

void run_due(JobExecution& job, VirtualEnv& env) {
  for (int rounds = 0;; ++rounds) {
    ASSERT_LT(rounds, 1'000'000) << "it does not come to rest";
    bool any = job.pump();
    if (job.over()) return;
    any = env.step_offload() || any;
    for (const auto& task : job.tasks()) {
      if (!task->due(env.monotonic())) continue;
      task->step();
      any = true;
    }
    if (!any) return;
  }
}

}  // namespace rideflow::test
