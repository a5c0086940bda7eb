// Calendar functions: truncation, parts, periods. Units and zones are literals, so that wrong ones are errors
// of the job. Without a zone the calendar is UTC's. A time, or a wall clock of the zone, outside the years 1
// to 9999 fails the row.
#include <algorithm>

#include "engine/civil.h"
#include "engine/time.h"
#include "operators/function_kernels.h"
#include "operators/time_arguments.h"

namespace rideflow {

namespace {

constexpr int64_t kSecond = kMicrosPerSecond;

bool is_utc(const TimeZone* zone) {
  return zone == nullptr || zone->is_utc();
}

// ---- date_trunc

Result<BoundFunction> bind_date_trunc(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a unit ('day', '15m'), a time and, if wanted, a zone";
  RF_TRY(check_count("date_trunc", args, 2, 3, kTakes));
  if (!is_text_or_null(args[0]) || !is_time_or_null(args[1]))
    return wrong_arguments("date_trunc", args, kTakes);
  RF_ASSIGN(const Duration unit, literal_unit("date_trunc", args[0]));
  RF_ASSIGN(const TimeZone* zone, literal_zone("date_trunc", args, 2));
  std::vector<Type> types(args.size(), Kind::string);
  types[1] = Kind::timestamp;
  // Where the grid begins anew every day of UTC, no start lies before the first day.
  const bool daily = is_utc(zone) && unit.months == 0 && unit.days == 0 && kMicrosPerDay % unit.micros == 0;
  if (daily) {
    return bound("date_trunc", std::move(types), Kind::timestamp,
                 [size = unit.micros](const KernelCall& call, RowErrors&) {
                   KernelCall times = call;
                   times.args = call.args.subspan(1);
                   return map_column<Micros, Micros>(times, Kind::timestamp,
                                                     [size](Micros t) { return t - floor_mod(t, size); });
                 });
  }
  Kernel kernel = [unit, zone](const KernelCall& call, RowErrors& errors) {
    KernelCall times = call;
    times.args = call.args.subspan(1);
    return try_map_column<Micros, Micros>(
        times, errors, Kind::timestamp,
        [&](Micros t, Micros& out) {
          out = truncate(std::clamp(t, kFirstMicros, kLastMicros), unit, zone);
          return outside_years(t) || outside_years(out) ? 1 : 0;
        },
        [&](Micros t) {
          return fmt::format("date_trunc: the start of the {} of {} is out of range of timestamp",
                             to_string(unit), format_timestamp(t));
        });
  };
  return bound_failing("date_trunc", std::move(types), Kind::timestamp, std::move(kernel));
}

// ---- extract

struct Part {
  std::string_view name;
  int64_t (*of)(const CivilTime&);
};
constexpr Part kParts[] = {
    {"year", [](const CivilTime& c) -> int64_t { return c.year; }},
    {"quarter", [](const CivilTime& c) -> int64_t { return (c.month + 2) / 3; }},
    {"month", [](const CivilTime& c) -> int64_t { return c.month; }},
    {"week", [](const CivilTime& c) -> int64_t { return c.iso_week; }},
    {"isoyear", [](const CivilTime& c) -> int64_t { return c.iso_year; }},
    {"day", [](const CivilTime& c) -> int64_t { return c.day; }},
    {"doy", [](const CivilTime& c) -> int64_t { return c.day_of_year; }},
    {"dow", [](const CivilTime& c) -> int64_t { return c.weekday % 7; }},
    {"isodow", [](const CivilTime& c) -> int64_t { return c.weekday; }},
    {"hour", [](const CivilTime& c) -> int64_t { return c.hour; }},
    {"minute", [](const CivilTime& c) -> int64_t { return c.minute; }},
    {"second", [](const CivilTime& c) -> int64_t { return c.second; }},
    {"millisecond", [](const CivilTime& c) -> int64_t { return c.micros / 1000; }},
    {"microsecond", [](const CivilTime& c) -> int64_t { return c.micros; }},
};

// Parts of an interval: whole days, and the rest as a clock. All have the interval's sign.
int64_t interval_part(std::string_view part, int64_t v) {
  if (part == "day") return v / kMicrosPerDay;
  if (part == "hour") return v % kMicrosPerDay / (3600 * kSecond);
  if (part == "minute") return v % (3600 * kSecond) / (60 * kSecond);
  if (part == "second") return v % (60 * kSecond) / kSecond;
  if (part == "millisecond") return v % kSecond / 1000;
  return v % kSecond;
}

Status unknown_part(std::string_view part, bool interval) {
  std::vector<std::string> names = {"epoch"};
  for (const Part& known : kParts) names.emplace_back(known.name);
  if (interval) names = {"epoch", "day", "hour", "minute", "second", "millisecond", "microsecond"};
  return Status::user(Code::invalid_argument,
                      fmt::format("extract: '{}' is not a part of {}; there are {}", part,
                                  interval ? "an interval" : "a time", fmt::join(names, ", ")));
}

BoundFunction extract_function(std::span<const ArgInfo> args, const Type& from, const Type& result,
                               Kernel kernel) {
  std::vector<Type> types(args.size(), Kind::string);
  types[1] = from;
  return bound("extract", std::move(types), result, [kernel](const KernelCall& call, RowErrors& errors) {
    KernelCall rest = call;
    rest.args = call.args.subspan(1);
    return kernel(rest, errors);
  });
}

// A part of the zone's wall clock, which may show a year that there is not.
BoundFunction extract_part(std::span<const ArgInfo> args, const Part& part, const TimeZone* zone) {
  Kernel kernel = [of = part.of, zone](const KernelCall& call, RowErrors& errors) {
    return try_map_column<Micros, int64_t>(
        call, errors, Kind::int64,
        [&](Micros t, int64_t& out) {
          const CivilTime civil = to_civil(std::clamp(t, kFirstMicros, kLastMicros), zone);
          out = of(civil);
          return outside_years(t) || outside_years(civil) ? 1 : 0;
        },
        [&](Micros t) { return outside_years_reason("extract", t, zone); });
  };
  BoundFunction f = extract_function(args, Kind::timestamp, Kind::int64, std::move(kernel));
  f.can_fail = !is_utc(zone);
  return f;
}

Result<BoundFunction> bind_extract(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a part ('hour'), a time or interval and, if wanted, a zone";
  RF_TRY(check_count("extract", args, 2, 3, kTakes));
  const bool interval = args[1].type.kind == Kind::interval;
  if (!is_text_or_null(args[0]) || (!interval && !is_time_or_null(args[1]))) {
    return wrong_arguments("extract", args, kTakes);
  }
  RF_ASSIGN(const std::string part, literal_word("extract", args[0], "the part"));
  RF_ASSIGN(const TimeZone* zone, literal_zone("extract", args, 2));
  const Type from = interval ? Type(Kind::interval) : Type(Kind::timestamp);
  if (part == "epoch") {
    return extract_function(args, from, Kind::float64, [](const KernelCall& call, RowErrors&) {
      return map_column<int64_t, double>(call, Kind::float64,
                                         [](int64_t v) { return static_cast<double>(v) / 1e6; });
    });
  }
  const auto known =
      std::find_if(std::begin(kParts), std::end(kParts), [&](const Part& p) { return p.name == part; });
  if (interval) {
    const bool fits = known != std::end(kParts) &&
                      (part == "day" || part.ends_with("second") || part == "hour" || part == "minute");
    if (!fits) return unknown_part(part, true);
    return extract_function(args, from, Kind::int64, [part](const KernelCall& call, RowErrors&) {
      return map_column<int64_t, int64_t>(call, Kind::int64,
                                          [&](int64_t v) { return interval_part(part, v); });
    });
  }
  if (known == std::end(kParts)) return unknown_part(part, false);
  return extract_part(args, *known, zone);
}

// ---- date_add, date_diff

Result<BoundFunction> bind_date_add(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a unit ('day'), a number, a time and, if wanted, a zone";
  RF_TRY(check_count("date_add", args, 3, 4, kTakes));
  if (!is_text_or_null(args[0]) || !is_integer_or_null(args[1]) || !is_time_or_null(args[2])) {
    return wrong_arguments("date_add", args, kTakes);
  }
  RF_ASSIGN(const Duration unit, literal_unit("date_add", args[0]));
  RF_ASSIGN(const TimeZone* zone, literal_zone("date_add", args, 3));
  const int64_t unit_micros = unit.months * 28 * kMicrosPerDay + unit.total_micros();
  const int64_t most = (kLastMicros - kFirstMicros) / unit_micros + 1;
  Kernel kernel = [=](const KernelCall& call, RowErrors& errors) {
    KernelCall rest = call;
    rest.args = call.args.subspan(1);
    return try_map_pairs<int64_t, Micros, Micros>(
        rest, errors, Kind::timestamp,
        [&](int64_t n, Micros t, Micros& out) {
          const bool far = n > most || n < -most || outside_years(t);
          out = far ? kLastMicros + 1 : add(t, unit, n, zone);
          return outside_years(out) ? 1 : 0;
        },
        [&](int64_t n, Micros t) {
          return fmt::format("date_add: {} and {} times {} is out of range of timestamp", format_timestamp(t),
                             n, to_string(unit));
        });
  };
  std::vector<Type> types(args.size(), Kind::string);
  types[1] = Kind::int64;
  types[2] = Kind::timestamp;
  return bound_failing("date_add", std::move(types), Kind::timestamp, std::move(kernel));
}

// Whole units from a to b; negative when b is earlier.
int64_t whole_units(const Duration& unit, Micros a, Micros b, const TimeZone* zone) {
  if (unit.months == 0 && (unit.days == 0 || is_utc(zone))) return (b - a) / unit.total_micros();
  const int64_t rough_unit = unit.months * 30 * kMicrosPerDay + unit.total_micros();
  int64_t n = (b - a) / rough_unit;  // near; then stepped to the exact number
  const int direction = b >= a ? 1 : -1;
  const auto passed = [&](int64_t k) {
    const Micros at = add(a, unit, k, zone);
    return direction > 0 ? at <= b : at >= b;
  };
  while (n * direction > 0 && !passed(n)) n -= direction;
  while (passed(n + direction)) n += direction;
  return n;
}

Result<BoundFunction> bind_date_diff(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a unit ('day'), two times and, if wanted, a zone";
  RF_TRY(check_count("date_diff", args, 3, 4, kTakes));
  if (!is_text_or_null(args[0]) || !is_time_or_null(args[1]) || !is_time_or_null(args[2])) {
    return wrong_arguments("date_diff", args, kTakes);
  }
  RF_ASSIGN(const Duration unit, literal_unit("date_diff", args[0]));
  RF_ASSIGN(const TimeZone* zone, literal_zone("date_diff", args, 3));
  Kernel kernel = [=](const KernelCall& call, RowErrors&) {
    KernelCall rest = call;
    rest.args = call.args.subspan(1);
    return map_pairs<Micros, Micros, int64_t>(rest, Kind::int64, [&](Micros a, Micros b) {
      return whole_units(unit, std::clamp(a, kFirstMicros, kLastMicros),
                         std::clamp(b, kFirstMicros, kLastMicros), zone);
    });
  };
  std::vector<Type> types(args.size(), Kind::string);
  types[1] = types[2] = Kind::timestamp;
  return bound("date_diff", std::move(types), Kind::int64, std::move(kernel));
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_time) {
  using namespace rideflow;
  catalog.add(
      function_kind("date_trunc", "time", "date_trunc(unit, time[, zone]) -> timestamp",
                    "The start of the second, minute, hour, day, week, month, quarter or year, or of a "
                    "period such as '15m', in the zone's calendar.",
                    "date_trunc('hour', timestamp '2026-01-01T12:34:56Z') = timestamp '2026-01-01T12:00:00Z'",
                    bind_date_trunc));
  catalog.add(
      function_kind("extract", "time", "extract(part from time[, zone]) -> int64 (epoch: double)",
                    "A part of a time: year, quarter, month, week, isoyear, day, doy, dow (Sunday 0), isodow "
                    "(Monday 1), hour, minute, second, millisecond, microsecond; epoch: seconds since 1970, "
                    "of an interval its length in seconds.",
                    "extract('hour', timestamp '2026-01-01T12:34:56Z') = 12", bind_extract));
  catalog.add(function_kind(
      "date_add", "time", "date_add(unit, n, time[, zone]) -> timestamp",
      "n units later, in the zone's calendar; the day of a shorter month is its last.",
      "date_add('month', 1, timestamp '2026-01-31T00:00:00Z') = timestamp '2026-02-28T00:00:00Z'",
      bind_date_add));
  catalog.add(function_kind(
      "date_diff", "time", "date_diff(unit, from, to[, zone]) -> int64",
      "Whole units from one time to the other; negative when `to` is earlier.",
      "date_diff('day', timestamp '2026-01-01T00:00:00Z', timestamp '2026-01-31T12:00:00Z') = 30",
      bind_date_diff));
}
