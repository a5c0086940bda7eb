// Reading a client's JSON leniently: numbers may stand as text and the other way round, null is the same as
// absent.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/status.h"

namespace rideflow::rollup {

using Json = boost::json::value;
using JsonObject = boost::json::object;

// Null when the member is absent or null.
const Json* find(const JsonObject& object, std::string_view name);
const JsonObject* find_object(const JsonObject& object, std::string_view name);
// Text, or a scalar's text.
std::optional<std::string> text(const Json* v);
std::string text(const JsonObject& object, std::string_view name, std::string_view fallback = {});
std::optional<double> number(const Json* v);
std::optional<int64_t> integer(const Json* v);
bool flag(const JsonObject& object, std::string_view name, bool fallback = false);
// The items of an array; a single value is an array of one, absent is empty.
std::vector<const Json*> items(const Json* v);

// Errors in Druid's words. `type` is the class that its client's log would name.
Status bad_query(std::string_view type, std::string_view problem);
Status unknown_type(std::string_view id, std::string_view of, std::string_view known);

}  // namespace rideflow::rollup
