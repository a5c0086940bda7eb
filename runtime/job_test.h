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
#include "runtime/job_test_rows.h"

namespace rideflow {

struct JobTestRun {
  int32_t batch_rows = 1;
  int32_t parallelism = 1;
};

// What one sink got wrong, or why the job failed, and the runs in which it did just so.
struct JobTestFailure {
  std::vector<JobTestRun> runs;
  std::string error;  // why the job failed; else a difference:
  RowDifference difference;
};

struct JobTestResult {
  std::string name;
  std::string file;
  TextPos pos;
  int runs = 0;
  std::vector<std::string> input;  // of a test that failed: its feed, line by line, as a test would write it
  std::vector<JobTestFailure> failures;  // each difference once; empty: passed
  bool ok() const { return failures.empty(); }
};

JobTestResult run_job_test(const LogicalPlan& plan, const JobTest& test);

// For people: the input and every difference.
std::string to_text(const JobTestResult& result);
// One JSON object: {"name","file","line","passed","input","failures":[{"sink","error","runs":[{"batch_size",
// "parallelism"}],"missing":[rows],"unexpected":[rows]}]}.
void append_json(std::string& out, const JobTestResult& result);

}  // namespace rideflow
