// What a test's sinks got, as rows of values, and how they are compared with what was expected.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dsl/job_test_spec.h"
#include "engine/plan.h"
#include "runtime/job_test_world.h"

namespace rideflow {

struct ActualRow {
  std::map<std::string, Value> cells;
};

// The rows of a sink: as they arrived, or, for a rollup, one per cell of (time, dimensions) with its metrics.
Result<std::vector<ActualRow>> rows_of(const SinkConfig& sink, const TestCollection& collection);

// Empty when equal as multisets, each expected row on the columns that it names; else the difference.
std::string compare_rows(const ExpectedRows& expected, const std::vector<ActualRow>& actual);

}  // namespace rideflow
