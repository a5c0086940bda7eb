// Part: an immutable run of cells as a query reads it: a block of an open chunk, or a sealed segment.
//
// A PartReader walks it page by page (at most kPageRows rows) and decodes only the columns that it is asked
// for. Parts are shared by all threads; a reader belongs to one query.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "rollup/cell_table.h"
#include "rollup/rollup_spec.h"

class Roaring;  // of CRoaring

namespace rideflow::rollup {

// Few enough that what a query makes of a page stays in the processor's caches.
inline constexpr size_t kPageRows = 8192;

// One metric of a page; which pointers are set depends on the kind, as in MetricColumn.
struct MetricView {
  const int64_t* ints = nullptr;
  const double* doubles = nullptr;
  const double* low = nullptr;    // null: all 0
  const Micros* times = nullptr;  // when a first or last was
  const uint8_t* has = nullptr;   // a byte per row; null: all rows have a value
};

struct DimensionView {
  DimensionType type = DimensionType::string;
  std::shared_ptr<const ValueList> values;
  std::shared_ptr<const ValueList> lists;  // multi-value: entry = uint32 value codes; else null
  // Codes that cells hold, null included.
  uint32_t codes() const { return lists ? lists->size() : values->size(); }
};

class PartReader {
 public:
  virtual ~PartReader() = default;
  virtual size_t pages() const = 0;
  // Moves to a page and returns its rows. Pointers of an earlier page end here. data_loss when damaged.
  virtual Result<size_t> open(size_t page) = 0;
  virtual Result<const Micros*> times() = 0;
  virtual Result<const uint32_t*> codes(int dimension) = 0;
  virtual Result<MetricView> metric(int metric) = 0;
  // Of one row of the page; REQUIRES: the metric's kind. Null: no values. Valid until the next call.
  virtual std::string_view text(int metric, size_t row) = 0;
  virtual const Quantiles* quantiles(int metric, size_t row) = 0;
  virtual const Distinct* distinct(int metric, size_t row) = 0;
};

class Part {
 public:
  virtual ~Part() = default;
  size_t rows() const { return rows_; }
  Micros min_time() const { return min_time_; }  // of cells, truncated
  Micros max_time() const { return max_time_; }
  // What its cells take, in memory (without the dictionaries of their dimensions) or as a file.
  virtual int64_t memory_bytes() const { return 0; }
  virtual int64_t file_bytes() const { return 0; }
  // Of a file: what it has allocated, beside its mapped bytes.
  virtual int64_t heap_bytes() const { return 0; }
  virtual DimensionView dimension(int d) const = 0;
  virtual std::unique_ptr<PartReader> read() const = 0;
  // The rows that hold one of these codes, or nothing when this part has no such index.
  virtual bool rows_with(int dimension, std::span<const uint32_t> codes, ::Roaring& out) const {
    (void)dimension;
    (void)codes;
    (void)out;
    return false;
  }

 protected:
  size_t rows_ = 0;
  Micros min_time_ = kNoTime;
  Micros max_time_ = kNoTime;
};

// A part over columns in memory. The dictionary views may be newer than the columns.
std::shared_ptr<const Part> make_memory_part(std::shared_ptr<const RollupSpec> spec,
                                             std::shared_ptr<const CellColumns> cells,
                                             std::vector<DimensionView> dimensions);

}  // namespace rideflow::rollup
