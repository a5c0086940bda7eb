// Times from and to text and numbers, and from zone to zone.
#include <algorithm>
#include <cmath>

#include "engine/civil.h"
#include "operators/time_arguments.h"

namespace rideflow {

namespace {

// ---- to_timestamp

Result<int64_t> micros_per_unit(const ArgInfo& unit) {
  RF_ASSIGN(const std::string word, literal_word("to_timestamp", unit, "the unit"));
  if (word == "s") return kMicrosPerSecond;
  if (word == "ms") return int64_t{1000};
  if (word == "us") return int64_t{1};
  return Status::user(
      Code::invalid_argument,
      fmt::format("to_timestamp: '{}' is not a unit of numbers: write 's', 'ms' or 'us'", word));
}

Result<BoundFunction> bind_from_number(std::span<const ArgInfo> args) {
  int64_t unit = kMicrosPerSecond;
  if (args.size() > 1) {
    RF_ASSIGN(unit, micros_per_unit(args[1]));
  }
  const bool whole = args[0].type.is_integer();
  std::vector<Type> types(args.size(), Kind::string);
  types[0] = whole ? Kind::int64 : Kind::float64;
  Kernel kernel = [unit, whole](const KernelCall& call, RowErrors& errors) {
    const auto in_range = [](Micros t) { return t >= kFirstMicros && t <= kLastMicros; };
    const auto reason = [](auto v) { return fmt::format("to_timestamp: {} is out of range", v); };
    if (whole) {
      return try_map_column<int64_t, Micros>(
          call, errors, Kind::timestamp,
          [&](int64_t v, Micros& out) {
            return __builtin_mul_overflow(v, unit, &out) || !in_range(out) ? 1 : 0;
          },
          reason);
    }
    return try_map_column<double, Micros>(
        call, errors, Kind::timestamp,
        [&](double v, Micros& out) {
          const double micros = v * static_cast<double>(unit);
          const bool fits =
              micros >= static_cast<double>(kFirstMicros) && micros <= static_cast<double>(kLastMicros);
          out = fits ? static_cast<Micros>(std::round(micros)) : 0;
          return fits ? 0 : 1;
        },
        reason);
  };
  return bound_failing("to_timestamp", std::move(types), Kind::timestamp, std::move(kernel));
}

Result<BoundFunction> bind_from_text(std::span<const ArgInfo> args) {
  RF_ASSIGN(const TimeZone* zone, literal_zone("to_timestamp", args, 1));
  Kernel kernel = [zone](const KernelCall& call, RowErrors& errors) {
    BufferRef data = BufferRef::allocate_zeroed(static_cast<size_t>(call.rows) * sizeof(Micros));
    for (int32_t i = 0; i < call.rows; ++i) {
      if (!call.is_active(i)) continue;
      const auto t = parse_timestamp(text_at(call, 0, i), zone);
      data.as_mutable<Micros>()[i] = t.value_or(0);
      if (!t) errors.fail(i, fmt::format("to_timestamp: '{}' is not a timestamp", text_at(call, 0, i)));
    }
    return column_from(Kind::timestamp, call.rows, std::move(data));
  };
  return with(
      bound("to_timestamp", std::vector<Type>(args.size(), Kind::string), Kind::timestamp, std::move(kernel)),
      {.can_fail = true, .costly = true});
}

Result<BoundFunction> bind_to_timestamp(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes =
      "a text and, if wanted, its zone, or a number and its unit ('s', 'ms', 'us')";
  RF_TRY(check_count("to_timestamp", args, 1, 2, kTakes));
  if (is_text_or_null(args[0])) return bind_from_text(args);
  if (args[0].type.is_numeric()) return bind_from_number(args);
  return wrong_arguments("to_timestamp", args, kTakes);
}

// ---- format

Result<BoundFunction> bind_format(const std::string& name, std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a time, a pattern ('yyyy-MM-dd HH:mm') and, if wanted, a zone";
  RF_TRY(check_count(name, args, 2, 3, kTakes));
  if (!is_time_or_null(args[0]) || !is_text_or_null(args[1])) return wrong_arguments(name, args, kTakes);
  RF_ASSIGN(const TimeZone* zone, literal_zone(name, args, 2));
  std::vector<Type> types(args.size(), Kind::string);
  types[0] = Kind::timestamp;
  Kernel kernel = [zone](const KernelCall& call, RowErrors&) {
    return text_column(call, [&](int32_t i, std::string& out) {
      const auto t = std::clamp(value_of<Micros>(call, 0, i), kFirstMicros, kLastMicros);
      out = format_pattern(t, text_at(call, 1, i), zone);
    });
  };
  return with(bound(name, std::move(types), Kind::string, std::move(kernel)), {.costly = true});
}

// ---- Zones

// The instant's wall clock as if it were UTC, or back.
Result<BoundFunction> bind_zone_shift(const std::string& name, bool to_local, std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a time and a zone";
  RF_TRY(check_count(name, args, 2, 2, kTakes));
  if (!is_time_or_null(args[0])) return wrong_arguments(name, args, kTakes);
  RF_ASSIGN(const TimeZone* zone, literal_zone(name, args, 1));
  Kernel kernel = [zone, to_local](const KernelCall& call, RowErrors&) {
    return map_column<Micros, Micros>(call, Kind::timestamp, [&](Micros given) {
      const Micros t = std::clamp(given, kFirstMicros, kLastMicros);
      return to_local ? t + zone->offset_at(t) : zone->to_utc(t);
    });
  };
  return bound(name, {Kind::timestamp, Kind::string}, Kind::timestamp, std::move(kernel));
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_time_text) {
  using namespace rideflow;
  catalog.add(function_kind(
      "to_timestamp", "time", "to_timestamp(text[, zone] or number[, unit]) -> timestamp",
      "The time that an ISO text means (in the zone, when it has no offset), or a number of "
      "seconds ('s', the default), milliseconds ('ms') or microseconds ('us') since 1970.",
      "to_timestamp(1767225600000, 'ms') = timestamp '2026-01-01T00:00:00Z'", bind_to_timestamp));
  for (const char* name : {"format", "format_timestamp"}) {
    catalog.add(
        function_kind(name, "time", std::string(name) + "(time, pattern[, zone]) -> string",
                      "The time as text, by Java's letters: yyyy MM dd HH mm ss SSS EEE, words in quotes.",
                      std::string(name) + "(timestamp '2026-01-01T12:34:56Z', 'HH:mm') = '12:34'",
                      [name](std::span<const ArgInfo> args) { return bind_format(name, args); }));
  }
  catalog.add(function_kind(
      "at_timezone", "time", "at_timezone(time, zone) -> timestamp",
      "The wall clock of the zone at that instant, as a timestamp.",
      "at_timezone(timestamp '2026-01-01T12:00:00Z', '+02:00') = timestamp "
      "'2026-01-01T14:00:00Z'",
      [](std::span<const ArgInfo> args) { return bind_zone_shift("at_timezone", true, args); }));
  catalog.add(function_kind(
      "from_timezone", "time", "from_timezone(time, zone) -> timestamp",
      "The instant at which the zone's wall clock shows this time; the earlier offset where a "
      "clock change skips or repeats it.",
      "from_timezone(timestamp '2026-01-01T14:00:00Z', '+02:00') = timestamp "
      "'2026-01-01T12:00:00Z'",
      [](std::span<const ArgInfo> args) { return bind_zone_shift("from_timezone", false, args); }));
}
