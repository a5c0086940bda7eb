#include "dsl/option_limits.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <regex>

namespace rideflow {

namespace {

// std::regex goes as deep as its text is long.
constexpr size_t kLongestText = 4096;

std::string number_text(const OptionSpec& spec, double value) {
  const std::string text = fmt::format("{}", value);
  return spec.type == OptionType::duration ? text + "s" : text;
}

}  // namespace

std::string range_text(const OptionSpec& spec) {
  const OptionLimits& limits = spec.limits;
  const std::string least = limits.least ? number_text(spec, *limits.least) : "";
  const std::string most = limits.most ? number_text(spec, *limits.most) : "";
  if (!limits.least) return limits.most ? "at most " + most : "";
  if (limits.above_least) return "above " + least + (limits.most ? " and at most " + most : "");
  return limits.most ? fmt::format("from {} to {}", least, most) : least + " or more";
}

std::string limits_text(const OptionSpec& spec) {
  if (!spec.choices.empty()) return fmt::format("{}", fmt::join(spec.choices, ", "));
  return spec.limits.rule.empty() ? range_text(spec) : spec.limits.rule;
}

bool in_range(const OptionLimits& limits, double value) {
  if (limits.least && (limits.above_least ? value <= *limits.least : value < *limits.least)) return false;
  return !limits.most || value <= *limits.most;
}

bool fits_pattern(const OptionLimits& limits, const std::string& text) {
  if (limits.pattern.empty()) return true;
  return text.size() <= kLongestText && std::regex_match(text, std::regex(limits.pattern));
}

}  // namespace rideflow
