// Random values and columns of any type, with nulls, for property tests. The seed is the caller's to print.
#pragma once

#include <random>

#include "engine/builder.h"
#include "engine/value.h"

namespace rideflow::test {

using Random = std::mt19937_64;

// Below n. REQUIRES: n > 0.
inline int64_t below(Random& random, int64_t n) {
  return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
}

// A value of `type`, never null: mostly small, now and then an edge of the type.
Value random_value(const Type& type, Random& random);
// About one null in four rows when `nullable`.
Column random_column(const Type& type, int32_t rows, bool nullable, Random& random);
// One of every physical layout.
std::vector<Type> some_types();
// All values of the column; list and struct included.
std::vector<Value> values_of(const Column& column);
Column column_of(const Type& type, const std::vector<Value>& values);

}  // namespace rideflow::test
