// Druid's aggregators, as kernels over pages into rows of groups.
//
// An AggregatorSpec is what a query asked for, parsed once. make() gives the accumulators of one run. For
// every part, bind() is called, then update() once per page. Rows that a query counts come as row numbers of
// the page with the group of each; null pointers mean "all rows, in order" and "all in group 0".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rollup/query/filter.h"
#include "rollup/query/json.h"
#include "rollup/query/page.h"

namespace rideflow::rollup {

class Aggregator {
 public:
  virtual ~Aggregator() = default;
  virtual void resize(size_t groups) = 0;  // only grows
  virtual size_t group_bytes() const = 0;  // what resize() takes for each
  // What it holds beyond that, of values or sketches: looked at after each page.
  virtual size_t extra_bytes() const { return 0; }
  virtual void bind(PartView& part) { (void)part; }
  virtual Status update(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) = 0;
  // Sketches as sketches; null where no value was seen (count: 0).
  virtual QueryValue value(size_t group) const = 0;
};

class AggregatorSpec {
 public:
  virtual ~AggregatorSpec() = default;
  const std::string& name() const { return name_; }
  virtual std::unique_ptr<Aggregator> make() const = 0;
  // What the answer shows for a value: sketches become numbers.
  virtual QueryValue finalize(const QueryValue& v) const { return v; }
  // Of the `grouping` aggregator; else null.
  virtual const std::vector<std::string>* groupings() const { return nullptr; }

  static Result<std::shared_ptr<const AggregatorSpec>> parse(const Json& json, const QueryColumns& columns);

 protected:
  std::string name_;
};
using AggregatorSpecs = std::vector<std::shared_ptr<const AggregatorSpec>>;

// Numbers of a column, page by page, whatever the column is.
struct NumberView {
  const int64_t* ints = nullptr;  // one of the two is set
  const double* doubles = nullptr;
  const double* low = nullptr;
  const Micros* times = nullptr;  // of a stored first or last
  const uint8_t* has = nullptr;   // null: all
  double as_double(size_t row) const {
    return ints ? static_cast<double>(ints[row]) : doubles[row] + (low ? low[row] : 0);
  }
};

class NumberSource {
 public:
  explicit NumberSource(ColumnRef column) : column_(std::move(column)) {}
  const ColumnRef& column() const { return column_; }
  void bind(PartView& part);
  // Values of the rows that are asked for (all when null); other rows hold anything.
  Result<NumberView> load(Page& page, const uint32_t* rows, size_t n);

 private:
  ColumnRef column_;
  std::unique_ptr<HeldBytes> held_;  // the table
  std::vector<double> table_;        // by code
  std::vector<uint8_t> table_has_;
  bool whole_ = false;  // the table holds integers
  std::vector<double> doubles_;
  std::vector<int64_t> ints_;
  std::vector<uint8_t> has_;
};

// f(row, group) for each counted row.
template <class F>
void for_rows(const uint32_t* rows, const uint32_t* groups, size_t n, F f) {
  if (rows == nullptr) {
    for (size_t i = 0; i < n; ++i) f(i, groups ? size_t{groups[i]} : size_t{0});
  } else {
    for (size_t i = 0; i < n; ++i) f(size_t{rows[i]}, groups ? size_t{groups[i]} : size_t{0});
  }
}

// Parsers of the kinds that have files of their own; null when the type is not theirs.
Result<std::shared_ptr<const AggregatorSpec>> parse_sketch_aggregator(const std::string& type,
                                                                      const JsonObject& json,
                                                                      const QueryColumns& columns);
Result<std::shared_ptr<const AggregatorSpec>> parse_edge_aggregator(const std::string& type,
                                                                    const JsonObject& json,
                                                                    const QueryColumns& columns);

}  // namespace rideflow::rollup
