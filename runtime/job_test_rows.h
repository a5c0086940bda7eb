// What a test's sinks got, as rows of values, and how they are compared with what was expected.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dsl/job_test_spec.h"
#include "engine/plan.h"
#include "runtime/job_test_world.h"

namespace rideflow {

struct ActualCell {
  Value value;
  Type type;
};
struct ActualRow {
  std::map<std::string, ActualCell> cells;
};

// The rows of a sink: as they arrived, or, for a rollup, one per cell of (time, dimensions) with its metrics.
Result<std::vector<ActualRow>> rows_of(const SinkConfig& sink, const TestCollection& collection);

// Rows as JSON objects, which a test file takes as they stand.
struct RowDifference {
  struct Missing {
    int32_t line = 0;  // of the expected row
    std::string row;
    bool operator==(const Missing&) const = default;
  };
  std::string sink;
  std::vector<Missing> missing;
  std::vector<std::string> unexpected;
  bool empty() const { return missing.empty() && unexpected.empty(); }
  bool operator==(const RowDifference&) const = default;
};

// Empty when equal as multisets, each expected row on the columns that it names.
RowDifference compare_rows(const ExpectedRows& expected, const std::vector<ActualRow>& actual);

// One cell of such a row: {"a": 1}. A number that JSON has not stands as a test writes it, in quotes.
void append_cell(std::string& out, std::string_view column, const Value& value, const Type& type);
// The feed of a test, a line per row or step.
std::vector<std::string> feed_lines(const LogicalPlan& plan, const JobTest& test);

}  // namespace rideflow
