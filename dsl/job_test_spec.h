// Job tests: the `tests:` section of a job file, or of a file beside it, typed by the job's plan.
//
// Plain data. Running them (virtual clock, batch sizes, parallelism, comparing) is the runtime's work.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/diagnostics.h"
#include "dsl/job_spec.h"
#include "dsl/variables.h"
#include "engine/plan.h"
#include "engine/value.h"

namespace rideflow {

// A row to feed: values of all columns of the source's schema, in its order (SourceNode::decoder.columns).
// Columns that the row does not name are null or their type's default.
struct FeedRow {
  TextPos pos;
  int32_t partition = 0;            // `_partition`
  std::optional<Micros> timestamp;  // `_timestamp`: the record's own time
  std::optional<std::string> key;   // `_key`
  std::vector<Value> values;
  // A row written as one string is a raw record, decoded as it stands: for tests of bad records.
  std::optional<std::string> raw;
};

struct FeedStep {
  enum class Kind : uint8_t { rows, advance, end, wait, restart } kind = Kind::rows;
  TextPos pos;
  std::string source;  // rows
  std::vector<FeedRow> rows;
  std::vector<std::pair<std::string, Micros>> advance;  // source, watermark of its partitions
  std::vector<std::string> end;                         // sources
  int64_t wait_micros = 0;
};

struct ExpectedCell {
  std::string column;
  Value value;
  Type type;
  TextPos pos;
};
struct ExpectedRow {
  TextPos pos;
  std::vector<ExpectedCell> cells;
};
// What a sink must have got, as a multiset. Each row is compared on the columns that it names.
struct ExpectedRows {
  std::string sink;
  TextPos pos;
  std::vector<ExpectedRow> rows;
};

struct JobTest {
  std::string name;
  std::string file;
  TextPos pos;
  std::vector<FeedStep> feed;
  std::vector<ExpectedRows> expect;  // sinks that are not named are not compared
  std::vector<int32_t> parallelism = {1};
  bool open = false;  // sources do not end behind the feed
};

// The columns of a sink's rows that a test may name: its input, or for a rollup `__time`, dimensions and
// metrics.
std::vector<Field> sink_columns(const SinkConfig& config);

// `tests` is the list under the key. Of a job with errors the plan may lack sources and sinks that `spec`
// has: what a test says of those is then not checked.
std::vector<JobTest> read_tests(const YamlNode& tests, std::string_view file, const LogicalPlan& plan,
                                Diagnostics& diagnostics, const JobSpec* spec = nullptr);

// A file of tests beside the job: `job: name` (optional, checked) and `tests:`.
std::vector<JobTest> load_test_file(std::string_view text, std::string_view file, const LogicalPlan& plan,
                                    const VariableLookup& lookup, Diagnostics& diagnostics);

}  // namespace rideflow
