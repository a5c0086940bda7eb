// Druid's post-aggregators: one value from the aggregated values of a result row.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rollup/query/datum.h"
#include "rollup/query/json.h"
#include "rollup/query_control.h"

namespace rideflow::rollup {

// A result row by name. Null when there is no such column.
class RowValues {
 public:
  virtual ~RowValues() = default;
  virtual QueryValue raw(const std::string& name) const = 0;        // sketches as sketches
  virtual QueryValue finalized(const std::string& name) const = 0;  // sketches as numbers
  virtual QueryControl& control() const = 0;                        // of the query
};

class PostAggregator {
 public:
  virtual ~PostAggregator() = default;
  const std::string& name() const { return name_; }
  virtual Result<QueryValue> eval(const RowValues& row) const = 0;
  static Result<std::shared_ptr<const PostAggregator>> parse(const Json& json, int depth = 0);

 protected:
  std::string name_;
};
using PostAggregators = std::vector<std::shared_ptr<const PostAggregator>>;

// A sketch as what it finalises to, anything else as it is.
QueryValue plain(const QueryValue& v);

}  // namespace rideflow::rollup
