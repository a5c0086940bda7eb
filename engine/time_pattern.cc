// format_pattern: timestamps by Java's letters.
#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include "engine/time.h"

namespace rideflow {

namespace {

constexpr std::string_view kMonthNames[] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};
constexpr std::string_view kDayNames[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                          "Friday", "Saturday", "Sunday"};

void append_padded(std::string& out, int64_t value, int width) {
  out += fmt::format("{:0{}}", value, width);
}

void append_name(std::string& out, std::string_view name, int letters) {
  out += letters >= 4 ? name : name.substr(0, 3);
}

void append_year(std::string& out, int year, int letters) {
  if (letters == 2) {
    append_padded(out, std::abs(year) % 100, 2);
  } else {
    append_padded(out, year, letters);
  }
}

void append_fraction(std::string& out, int micros, int letters) {
  std::string digits = fmt::format("{:06}", micros);
  digits.resize(static_cast<size_t>(letters), '0');
  out += digits;
}

// "+0200", "+02:00" or "+02"; `zulu`: "Z" for no offset.
void append_offset(std::string& out, int64_t offset, bool colon, bool minutes, bool zulu) {
  if (offset == 0 && zulu) {
    out += 'Z';
    return;
  }
  const int64_t total = std::abs(offset) / (60 * kMicrosPerSecond);
  out += offset < 0 ? '-' : '+';
  append_padded(out, total / 60, 2);
  if (!minutes && total % 60 == 0) return;
  if (colon) out += ':';
  append_padded(out, total % 60, 2);
}

struct Clock {
  CivilTime civil;
  int64_t offset;
  const TimeZone* zone;
};

void append_letter(std::string& out, char letter, int n, const Clock& t) {
  const CivilTime& c = t.civil;
  switch (letter) {
    case 'y':
    case 'u':
      return append_year(out, c.year, n);
    case 'x':
    case 'Y':
      return append_year(out, c.iso_year, n);
    case 'M':
    case 'L':
      if (n >= 3) return append_name(out, kMonthNames[c.month - 1], n);
      return append_padded(out, c.month, n);
    case 'd':
      return append_padded(out, c.day, n);
    case 'D':
      return append_padded(out, c.day_of_year, n);
    case 'w':
      return append_padded(out, c.iso_week, n);
    case 'Q':
      return append_padded(out, (c.month + 2) / 3, n);
    case 'e':
      return append_padded(out, c.weekday, n);
    case 'E':
      return append_name(out, kDayNames[c.weekday - 1], n);
    case 'H':
      return append_padded(out, c.hour, n);
    case 'k':
      return append_padded(out, c.hour == 0 ? 24 : c.hour, n);
    case 'h':
      return append_padded(out, c.hour % 12 == 0 ? 12 : c.hour % 12, n);
    case 'K':
      return append_padded(out, c.hour % 12, n);
    case 'a':
      out += c.hour < 12 ? "AM" : "PM";
      return;
    case 'm':
      return append_padded(out, c.minute, n);
    case 's':
      return append_padded(out, c.second, n);
    case 'S':
      return append_fraction(out, c.micros, n);
    case 'X':
      return append_offset(out, t.offset, n == 3, n >= 2, true);
    case 'Z':
      if (n >= 3) break;
      return append_offset(out, t.offset, n == 2, true, false);
    case 'z':
    case 'V':
      break;
    default:
      out.append(static_cast<size_t>(n), letter);
      return;
  }
  out += t.zone ? t.zone->name() : "UTC";
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The text between quotes that begins at pattern[at]; '' is one quote. Returns where it ends.
size_t append_quoted(std::string& out, std::string_view pattern, size_t at) {
  if (pattern.substr(at).starts_with("''")) {
    out += '\'';
    return at + 2;
  }
  for (++at; at < pattern.size(); ++at) {
    if (pattern[at] != '\'') {
      out += pattern[at];
    } else if (pattern.substr(at).starts_with("''")) {
      out += '\'';
      ++at;
    } else {
      return at + 1;
    }
  }
  return at;
}

}  // namespace

std::string format_pattern(Micros t, std::string_view pattern, const TimeZone* zone) {
  const Clock clock{to_civil(t, zone), zone ? zone->offset_at(t) : 0, zone};
  std::string out;
  for (size_t i = 0; i < pattern.size();) {
    if (pattern[i] == '\'') {
      i = append_quoted(out, pattern, i);
    } else if (is_letter(pattern[i])) {
      size_t end = i;
      while (end < pattern.size() && pattern[end] == pattern[i] && end - i < 20) ++end;
      append_letter(out, pattern[i], static_cast<int>(end - i), clock);
      i = end;
    } else {
      out += pattern[i++];
    }
  }
  return out;
}

}  // namespace rideflow
