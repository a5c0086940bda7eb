// Times from and to text and numbers, and from zone to zone.
#include <algorithm>
#include <cmath>

#include "engine/civil.h"
#include "engine/decimal.h"
#include "engine/number_text.h"
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

std::string number_out_of_range(const std::string& number) {
  return fmt::format("to_timestamp: {} is out of range", number);
}

Kernel from_integers(int64_t unit) {
  return [unit](const KernelCall& call, RowErrors& errors) {
    return try_map_column<int64_t, Micros>(
        call, errors, Kind::timestamp,
        [unit](int64_t v, Micros& out) {
          return __builtin_mul_overflow(v, unit, &out) || outside_years(out) ? 1 : 0;
        },
        [](int64_t v) { return number_out_of_range(std::to_string(v)); });
  };
}

Kernel from_decimals(int64_t unit, int scale) {
  return [unit, scale](const KernelCall& call, RowErrors& errors) {
    return try_map_column<Int128, Micros>(
        call, errors, Kind::timestamp,
        [unit, scale](Int128 v, Micros& out) {
          const std::optional<Int128> micros = multiply_decimals(v, unit, scale);
          const bool fits = micros && *micros >= kFirstMicros && *micros <= kLastMicros;
          out = fits ? static_cast<Micros>(*micros) : 0;
          return fits ? 0 : 1;
        },
        [scale](Int128 v) { return number_out_of_range(format_decimal(v, scale)); });
  };
}

Kernel from_doubles(int64_t unit) {
  return [unit](const KernelCall& call, RowErrors& errors) {
    return try_map_column<double, Micros>(
        call, errors, Kind::timestamp,
        [unit](double v, Micros& out) {
          const double micros = std::round(v * static_cast<double>(unit));
          const bool near = std::fabs(micros) < 0x1p62;  // not NaN either
          out = near ? static_cast<Micros>(micros) : kLastMicros + 1;
          return outside_years(out) ? 1 : 0;
        },
        [](double v) { return number_out_of_range(format_double(v)); });
  };
}

Result<BoundFunction> bind_from_number(std::span<const ArgInfo> args) {
  int64_t unit = kMicrosPerSecond;
  if (args.size() > 1) {
    RF_ASSIGN(unit, micros_per_unit(args[1]));
  }
  std::vector<Type> types(args.size(), Kind::string);
  const Type& given = args[0].type;
  types[0] = given.is_integer() ? Type(Kind::int64) : given;
  Kernel kernel = given.is_integer()            ? from_integers(unit)
                  : given.kind == Kind::decimal ? from_decimals(unit, given.scale)
                                                : from_doubles(unit);
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
  Kernel kernel = [name, zone](const KernelCall& call, RowErrors& errors) {
    return text_column(call, [&](int32_t i, std::string& out) {
      const auto t = value_of<Micros>(call, 0, i);
      if (outside_years(t) || outside_years(to_civil(t, zone))) {
        errors.fail(i, outside_years_reason(name, t, zone));
      } else {
        out = format_pattern(t, text_at(call, 1, i), zone);
      }
    });
  };
  return with(bound(name, std::move(types), Kind::string, std::move(kernel)),
              {.can_fail = true, .costly = true});
}

// ---- Zones

// The instant's wall clock as if it were UTC, or back.
Result<BoundFunction> bind_zone_shift(const std::string& name, bool to_local, std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a time and a zone";
  RF_TRY(check_count(name, args, 2, 2, kTakes));
  if (!is_time_or_null(args[0])) return wrong_arguments(name, args, kTakes);
  RF_ASSIGN(const TimeZone* zone, literal_zone(name, args, 1));
  Kernel kernel = [name, zone, to_local](const KernelCall& call, RowErrors& errors) {
    return try_map_column<Micros, Micros>(
        call, errors, Kind::timestamp,
        [&](Micros given, Micros& out) {
          const Micros t = std::clamp(given, kFirstMicros, kLastMicros);
          out = to_local ? t + zone->offset_at(t) : zone->to_utc(t);
          return t != given || outside_years(out) ? 1 : 0;
        },
        [&](Micros t) { return outside_years_reason(name, t, zone); });
  };
  return bound_failing(name, {Kind::timestamp, Kind::string}, Kind::timestamp, std::move(kernel));
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
