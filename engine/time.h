// Event time as text and as calendar: parsing, printing, durations, truncation, time zones.
//
// All timestamps are Micros (microseconds since 1970 UTC). Zones come from the system's IANA database. Rules:
// a local time that a clock change skips or repeats takes the earlier offset; a calendar day has 23 to 25
// hours; more than six digits of a second are cut. Years 0001 to 9999, anything else is out_of_range.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/ids.h"
#include "engine/status.h"

namespace rideflow {

// A span of time as a job writes it: "30s", "1h30m", "250ms", "1d", "2w", "1mo", "1y", also ISO "PT1H30M",
// "P1D". Days and months are calendar units only where a zone matters (windows, truncation): elsewhere a day
// is 24 h.
struct Duration {
  int32_t months = 0;
  int32_t days = 0;
  int64_t micros = 0;
  bool is_fixed() const { return months == 0; }
  // REQUIRES: is_fixed().
  int64_t total_micros() const { return days * int64_t{86'400'000'000} + micros; }
  friend bool operator==(const Duration&, const Duration&) = default;
};
Result<Duration> parse_duration(std::string_view text);
std::string to_string(const Duration& d);     // "1h30m"
std::string interval_to_iso(int64_t micros);  // "PT1H30M", "-PT0.5S", "P1DT2H"

// A time zone of the system's database, or a fixed offset such as "+02:00". Pointers stay valid for ever.
class TimeZone {
 public:
  static const TimeZone* utc();
  static Result<const TimeZone*> find(std::string_view name);
  virtual ~TimeZone() = default;
  virtual const std::string& name() const = 0;
  virtual bool is_utc() const = 0;
  // Offset from UTC in microseconds at an instant.
  virtual int64_t offset_at(Micros utc) const = 0;
  // The instant of a local wall time, by the rule above.
  virtual Micros to_utc(int64_t local_micros) const = 0;
};

// ISO-8601: date and time separated by 'T' or one space, optional fraction, optional offset ("Z", "+02:00",
// "+0200",
// "+02"); seconds may be missing; a date alone is its midnight. Without an offset the text is in `zone`.
std::optional<Micros> parse_timestamp(std::string_view text, const TimeZone* zone = nullptr);
std::optional<int32_t> parse_date(std::string_view text);  // days since 1970, "YYYY-MM-DD"
// "2026-01-01T12:00:00Z", with 3 or 6 digits of fraction only when needed.
std::string format_timestamp(Micros t);
void append_timestamp(std::string& out, Micros t);
// Always 3 digits and the zone's offset: "2024-03-10T00:00:00.000-05:00", "...Z" for UTC (Druid's form).
std::string format_timestamp_millis(Micros t, const TimeZone* zone);
std::string format_date(int32_t days);

struct CivilTime {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, micros = 0;
  int weekday = 4;  // ISO: Monday 1 .. Sunday 7
  int day_of_year = 1;
  int iso_week = 1;
  int iso_year = 1970;
};
CivilTime to_civil(Micros t, const TimeZone* zone);
Micros from_civil(const CivilTime& c, const TimeZone* zone);

// The start of the period that t falls in. Periods of months count from 1970-01 in the zone, weeks (7 days)
// from Monday 1970-01-05 and other days from 1970-01-01 in the zone; fixed ones from 1970-01-01T00:00 in the
// zone when they divide a day, else from the epoch; `offset` shifts the grid.
Micros truncate(Micros t, const Duration& period, const TimeZone* zone, int64_t offset_micros = 0);
// t plus n periods, in the zone's calendar.
Micros add(Micros t, const Duration& period, int64_t n, const TimeZone* zone);

// strftime-like text by Joda/Java letters: yyyy MM dd HH mm ss SSS E EEE, quotes. Used by format() and
// Druid's API.
std::string format_pattern(Micros t, std::string_view pattern, const TimeZone* zone);

}  // namespace rideflow
