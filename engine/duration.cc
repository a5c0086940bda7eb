// Durations and intervals as text.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "engine/civil.h"
#include "engine/column.h"
#include "engine/interval_text.h"
#include "engine/time.h"

namespace rideflow {

namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;

struct Unit {
  std::string_view name;
  int32_t months;
  int32_t days;
  int64_t micros;
};
constexpr Unit kUnits[] = {
    {"us", 0, 0, 1}, {"ms", 0, 0, 1000}, {"s", 0, 0, kSecond}, {"m", 0, 0, kMinute}, {"h", 0, 0, kHour},
    {"d", 0, 1, 0},  {"w", 0, 7, 0},     {"mo", 1, 0, 0},      {"y", 12, 0, 0},
};
constexpr Unit kIsoDateUnits[] = {{"Y", 12, 0, 0}, {"M", 1, 0, 0}, {"W", 0, 7, 0}, {"D", 0, 1, 0}};
constexpr Unit kIsoTimeUnits[] = {{"H", 0, 0, kHour}, {"M", 0, 0, kMinute}, {"S", 0, 0, kSecond}};

// What is wrong with a text that is no duration.
enum class Wrong : uint8_t { nothing, form, part_of_a_day, too_long };

struct Amount {
  int64_t whole = 0;
  int64_t millionths = 0;
  bool has_fraction = false;
};

// Reads "12" or "1.5" off the front of text.
Wrong take_amount(std::string_view& text, Amount& amount) {
  if (text.empty() || text[0] == '-') return Wrong::form;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), amount.whole);
  if (code == std::errc::result_out_of_range) return Wrong::too_long;
  if (code != std::errc()) return Wrong::form;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!text.starts_with('.') && !text.starts_with(',')) return Wrong::nothing;
  amount.has_fraction = true;
  text.remove_prefix(1);
  size_t digits = 0;
  int64_t place = 100'000;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, place /= 10) {
    amount.millionths += (text[digits] - '0') * place;
  }
  text.remove_prefix(digits);
  return digits == 0 ? Wrong::form : Wrong::nothing;
}

