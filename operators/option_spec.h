// Option descriptions of kinds, in one line each.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "engine/catalog.h"

namespace rideflow {

// An option that may be left out. `doc` is one sentence; `default_value` as a job would write it.
inline OptionSpec option_spec(std::string name, OptionType type, std::string doc,
                              std::optional<std::string> default_value = std::nullopt) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.type = type;
  spec.doc = std::move(doc);
  spec.default_value = std::move(default_value);
  return spec;
}

inline OptionSpec required_option(std::string name, OptionType type, std::string doc) {
  OptionSpec spec = option_spec(std::move(name), type, std::move(doc));
  spec.required = true;
  return spec;
}

// The same with limits. Of a duration: in seconds.
inline OptionSpec with_range(OptionSpec spec, std::optional<double> least,
                             std::optional<double> most = std::nullopt) {
  spec.limits.least = least;
  spec.limits.most = most;
  return spec;
}
inline OptionSpec with_pattern(OptionSpec spec, std::string pattern, std::string rule) {
  spec.limits.pattern = std::move(pattern);
  spec.limits.rule = std::move(rule);
  return spec;
}

// Of a topic that is made on first use, and of what is dealt out among tasks.
inline constexpr double kMostPartitions = 1024;

}  // namespace rideflow
