// The leaves of filters: what one value must be.
#pragma once

#include <memory>

#include "rollup/query/filter.h"

namespace rideflow::rollup {

class Predicate {
 public:
  virtual ~Predicate() = default;
  // Nulls too: a predicate says itself what null means.
  virtual Truth test(const Datum& value) const = 0;
  // For null in a column of texts, where it sorts before all of them: a bound without a lower end takes it
  // in.
  virtual Truth test_null_text() const { return test(Datum()); }
  // What a test takes, as QueryControl::step() counts.
  size_t cost(const Datum& value) const {
    return value.kind == Datum::Kind::text ? cost_ + value.text.size() / 64 * cost_ : cost_;
  }

 protected:
  size_t cost_ = 1;
};

// The column that a leaf looks at, and its predicate.
struct Leaf {
  std::string column;
  std::shared_ptr<const Predicate> predicate;
};

// Nothing in the result's pointer when the type is not a leaf.
Result<Leaf> parse_leaf(const std::string& type, const JsonObject& json, QueryControl& control);

}  // namespace rideflow::rollup
