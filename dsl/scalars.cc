#include "dsl/scalars.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace rideflow {

namespace {

Status wrong(std::string_view text, std::string_view what) {
  return Status::user(Code::invalid_argument, fmt::format("'{}' is not {}", text, what));
}

Status too_large(std::string_view text, std::string_view what, std::string_view limit) {
  return Status::user(Code::invalid_argument,
                      fmt::format("'{}' is out of range for {}: {}", text, what, limit));
}

struct Suffix {
  std::string_view name;
  double factor;
};
constexpr Suffix kSizes[] = {{"", 1},         {"B", 1},      {"k", 1e3},      {"kB", 1e3},
                             {"KB", 1e3},     {"MB", 1e6},   {"GB", 1e9},     {"TB", 1e12},
                             {"KiB", 1024.0}, {"K", 1024.0}, {"MiB", 0x1p20}, {"M", 0x1p20},
                             {"GiB", 0x1p30}, {"G", 0x1p30}, {"TiB", 0x1p40}};
constexpr Suffix kCounts[] = {{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}};
constexpr Suffix kPer[] = {{"", 1}, {"/s", 1}, {"/m", 60}, {"/min", 60}, {"/h", 3600}};

// Reads a number off the front of text.
bool take_number(std::string_view& text, double& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || !std::isfinite(number)) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  while (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

template <size_t N>
const Suffix* find_suffix(const Suffix (&table)[N], std::string_view name) {
  for (const Suffix& suffix : table)
    if (suffix.name == name) return &suffix;
  return nullptr;
}

}  // namespace

Result<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return wrong(text, "true or false");
}

Result<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc::result_out_of_range && end == text.data() + text.size())
    return too_large(
        text, "a whole number",
        text.starts_with('-') ? "the least is -9223372036854775808" : "the largest is 9223372036854775807");
  if (code != std::errc() || end != text.data() + text.size()) return wrong(text, "a whole number");
  return value;
}

Result<double> parse_number(std::string_view text) {
  std::string_view rest = text;
  double value = 0;
  if (!take_number(rest, value) || !rest.empty()) return wrong(text, "a number");
  return value;
}

Result<Duration> parse_span(std::string_view text) {
  if (text == "0") return Duration{};
  Result<Duration> duration = parse_duration(text);
  if (duration.ok() || duration.status().code() == Code::out_of_range) return duration;
  return wrong(text, "a duration (write 30s, 5m, 1h30m or 1d)");
}

Result<int64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  double number = 0;
  const bool ok = take_number(rest, number);
  const Suffix* suffix = ok ? find_suffix(kSizes, rest) : nullptr;
  if (suffix && number * suffix->factor > 9e18) return too_large(text, "a size", "the largest is 8000000TiB");
  if (!suffix || number < 0) return wrong(text, "a size (write 64MiB or 10GiB)");
  return static_cast<int64_t>(number * suffix->factor);
}

Result<double> parse_rate(std::string_view text) {
  if (text == "max") return 0.0;
  std::string_view rest = text;
  double number = 0;
  bool ok = take_number(rest, number);
  const size_t slash = std::min(rest.find('/'), rest.size());
  const Suffix* count = find_suffix(kCounts, rest.substr(0, slash));
  const Suffix* per = find_suffix(kPer, rest.substr(slash));
  ok = ok && number >= 0 && count && per;
  if (!ok) return wrong(text, "a rate (write 5000/s, 100/m or max)");
  return number * count->factor / per->factor;
}

Result<Micros> parse_time(std::string_view text) {
  const std::optional<Micros> time = parse_timestamp(text);
  if (!time) return wrong(text, "a time (write 2026-01-31T12:00:00Z)");
  return *time;
}

}  // namespace rideflow
