// How a job's columns and aggregates become those of a rollup: which metric an aggregate call keeps, and the
// arrays of a batch in the form that the store takes.
#pragma once

#include <memory>
#include <vector>

#include "engine/catalog.h"
#include "rollup/rollup_store.h"

namespace rideflow {

// The dimension that a column makes. Strings, lists of strings, integers and doubles as they are; booleans,
// dates and decimals as text; timestamps and intervals as milliseconds.
Result<RollupDimension> rollup_dimension(const Field& field);

// The metric that an aggregate call makes. invalid_argument names what a rollup can keep.
Result<RollupMetric> rollup_metric(const AggregateCall& call, const Schema& input);

// A dimension's column as the store takes it.
Column rollup_dimension_column(const Column& column);

// One metric's inputs of one batch. Owns what the MetricInput points into.
class RollupMetricInput {
 public:
  // `argument` and `filter` may be null. Rows of `failed` count as null.
  rollup::MetricInput make(MetricKind kind, const Column* argument, const Column* filter,
                           const RowErrors* failed, const Micros* event_time, int32_t rows);

 private:
  void read_numbers(const Column& column, int32_t rows, bool doubles);
  void read_hashes(const Column& column, int32_t rows);
  std::vector<uint8_t> valid_;
  std::vector<int64_t> ints_;
  std::vector<double> doubles_;
  std::vector<uint64_t> hashes_;
};

}  // namespace rideflow
