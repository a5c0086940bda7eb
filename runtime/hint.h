// " (did you mean 'trips'?)" for the end of a sentence's phrase; empty when nothing is near enough.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog.h"

namespace rideflow {

inline std::string hint_of(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string hint = did_you_mean(word, candidates);
  return hint.empty() ? hint : " " + hint;
}

// The same; when nothing is near enough and they are few, all of them: " (there are: rides, trips)".
inline std::string hint_or_list(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kMostListed = 12;
  const std::string hint = hint_of(word, candidates);
  if (!hint.empty() || candidates.empty() || candidates.size() > kMostListed) return hint;
  return fmt::format(" (there are: {})", fmt::join(candidates, ", "));
}

}  // namespace rideflow
