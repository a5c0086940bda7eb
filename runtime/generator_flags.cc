#include "runtime/generator_flags.h"

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
