// Rows for a RollupWriter, written down as values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/builder.h"
#include "engine/value.h"
#include "rollup/rollup_store.h"

namespace rideflow::test {

struct RollupRow {
  Micros time = 0;
  std::vector<Value> dimensions;  // in the spec's order; a list for a multi-value one
  std::vector<Value> metrics;     // what each metric gets; ignored by count
};

// Owns the columns that its RollupRows point into.
class RollupBatch {
 public:
  RollupBatch(const RollupSpec& spec, const std::vector<RollupRow>& rows);
  const RollupRows& rows() const { return rows_; }

 private:
  struct Input {
    std::vector<uint8_t> valid;
    std::vector<int64_t> ints;
    std::vector<double> doubles;
    std::vector<uint64_t> hashes;
    Column texts;
  };
  void add_dimension(const RollupDimension& dimension, size_t d, const std::vector<RollupRow>& rows);
  void add_metric(const RollupMetric& metric, size_t m, const std::vector<RollupRow>& rows);
  std::vector<Micros> times_;
  std::vector<std::unique_ptr<Column>> columns_;
  std::vector<std::unique_ptr<Input>> inputs_;
  RollupRows rows_;
};

// Prepares and commits an epoch at a watermark, as the runtime does.
Status commit_epoch(RollupWriter& writer, int64_t epoch, Micros watermark);

}  // namespace rideflow::test
