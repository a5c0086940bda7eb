// Druid's having: which rows of a groupBy's result stay.
#pragma once

#include <memory>

#include "rollup/query/filter.h"

namespace rideflow::rollup {

class Having {
 public:
  virtual ~Having() = default;
  virtual bool keeps(const Filter::Lookup& row) const = 0;
  static Result<std::shared_ptr<const Having>> parse(const Json& json, const QueryColumns& columns,
                                                     int depth = 0);
};

}  // namespace rideflow::rollup
