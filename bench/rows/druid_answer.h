// Numbers of a query's answer, to be compared with what is expected.
#pragma once

#include <string>
#include <vector>

#include "rollup/rollup_queries.h"

namespace rideflow::bench {

// All fields of this name, added up; NaN when there is none.
double answer_number(const QueryAnswer& answer, const std::string& field);
// Empty when the field is `expected`, to nine digits; else what was there instead.
std::string answer_difference(const QueryAnswer& answer, const std::string& field, double expected);
// A timeseries over everything that sums these metrics, each under its own name.
std::string sum_query(const std::string& datasource, const std::vector<std::string>& metrics);

}  // namespace rideflow::bench
