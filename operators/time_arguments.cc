#include "operators/time_arguments.h"

namespace rideflow {

namespace {

struct UnitName {
  std::string_view name;
  std::string_view duration;
};
constexpr UnitName kUnits[] = {
    {"microsecond", "1us"}, {"millisecond", "1ms"}, {"second", "1s"}, {"minute", "1m"},   {"hour", "1h"},
    {"day", "1d"},          {"week", "1w"},         {"month", "1mo"}, {"quarter", "3mo"}, {"year", "1y"}};

}  // namespace

Result<std::string> literal_word(std::string_view function, const ArgInfo& arg, std::string_view what) {
  if (!arg.literal || arg.literal->kind != Kind::string) {
    return Status::user(Code::invalid_argument,
                        fmt::format("{}: {} must be a text literal, the same for all rows", function, what));
  }
  std::string word = arg.literal->text;
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return word;
}

Result<Duration> literal_unit(std::string_view function, const ArgInfo& arg) {
  RF_ASSIGN(std::string word, literal_word(function, arg, "the unit"));
  std::string singular = word;
  if (singular.size() > 3 && singular.ends_with('s')) singular.pop_back();
  for (const UnitName& unit : kUnits) {
    if (unit.name == singular) return parse_duration(unit.duration);
  }
  const auto duration = parse_duration(word);
  const bool positive = duration.ok() && (duration->months > 0 || duration->total_micros() > 0);
  if (positive) return *duration;
  return Status::user(
      Code::invalid_argument,
      fmt::format("{}: '{}' is not a unit: write second, minute, hour, day, week, month, quarter, "
                  "year, or a duration such as 15m",
                  function, word));
}

Result<const TimeZone*> literal_zone(std::string_view function, std::span<const ArgInfo> args, size_t index) {
  if (index >= args.size()) return static_cast<const TimeZone*>(nullptr);
  const ArgInfo& arg = args[index];
  if (!arg.literal || arg.literal->kind != Kind::string) {
    return Status::user(Code::invalid_argument,
                        fmt::format("{}: the zone must be a text literal, as in 'Europe/Paris'", function));
  }
  auto zone = TimeZone::find(arg.literal->text);
  if (!zone.ok()) return std::move(zone).status().with(function);
  return *zone;
}

std::string outside_years_reason(std::string_view function, Micros t, const TimeZone* zone) {
  return fmt::format("{}: {} in {} is outside the years 1 to 9999", function, format_timestamp(t),
                     zone == nullptr ? "UTC" : zone->name());
}

}  // namespace rideflow
