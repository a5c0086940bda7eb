#include "dsl/language_values.h"

#include "engine/time.h"

namespace rideflow {

namespace {

constexpr double kDaySeconds = 86'400;

}  // namespace

const std::vector<LanguageValue>& duration_values() {
  static const std::vector<LanguageValue> all = {
      {"500us", "microseconds", 500},
      {"250ms", "milliseconds", 250e3},
      {"30s", "seconds", 30e6},
      {"5m", "minutes", 300e6},
      {"2h", "hours", 7200e6},
      {"1d", "days: of 24 hours, but a calendar day where windows follow a time zone", kDaySeconds * 1e6},
      {"1w", "weeks of seven days; windows of weeks begin on Monday", 7 * kDaySeconds * 1e6},
      {"1mo", "calendar months, for windows only", 0, 1},
      {"1y", "calendar years, for windows only", 0, 12},
      {"1h30m", "several, the larger first", 5400e6},
      {"1.5s", "a fraction, of seconds, minutes and hours", 1.5e6},
      {"PT1H30M", "ISO 8601", 5400e6},
      {"0", "nothing", 0},
  };
  return all;
}

const std::vector<LanguageValue>& size_values() {
  static const std::vector<LanguageValue> all = {
      {"1000", "bytes", 1000},
      {"64kB", "thousands: kB, MB, GB, TB", 64e3},
      {"64MiB", "powers of 1,024: KiB, MiB, GiB, TiB; K, M, G for short", 64.0 * 1024 * 1024},
      {"10GiB", "a fraction too: 1.5GiB", 10.0 * 1024 * 1024 * 1024},
  };
  return all;
}

const std::vector<LanguageValue>& rate_values() {
  static const std::vector<LanguageValue> all = {
      {"500/s", "so many a second", 500},     {"5k/s", "k and M: thousands and millions", 5000},
      {"90/m", "a minute (`/min` too)", 1.5}, {"7200/h", "an hour", 2},
      {"max", "as fast as it goes", 0},
  };
  return all;
}

const std::vector<LanguageValue>& time_values() {
  static const std::vector<LanguageValue> all = {
      {"2026-01-31T12:00:00Z", "UTC", 1'769'860'800e6},
      {"2026-01-31T13:00:00+01:00", "with an offset: the same moment", 1'769'860'800e6},
      {"2026-01-31T12:00:00.25Z", "up to microseconds", 1'769'860'800.25e6},
  };
  return all;
}

const std::vector<ExpressionForm>& expression_forms() {
  static const std::vector<ExpressionForm> all = {
      {"12, 2.5, 1e3", "Numbers. A number with a point is a double, and exact beside a decimal.",
       "1e3 = 1000"},
      {"'text'", "Text, with `''` for a quote inside.", "'it''s' = 'it' || '''' || 's'"},
      {"true, false, null", "Truth in three values; null is not known.", "(null or true) and not false"},
      {"timestamp '…', date '…', interval '…'", "A moment, a day, a length of time.",
       "timestamp '2026-01-31T12:00:00Z' + interval '1h30m' = timestamp '2026-01-31T13:30:00Z'"},
      {"city, `a column`, place.lat",
       "A column, with backticks where it has other characters or is a keyword; a "
       "field of a struct.",
       ""},
      {"a or b, a and b, not a", "From the loosest to the tightest; null where neither answer is sure.",
       "not false and (false or true)"},
      {"=, <>, !=, <, <=, >, >=", "Comparison; with null it gives null. Text compares by bytes.", "1 <> 2"},
      {"a is [not] null", "Whether it is null.", "null is null"},
      {"a is [not] true, false", "Whether it is true or false, never null.", "(1 = null) is not true"},
      {"a is [not] distinct from b", "Comparison in which null equals null.",
       "null is not distinct from null"},
      {"a [not] in (b, …)", "Whether it is among them.", "3 in (1, 2, 3)"},
      {"a [not] between b and c", "Both ends included.", "2 between 1 and 2"},
      {"a [not] like 'p%' [escape '!']", "`%` is any text, `_` any character.", "'Lyon' like 'L_on%'"},
      {"a || b", "Text behind text.", "'Ly' || 'on' = 'Lyon'"},
      {"a + b, a - b", "Sum and difference of numbers, of times and intervals.", "1 + 2 - 4 = -1"},
      {"a * b, a / b, a % b", "Of integers `/` truncates; by zero the row is rejected.",
       "7 / 2 = 3 and 7 % 2 = 1"},
      {"-a", "The other sign.", "-(2) = 0 - 2"},
      {"a::type, cast(a as type)", "Another type; what does not fit rejects the row.", "'12'::int32 = 12"},
      {"try_cast(a as type)", "Null where it does not fit.", "try_cast('x' as int32) is null"},
      {"case when a then b … else c end", "The first whose condition is true.",
       "case when 1 > 2 then 'a' else 'b' end = 'b'"},
      {"case x when a then b … end", "The first that x equals; null when none.",
       "case 2 when 2 then true end"},
      {"extract(unit from a)", "A part of a time or interval.",
       "extract(hour from timestamp '2026-01-31T12:00:00Z') = 12"},
      {"f(a, b)", "A [function](functions.md), in any case.", "coalesce(null, 3) = 3"},
      {"agg(a), agg(distinct a), agg(a) filter (where b)",
       "An [aggregate](aggregates.md), in `aggregate:` and in a rollup's `metrics:` only.", ""},
  };
  return all;
}

const std::vector<EngineColumn>& engine_columns() {
  static const std::vector<EngineColumn> all = {
      {"_topic", "string", "rows of a source: the topic or file"},
      {"_partition", "int32", "rows of a source"},
      {"_offset", "int64", "rows of a source: the place in the partition"},
      {"_timestamp", "timestamp?", "rows of a source: the record's own time"},
      {"_key", "string?", "rows of a source"},
      {"_headers", "list(struct(key string, value bytes?))", "rows of a source"},
      {"window_start", "timestamp", "results of a window"},
      {"window_end", "timestamp", "results of a window; it does not belong to it"},
      {"_revision", "int64", "results with `emit: updates`: 0, 1, …"},
  };
  return all;
}

}  // namespace rideflow
