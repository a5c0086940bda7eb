// Cells in memory: columns of times, dimension codes and accumulators, and the hash table that finds a cell.
//
// CellColumns is plain data. A CellTable owns one and adds to it; share() hands the columns to readers as
// they are, and the next change works on a copy, so what a reader holds never changes. One thread at a time;
// shared columns may be read by any.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/column.h"
#include "engine/ids.h"
#include "rollup/dictionary.h"
#include "rollup/rollup_spec.h"
#include "rollup/sketches.h"

namespace rideflow::rollup {

// One metric of all cells. Which vectors are used depends on the kind; the others stay empty.
struct MetricColumn {
  std::vector<int64_t> ints;       // count, long_*
  std::vector<double> doubles;     // double_*
  std::vector<double> low;         // double_sum: what `doubles` rounded away
  std::vector<Micros> times;       // *_first, *_last: when
  std::vector<std::string> texts;  // string_*
  std::vector<uint8_t> has;        // 1: has a value. All but count and sketches
  std::vector<Quantiles> quantiles;
  std::vector<Distinct> distincts;
};

struct CellColumns {
  size_t rows = 0;
  std::vector<Micros> times;
  std::vector<std::vector<uint32_t>> dimensions;  // codes
  std::vector<MetricColumn> metrics;
};

// The values that n rows bring to one metric. `valid` has a bit per row, null when all count; a row without
// it leaves its cell alone. count needs nothing else; the others need the pointer of their type.
struct MetricInput {
  const uint8_t* valid = nullptr;
  const int64_t* ints = nullptr;       // long_*
  const double* doubles = nullptr;     // double_*, quantile_sketch
  const uint64_t* hashes = nullptr;    // distinct_sketch
  const Column* texts = nullptr;       // string_*
  const Micros* event_time = nullptr;  // *_first, *_last
};

class CellTable {
 public:
  explicit CellTable(std::shared_ptr<const RollupSpec> spec);

  size_t rows() const { return cells_->rows; }
  bool empty() const { return cells_->rows == 0; }
  const CellColumns& cells() const { return *cells_; }

  // Adds n rows: truncated times, codes by dimension, inputs by metric.
  void add(int32_t n, const Micros* times, std::span<const uint32_t* const> codes,
           std::span<const MetricInput> inputs);
  // Adds cells of another table of the same spec; codes[d][i] is the code here of its cell rows[i].
  void merge(const CellColumns& from, std::span<const uint32_t> rows, std::span<const uint32_t* const> codes);
  // Takes whole columns as the first content. REQUIRES: empty; vectors of equal length, sized by resize().
  // data_loss when two rows are the same cell.
  Status load(std::vector<Micros> times, std::span<const uint32_t* const> codes,
              std::vector<MetricColumn> metrics);
  void clear();
  // The columns as they are, for readers.
  std::shared_ptr<const CellColumns> share();
  // What it has allocated, shared columns included; nothing while it is new. Looks at every text and sketch.
  size_t bytes() const;

 private:
  void own();
  void find(int32_t n, const Micros* times, std::span<const uint32_t* const> codes);
  uint32_t find_one(uint64_t hash, Micros time, std::span<const uint32_t* const> codes, int32_t i);
  void grow();

  std::shared_ptr<const RollupSpec> spec_;
  std::shared_ptr<CellColumns> cells_;
  bool shared_ = false;
  std::vector<uint32_t> slots_;   // row + 1
  std::vector<uint32_t> hashes_;  // by row
  std::vector<uint32_t> found_;   // of the last find()
};

// Adds x to a sum kept in two doubles.
inline void add_exactly(double& high, double& low, double x) {
  const double sum = high + x;
  const double part = sum - high;
  const double lost = (high - (sum - part)) + (x - part);
  high = sum;
  low = lost == lost ? low + lost : 0;  // not a number: infinities met
}

// Whether a value at `time` replaces the one a first/last holds. Ties: the smaller value.
template <class T>
bool replaces(bool last, Micros time, const T& value, Micros held_time, const T& held) {
  if (time != held_time) return last ? time > held_time : time < held_time;
  return value < held;
}

// What the columns have allocated.
size_t bytes_of(const CellColumns& cells);

// Sizes every vector that the kind uses to `rows`.
void resize(MetricColumn& column, MetricKind kind, size_t rows);
// Merges one accumulator into another.
void merge_metric(MetricKind kind, MetricColumn& to, size_t to_row, const MetricColumn& from,
                  size_t from_row);

}  // namespace rideflow::rollup