// One amount with its unit, and the sign that stands before it.
struct Part {
  Amount amount;
  const Unit* unit = nullptr;
  bool negative = false;
};
int64_t fraction_micros(const Part& part) {
  const int64_t unit = part.unit->micros;
  const int64_t millionths = part.amount.millionths;
  return unit >= kSecond ? millionths * (unit / kSecond) : millionths * unit / kSecond;
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

// Takes the parts of "P1DT2H" behind the P; signs only where `signs`. add(part) -> Wrong.
template <class F>
Wrong take_iso(std::string_view text, bool signs, F add) {
  bool in_time = false;
  bool any = false;
  while (!text.empty()) {
    if (!in_time && text[0] == 'T') {
      in_time = true;
      text.remove_prefix(1);
      if (text.empty()) return Wrong::form;
      continue;
    }
    Part part;
    part.negative = signs && text[0] == '-';
    if (signs && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    if (const Wrong wrong = take_amount(text, part.amount); wrong != Wrong::nothing) return wrong;
    if (text.empty()) return Wrong::form;
    const std::span<const Unit> units =
        in_time ? std::span<const Unit>(kIsoTimeUnits) : std::span<const Unit>(kIsoDateUnits);
    part.unit = find_unit(units, text.substr(0, 1));
    if (!part.unit) return Wrong::form;
    if (const Wrong wrong = add(part); wrong != Wrong::nothing) return wrong;
    text.remove_prefix(1);
    any = true;
  }
  return any ? Wrong::nothing : Wrong::form;
}

// Takes the parts of "1d 2h".
template <class F>
Wrong take_short(std::string_view text, F add) {
  if (text.empty()) return Wrong::form;
  while (!text.empty()) {
    Part part;
    const Wrong amount = take_amount(text, part.amount);
    if (amount == Wrong::form) return amount;
    if (amount != Wrong::nothing)
      text.remove_prefix(std::min(text.find_first_not_of("0123456789.,"), text.size()));
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    part.unit = find_unit(kUnits, text.substr(0, letters));
    if (!part.unit) return Wrong::form;
    if (amount != Wrong::nothing) return amount;
    if (const Wrong wrong = add(part); wrong != Wrong::nothing) return wrong;
    text.remove_prefix(letters);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  return Wrong::nothing;
}

constexpr int64_t kMostDays = 4'000'000;
constexpr int64_t kMostMonths = 120'000;

Wrong add_part(Duration& d, const Part& part) {
  const Unit& unit = *part.unit;
  const int64_t whole = part.amount.whole;
  if (part.amount.has_fraction && unit.micros == 0) return Wrong::part_of_a_day;
  int64_t micros = 0;
  if (__builtin_mul_overflow(whole, unit.micros, &micros)) return Wrong::too_long;
  if (__builtin_add_overflow(micros, fraction_micros(part), &micros)) return Wrong::too_long;
  if (__builtin_add_overflow(d.micros, micros, &d.micros)) return Wrong::too_long;
  int64_t days = 0;
  int64_t months = 0;
  if (__builtin_mul_overflow(whole, int64_t{unit.days}, &days) || (days += d.days) > kMostDays)
    return Wrong::too_long;
  if (__builtin_mul_overflow(whole, int64_t{unit.months}, &months) || (months += d.months) > kMostMonths)
    return Wrong::too_long;
  d.days = static_cast<int32_t>(days);
  d.months = static_cast<int32_t>(months);
  return d.micros <= kMostDays * kMicrosPerDay ? Wrong::nothing : Wrong::too_long;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  Duration d;
  const auto add = [&d](const Part& part) { return add_part(d, part); };
  const Wrong wrong =
      text.starts_with('P') ? take_iso(text.substr(1), /*signs=*/false, add) : take_short(text, add);
  switch (wrong) {
    case Wrong::nothing:
      return d;
    case Wrong::too_long:
      return Status::user(
          Code::out_of_range,
          fmt::format("'{}' is too long for a duration: the longest are 10000y and 4000000d", text));
    case Wrong::part_of_a_day:
      return Status::user(Code::invalid_argument,
                          fmt::format("'{}' is not a duration: days, weeks, months and years stand in whole "
                                      "numbers; write 12h for half a day",
                                      text));
    default:
      return Status::user(
          Code::invalid_argument,
          fmt::format("'{}' is not a duration: write a number with a unit (us, ms, s, m, h, d, w, "
                      "mo, y) as in 30s, 1h30m or 1d, or ISO as in PT1H30M",
                      text));
  }
}

std::optional<int64_t> parse_interval_text(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  Int128 total = 0;
  const auto add = [&total](const Part& part) {
    const Unit& unit = *part.unit;
    if (unit.months != 0 || (part.amount.has_fraction && unit.days != 0)) return Wrong::part_of_a_day;
    const Int128 micros = Int128{part.amount.whole} * (unit.micros + unit.days * kMicrosPerDay);
    total += (part.negative ? -1 : 1) * (micros + fraction_micros(part));
    return Wrong::nothing;
  };
  const Wrong wrong =
      text.starts_with('P') ? take_iso(text.substr(1), /*signs=*/true, add) : take_short(text, add);
  if (wrong != Wrong::nothing) return std::nullopt;
  if (negative) total = -total;
  const auto micros = static_cast<int64_t>(total);
  return micros == total ? std::optional(micros) : std::nullopt;
}

std::string to_string(const Duration& d) {
  std::string text;
  const auto add = [&](int64_t n, std::string_view unit) {
    if (n != 0) text += fmt::format("{}{}", n, unit);
  };
  add(d.months / 12, "y");
  add(d.months % 12, "mo");
  if (d.days % 7 == 0) {
    add(d.days / 7, "w");
  } else {
    add(d.days, "d");
  }
  add(d.micros / kHour, "h");
  add(d.micros % kHour / kMinute, "m");
  add(d.micros % kMinute / kSecond, "s");
  add(d.micros % kSecond / 1000, "ms");
  add(d.micros % 1000, "us");
  return text.empty() ? "0s" : text;
}

std::string interval_to_iso(int64_t micros) {
  if (micros == 0) return "PT0S";
  const uint64_t magnitude = micros < 0 ? 0 - static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
  std::string text = micros < 0 ? "-P" : "P";
  const uint64_t days = magnitude / static_cast<uint64_t>(kMicrosPerDay);
  const uint64_t rest = magnitude % static_cast<uint64_t>(kMicrosPerDay);
  if (days > 0) text += fmt::format("{}D", days);
  if (rest == 0) return text;
  text += 'T';
  if (const uint64_t h = rest / kHour; h > 0) text += fmt::format("{}H", h);
  if (const uint64_t m = rest % kHour / kMinute; m > 0) text += fmt::format("{}M", m);
  const uint64_t s = rest % kMinute / kSecond;
  const uint64_t us = rest % kSecond;
  if (us > 0) {
    std::string fraction = fmt::format("{:06}", us);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += fmt::format("{}.{}S", s, fraction);
  } else if (s > 0) {
    text += fmt::format("{}S", s);
  }
  return text;
}

}  // namespace rideflow
