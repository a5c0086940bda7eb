// The little JSON that requests of the API carry, and times as the API writes them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/ids.h"
#include "engine/json_writer.h"
#include "engine/status.h"

namespace rideflow {

// The scalar members of one JSON object, by name; nested values are left out, of equal names the last counts.
// Nesting deeper than 32 is refused.
using JsonScalar = std::variant<std::nullptr_t, bool, int64_t, double, std::string>;
using JsonObject = std::map<std::string, JsonScalar, std::less<>>;
Result<JsonObject> parse_json_object(std::string_view text);
// The objects of a JSON array, or of the array that is `member` of an object.
Result<std::vector<JsonObject>> parse_json_objects(std::string_view text, std::string_view member = "");
// Null when the member is missing or of another type.
template <class T>
const T* json_member(const JsonObject& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : std::get_if<T>(&found->second);
}

// The same value on several lines, two blanks a level, as Druid's `?pretty` does. REQUIRES: valid JSON.
std::string pretty_json(std::string_view text);

// ISO-8601, or null for "none yet" and "the end of time".
JsonWriter& time_or_null(JsonWriter& json, Micros time);
bool is_printable_time(Micros time);  // years 0001 to 9999

}  // namespace rideflow
