#include "runtime/cli/generator_flags.h"

#include <fmt/format.h>

#include <cstdlib>

namespace rideflow {
namespace {

Status read_number(const ParsedArgs& args, const char* flag, double low, double high, double& value) {
  if (!args.has(flag)) return {};
  const std::string text = args.get(flag);
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(number >= low && number <= high)) {
    return Status::user(Code::invalid_argument,
                        fmt::format("--{} wants a number from {} to {}, not '{}'", flag, low, high, text));
  }
  value = number;
  return {};
}

}  // namespace

std::vector<FlagSpec> generator_flags(const char* default_pace) {
  return {
      {"pace", "N",
       fmt::format(
           "rides live N times faster than the clock (default {}): at 20 a trip of 20 "
           "minutes takes one and leads a 20th as far, for little more than the base fare: speeds stay "
           "those of a city",
           default_pace),
       false},
      {"disorder", "TIME", "times in events are up to this much out of order (default 0s)", false},
      {"late", "SHARE", "share of events that come one to three minutes late (default 0)", false},
      {"duplicates", "SHARE", "share of events that repeat a recent one (default 0)", false},
      {"broken", "SHARE", "share of records that are no valid event (default 0)", false},
  };
}

std::vector<FlagSpec> spacing_flags() {
  return {
      {"every", "TIME", "event time from one event to the next, such as 30s, however fast they are written",
       false},
      {"days", "N",
       "so many days of event time, up to now without --start; an event every 30s, or --count of them spread "
       "over the days, where neither --every nor --rate says otherwise",
       false},
  };
}

Status read_spacing_flags(const ParsedArgs& args, FeedOptions& options) {
  RF_TRY(read_number(args, "days", 0, 36'525, options.days));
  if (!args.has("every")) return {};
  constexpr Micros kMost = int64_t{366} * 86'400 * kMicrosPerSecond;
  Result<Duration> every = parse_duration(args.get("every"));
  if (!every.ok()) return std::move(every).status().with("--every");
  options.every = every->is_fixed() ? every->total_micros() : 0;
  if (options.every >= 1'000 && options.every <= kMost) return {};
  return Status::user(Code::invalid_argument,
                      fmt::format("--every wants a time from 1ms to 366d, not '{}'", args.get("every")));
}

Status read_generator_flags(const ParsedArgs& args, FeedOptions& options) {
  RF_TRY(read_number(args, "pace", 0.01, 1000, options.pace));
  RF_TRY(read_number(args, "late", 0, 1, options.late));
  RF_TRY(read_number(args, "duplicates", 0, 0.5, options.duplicates));
  RF_TRY(read_number(args, "broken", 0, 0.5, options.broken));
  if (args.has("disorder")) {
    Result<Duration> disorder = parse_duration(args.get("disorder"));
    if (!disorder.ok()) return std::move(disorder).status().with("--disorder");
    options.disorder = disorder->total_micros();
  }
  return {};
}

}  // namespace rideflow
