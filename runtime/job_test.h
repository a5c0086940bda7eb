// Running the tests of a job: its plan over the rows of the test, under a virtual clock, in one loop.
//
// Every test runs at batch sizes 1 and 1,024 and at each parallelism that it names; all must give what is
// expected.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dsl/job_test_spec.h"
#include "engine/plan.h"

namespace rideflow {

struct JobTestResult {
  std::string name;
  std::string file;
  TextPos pos;
  std::vector<std::string> failures;  // each with the run that it came from; empty: passed
  bool ok() const { return failures.empty(); }
};

JobTestResult run_job_test(const LogicalPlan& plan, const JobTest& test);

// One run: what reached each sink that the test names, or why the job failed.
struct JobTestRun {
  int32_t batch_rows = 1;
  int32_t parallelism = 1;
};
Status run_job_test_once(const LogicalPlan& plan, const JobTest& test, const JobTestRun& run,
                         std::vector<std::string>& failures);

}  // namespace rideflow
