// A job of three nodes over a virtual world: feed -> (by key) -> double -> out. For tests of what looks at
// jobs.
#pragma once

#include <functional>
#include <memory>
#include <random>

#include "engine/virtual_env.h"
#include "runtime/job_execution.h"
#include "runtime/job_test_world.h"

namespace rideflow::test {

class SmallJob {
 public:
  // `rows` rows over two partitions; the source stays open. Event times count seconds from 2026-01-01.
  // `change` has the last word on the plan.
  SmallJob(VirtualEnv& env, int rows, int parallelism, const std::function<void(LogicalPlan&)>& change = {});

  void add_rows(int rows);
  // Steps tasks, background work and the coordinator in turn.
  void run(int steps);

  std::shared_ptr<TestWorld> world = std::make_shared<TestWorld>();
  std::shared_ptr<JobExecution> execution;

 private:
  VirtualEnv& env_;
  std::mt19937_64 random_{1};
  int added_ = 0;
};

}  // namespace rideflow::test
