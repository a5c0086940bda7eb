// What people write who come from PostgreSQL, MySQL, Spark, Flink or Druid, where another name alone is no
// answer (engine/catalog.cc knows those that have one): what to write instead.
//
// Words in small letters; an empty answer where nothing is known.
#pragma once

#include <string_view>

namespace rideflow {

// Of a function, or of a name that elsewhere is a function without parentheses: current_timestamp.
std::string_view advice_on_function(std::string_view word);
std::string_view advice_on_name(std::string_view word);
// Of a word or symbol that stands where an operator should: ilike, ~.
std::string_view advice_on_operator(std::string_view word);

}  // namespace rideflow
