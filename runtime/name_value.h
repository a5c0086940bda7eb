// NAME=VALUE, as flags and queries have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rideflow {

// Split at the first '='. Nothing without one, or with no name before it.
inline std::optional<std::pair<std::string, std::string>> split_name_value(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) return std::nullopt;
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

}  // namespace rideflow
