// Page: the rows of one page of a part, as filters, groupers and aggregators read them; and how a query's
// column names resolve to what a part holds.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rollup/part.h"
#include "rollup/query/datum.h"
#include "rollup/query_control.h"
#include "rollup/rollup_spec.h"

namespace rideflow::rollup {

class Expression;
class Page;

// Where a column of a query comes from.
struct ColumnRef {
  enum class Kind : uint8_t { missing, time, dimension, metric, expression } kind = Kind::missing;
  int index = 0;                                 // dimension, metric
  std::shared_ptr<const Expression> expression;  // a virtual column
};

// The columns that a query sees: those of the spec and its virtual ones.
class QueryColumns {
 public:
  // `control`: of the query whose columns these are; it outlives them and all that is parsed with them.
  QueryColumns(std::shared_ptr<const RollupSpec> spec, QueryControl& control)
      : spec_(std::move(spec)), control_(control) {}
  const RollupSpec& spec() const { return *spec_; }
  QueryControl& control() const { return control_; }
  bool has_virtual(const std::string& name) const { return virtual_.count(name) > 0; }
  void add_virtual(const std::string& name, std::shared_ptr<const Expression> expression) {
    virtual_[name] = std::move(expression);
  }
  ColumnRef find(const std::string& name) const;

 private:
  std::shared_ptr<const RollupSpec> spec_;
  QueryControl& control_;
  std::map<std::string, std::shared_ptr<const Expression>> virtual_;
};

// What a virtual column gave for the rows of the current page.
class VirtualValues {
 public:
  explicit VirtualValues(QueryControl& control) : held_(control) {}
  // Forgets all.
  void start_page();
  // The value of a row, evaluated when it is asked for first. Valid until the next page.
  Result<const QueryValue*> at(const Expression& expression, Page& page, size_t row);

 private:
  HeldBytes held_;
  size_t text_bytes_ = 0;
  std::vector<QueryValue> values_;
  std::vector<uint8_t> known_;
};

// A part with its dictionaries, opened once per query.
class PartView {
 public:
  PartView(const Part& part, const QueryColumns& columns);
  const Part& part() const { return part_; }
  const QueryColumns& columns() const { return columns_; }
  const DimensionView& dimension(int d) const { return dimensions_[static_cast<size_t>(d)]; }
  // The value of a value code (not of a list's).
  Datum value(int d, uint32_t code) const;
  // The value codes of a cell's code: one, or those of its list.
  void values_of(int d, uint32_t code, std::vector<uint32_t>& out) const;
  PartReader& reader() { return *reader_; }
  QueryControl& control() const { return columns_.control(); }
  void start_page();
  VirtualValues& virtual_values(const Expression& expression);

 private:
  const Part& part_;
  const QueryColumns& columns_;
  std::vector<DimensionView> dimensions_;
  std::unique_ptr<PartReader> reader_;
  std::map<const Expression*, VirtualValues> virtual_;
};

class Page {
 public:
  Page(PartView& view, size_t rows) : view_(view), rows_(rows) { view.start_page(); }
  PartView& view() const { return view_; }
  size_t rows() const { return rows_; }
  Result<const Micros*> times() { return view_.reader().times(); }
  Result<const uint32_t*> codes(int d) { return view_.reader().codes(d); }
  Result<MetricView> metric(int m) { return view_.reader().metric(m); }
  // Any column of one row: time in milliseconds; a list's values one by one, sketches as null.
  // For the slow paths. The texts that a datum points to live until the next call.
  Result<Datum> datum(const ColumnRef& column, size_t row);
  Result<std::vector<Datum>> data(const ColumnRef& column, size_t row);

 private:
  Result<Datum> metric_datum(int m, size_t row);
  PartView& view_;
  size_t rows_;
};

inline int64_t to_millis(Micros t) {
  return t >= 0 ? t / 1000 : -((-t + 999) / 1000);
}

}  // namespace rideflow::rollup
