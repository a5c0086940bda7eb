// Timestamps and dates as text. Parsing is on the road of every event: no allocation, one pass.
#include <fmt/format.h>

#include <cstdlib>

#include "engine/civil.h"
#include "engine/time.h"

namespace rideflow {

namespace {

// Reads fixed-width fields off a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}
  bool done() const { return at_ == end_; }
  char peek() const { return at_ == end_ ? '\0' : *at_; }
  bool take(char c) {
    if (peek() != c || at_ == end_) return false;
    ++at_;
    return true;
  }
  bool next_is_digit() const { return at_ != end_ && is_digit(*at_); }
  // Exactly n digits, or -1.
  int digits(int n) {
    if (end_ - at_ < n) return -1;
    int value = 0;
    for (int i = 0; i < n; ++i) {
      if (!is_digit(at_[i])) return -1;
      value = value * 10 + (at_[i] - '0');
    }
    at_ += n;
    return value;
  }
  // Digits of a fraction as micros; more than six are cut. -1: there is none.
  int fraction() {
    int micros = 0;
    int count = 0;
    for (; next_is_digit(); ++at_, ++count) {
      if (count < 6) micros = micros * 10 + (*at_ - '0');
    }
    if (count == 0) return -1;
    for (int i = count; i < 6; ++i) micros *= 10;
    return micros;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  const char* at_;
  const char* end_;
};

std::optional<int64_t> scan_date(Scanner& in) {
  const int year = in.digits(4);
  if (year < 1 || !in.take('-')) return std::nullopt;
  const int month = in.digits(2);
  if (month < 1 || month > 12 || !in.take('-')) return std::nullopt;
  const int day = in.digits(2);
  if (day < 1 || day > days_in_month(year, month)) return std::nullopt;
  return days_from_civil(year, month, day);
}

std::optional<int64_t> scan_time_of_day(Scanner& in) {
  const int hour = in.digits(2);
  if (hour < 0 || hour > 23 || !in.take(':')) return std::nullopt;
  const int minute = in.digits(2);
  if (minute < 0 || minute > 59) return std::nullopt;
  int second = 0;
  int micros = 0;
  if (in.take(':')) {
    second = in.digits(2);
    if (second < 0 || second > 59) return std::nullopt;
    if (in.take('.') || in.take(',')) micros = in.fraction();
    if (micros < 0) return std::nullopt;
  }
  return ((hour * 60 + minute) * int64_t{60} + second) * kMicrosPerSecond + micros;
}

// "Z", "+02", "+0200", "+02:00" as micros east of UTC.
std::optional<int64_t> scan_offset(Scanner& in) {
  if (in.take('Z') || in.take('z')) return 0;
  const bool west = in.peek() == '-';
  if (!in.take('+') && !in.take('-')) return std::nullopt;
  const int hours = in.digits(2);
  if (hours < 0 || hours > 18) return std::nullopt;
  int minutes = 0;
  if (in.take(':') || in.next_is_digit()) minutes = in.digits(2);
  if (minutes < 0 || minutes > 59) return std::nullopt;
  const int64_t offset = (hours * 60 + minutes) * int64_t{60} * kMicrosPerSecond;
  return west ? -offset : offset;
}

void append_digits(std::string& out, int value, int width) {
  char buffer[8];
  for (int i = width - 1; i >= 0; --i, value /= 10) buffer[i] = static_cast<char>('0' + value % 10);
  out.append(buffer, static_cast<size_t>(width));
}

void append_date(std::string& out, int64_t days) {
  const CivilDate date = civil_from_days(days);
  if (date.year >= 0 && date.year <= 9999) {
    append_digits(out, static_cast<int>(date.year), 4);
  } else {
    out += fmt::format("{:+05}", date.year);
  }
  out += '-';
  append_digits(out, date.month, 2);
  out += '-';
  append_digits(out, date.day, 2);
}

void append_time_of_day(std::string& out, int64_t micros) {
  const auto seconds = static_cast<int>(micros / kMicrosPerSecond);
  append_digits(out, seconds / 3600, 2);
  out += ':';
  append_digits(out, seconds / 60 % 60, 2);
  out += ':';
  append_digits(out, seconds % 60, 2);
}

// t + offset, held inside int64.
int64_t to_local(Micros t, int64_t offset) {
  int64_t local = 0;
  return __builtin_add_overflow(t, offset, &local) ? t : local;
}

std::optional<Micros> within_years(Micros t) {
  return t >= kFirstMicros && t <= kLastMicros ? std::optional(t) : std::nullopt;
}

}  // namespace

std::optional<Micros> parse_timestamp(std::string_view text, const TimeZone* zone) {
  Scanner in(text);
  const auto days = scan_date(in);
  if (!days) return std::nullopt;
  int64_t local = *days * kMicrosPerDay;
  if (in.take('T') || in.take(' ') || in.take('t')) {
    const auto time_of_day = scan_time_of_day(in);
    if (!time_of_day) return std::nullopt;
    local += *time_of_day;
    if (!in.done()) {
      const auto offset = scan_offset(in);
      if (!offset || !in.done()) return std::nullopt;
      return within_years(local - *offset);
    }
  }
  if (!in.done()) return std::nullopt;
  return zone ? within_years(zone->to_utc(local)) : local;
}

std::optional<int32_t> parse_date(std::string_view text) {
  Scanner in(text);
  const auto days = scan_date(in);
  if (!days || !in.done()) return std::nullopt;
  return static_cast<int32_t>(*days);
}

void append_timestamp(std::string& out, Micros t) {
  const int64_t days = floor_div(t, kMicrosPerDay);
  const int64_t rest = floor_mod(t, kMicrosPerDay);
  append_date(out, days);
  out += 'T';
  append_time_of_day(out, rest);
  if (const auto micros = static_cast<int>(rest % kMicrosPerSecond); micros != 0) {
    out += '.';
    if (micros % 1000 == 0) {
      append_digits(out, micros / 1000, 3);
    } else {
      append_digits(out, micros, 6);
    }
  }
  out += 'Z';
}

std::string format_timestamp(Micros t) {
  std::string out;
  append_timestamp(out, t);
  return out;
}

std::string format_timestamp_millis(Micros t, const TimeZone* zone) {
  const int64_t offset = zone ? zone->offset_at(t) : 0;
  const int64_t local = to_local(t, offset);
  const int64_t days = floor_div(local, kMicrosPerDay);
  const int64_t rest = floor_mod(local, kMicrosPerDay);
  std::string out;
  append_date(out, days);
  out += 'T';
  append_time_of_day(out, rest);
  out += '.';
  append_digits(out, static_cast<int>(rest % kMicrosPerSecond / 1000), 3);
  if (!zone || zone->is_utc()) return out + 'Z';
  const auto minutes = static_cast<int>(std::abs(offset) / (60 * kMicrosPerSecond));
  out += offset < 0 ? '-' : '+';
  append_digits(out, minutes / 60, 2);
  out += ':';
  append_digits(out, minutes % 60, 2);
  return out;
}

std::string format_date(int32_t days) {
  std::string out;
  append_date(out, days);
  return out;
}

}  // namespace rideflow
