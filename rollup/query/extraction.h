// Druid's extraction functions: text in, text or null out.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rollup/query/datum.h"
#include "rollup/query/json.h"
#include "rollup/query_control.h"

namespace rideflow::rollup {

class Extraction {
 public:
  virtual ~Extraction() = default;
  virtual std::optional<std::string> apply(const Datum& value) const = 0;
  // Null when the JSON is null or absent. invalid_argument or not_found when it is none of ours.
  static Result<std::shared_ptr<const Extraction>> parse(const Json* json, QueryControl& control);
  // Of a cascade: those of all its functions.
  size_t steps() const { return steps_; }

 protected:
  size_t steps_ = 1;
};

// Java's case mapping for what UTF-8 text holds of Latin, Greek and Cyrillic letters.
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
size_t utf16_length(std::string_view text);  // as Java counts

}  // namespace rideflow::rollup
