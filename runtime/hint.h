// " (did you mean 'trips'?)" for the end of a sentence's phrase; empty when nothing is near enough.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog.h"

namespace rideflow {

inline std::string hint_of(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string hint = did_you_mean(word, candidates);
  return hint.empty() ? hint : " " + hint;
}

}  // namespace rideflow
