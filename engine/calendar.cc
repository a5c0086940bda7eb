// Civil times, truncation and addition in the calendar of a zone.
#include <limits>

#include "engine/civil.h"
#include "engine/time.h"

namespace rideflow {

namespace {

constexpr int kMonday1970 = 4;  // 1970-01-05 was a Monday

int64_t offset_of(const TimeZone* zone, Micros t) {
  return zone ? zone->offset_at(t) : 0;
}
Micros to_utc(const TimeZone* zone, int64_t local) {
  return zone ? zone->to_utc(local) : local;
}

// Months since 1970-01 of a local time.
int64_t month_index(int64_t local) {
  const CivilDate date = civil_from_days(floor_div(local, kMicrosPerDay));
  return (date.year - 1970) * 12 + date.month - 1;
}
int64_t days_of_month_index(int64_t index) {
  return days_from_civil(1970 + floor_div(index, 12), static_cast<int>(floor_mod(index, 12)) + 1, 1);
}

// The last instant in (after, t] where the zone's offset changes. REQUIRES: it differs at the two.
Micros offset_change(const TimeZone* zone, Micros after, Micros t) {
  const int64_t offset = zone->offset_at(t);
  Micros low = after;
  Micros high = t;
  while (high - low > 1) {
    const Micros middle = low + (high - low) / 2;
    (zone->offset_at(middle) == offset ? high : low) = middle;
  }
  return high;
}

// The latest instant <= t at which the local clock, shifted, shows a multiple of `period`.
Micros truncate_clock(Micros t, int64_t period, const TimeZone* zone, int64_t shift) {
  while (true) {
    const int64_t offset = zone->offset_at(t);
    const Micros start = t - floor_mod(t + offset - shift, period);
    if (zone->offset_at(start) == offset) return start;
    const Micros change = offset_change(zone, start, t);
    t = change - 1;  // the grid of the offset before
  }
}

bool is_calendar(const Duration& period) {
  return period.months != 0 || (period.days != 0 && period.micros == 0);
}

int64_t truncate_local(int64_t local, const Duration& period) {
  if (period.months != 0) {
    const int64_t index = month_index(local);
    return days_of_month_index(index - floor_mod(index, period.months)) * kMicrosPerDay;
  }
  const int64_t origin = period.days % 7 == 0 ? kMonday1970 : 0;
  const int64_t day = floor_div(local, kMicrosPerDay) - origin;
  return (day - floor_mod(day, period.days) + origin) * kMicrosPerDay;
}

int64_t add_months(int64_t local, int64_t months) {
  const int64_t days = floor_div(local, kMicrosPerDay);
  const CivilDate date = civil_from_days(days);
  const int64_t index = (date.year - 1970) * 12 + date.month - 1 + months;
  const int64_t year = 1970 + floor_div(index, 12);
  const int month = static_cast<int>(floor_mod(index, 12)) + 1;
  const int day = date.day < days_in_month(year, month) ? date.day : days_in_month(year, month);
  return days_from_civil(year, month, day) * kMicrosPerDay + floor_mod(local, kMicrosPerDay);
}

}  // namespace

CivilTime to_civil(Micros t, const TimeZone* zone) {
  const int64_t local = t + offset_of(zone, t);
  const int64_t days = floor_div(local, kMicrosPerDay);
  const int64_t rest = floor_mod(local, kMicrosPerDay);
  const CivilDate date = civil_from_days(days);
  CivilTime c;
  c.year = static_cast<int>(date.year);
  c.month = date.month;
  c.day = date.day;
  c.hour = static_cast<int>(rest / (3600 * kMicrosPerSecond));
  c.minute = static_cast<int>(rest / (60 * kMicrosPerSecond) % 60);
  c.second = static_cast<int>(rest / kMicrosPerSecond % 60);
  c.micros = static_cast<int>(rest % kMicrosPerSecond);
  c.weekday = static_cast<int>(floor_mod(days - kMonday1970, 7)) + 1;
  c.day_of_year = static_cast<int>(days - days_from_civil(date.year, 1, 1)) + 1;
  const int64_t thursday = days - c.weekday + 4;  // an ISO week belongs to the year of its Thursday
  const int64_t iso_year = civil_from_days(thursday).year;
  c.iso_year = static_cast<int>(iso_year);
  c.iso_week = static_cast<int>((thursday - days_from_civil(iso_year, 1, 1)) / 7) + 1;
  return c;
}

Micros from_civil(const CivilTime& c, const TimeZone* zone) {
  const int64_t seconds = (c.hour * int64_t{60} + c.minute) * 60 + c.second;
  return to_utc(
      zone, days_from_civil(c.year, c.month, c.day) * kMicrosPerDay + seconds * kMicrosPerSecond + c.micros);
}

Micros truncate(Micros t, const Duration& period, const TimeZone* zone, int64_t offset_micros) {
  if (!is_calendar(period)) {
    const int64_t micros = period.total_micros();
    if (!zone || zone->is_utc() || kMicrosPerDay % micros != 0)
      return t - floor_mod(t - offset_micros, micros);
    return truncate_clock(t, micros, zone, offset_micros);
  }
  const int64_t local = t + offset_of(zone, t) - offset_micros;
  Micros start = to_utc(zone, truncate_local(local, period) + offset_micros);
  // A change of the clock at the boundary itself may put the resolved start behind t.
  if (start > t)
    start = to_utc(zone, truncate_local(local - 3600 * kMicrosPerSecond, period) + offset_micros);
  return start;
}

Micros add(Micros t, const Duration& period, int64_t n, const TimeZone* zone) {
  if (!is_calendar(period)) return t + n * period.total_micros();
  int64_t local = t + offset_of(zone, t);
  if (period.months != 0) local = add_months(local, n * period.months);
  local += n * period.days * kMicrosPerDay;
  return to_utc(zone, local) + n * period.micros;
}

}  // namespace rideflow
