// Durations and intervals as text.
#include <fmt/format.h>

#include <charconv>
#include <span>

#include "engine/civil.h"
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

struct Amount {
  int64_t whole = 0;
  int64_t millionths = 0;
  bool has_fraction = false;
};

// Reads "12" or "1.5" off the front of text.
std::optional<Amount> take_amount(std::string_view& text) {
  Amount amount;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), amount.whole);
  if (code != std::errc() || amount.whole < 0 || text[0] == '-') return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!text.starts_with('.') && !text.starts_with(',')) return amount;
  amount.has_fraction = true;
  text.remove_prefix(1);
  size_t digits = 0;
  int64_t place = 100'000;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, place /= 10) {
    amount.millionths += (text[digits] - '0') * place;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return amount;
}

bool add_amount(Duration& d, const Amount& amount, const Unit& unit) {
  if (amount.has_fraction && unit.micros == 0) return false;  // half a month is no length of time
  int64_t micros = 0;
  const int64_t fraction = unit.micros >= kSecond ? amount.millionths * (unit.micros / kSecond)
                                                  : amount.millionths * unit.micros / kSecond;
  if (__builtin_mul_overflow(amount.whole, unit.micros, &micros)) return false;
  if (__builtin_add_overflow(micros, fraction, &micros)) return false;
  if (__builtin_add_overflow(d.micros, micros, &d.micros)) return false;
  int64_t days = 0;
  int64_t months = 0;
  if (__builtin_mul_overflow(amount.whole, int64_t{unit.days}, &days) || (days += d.days) > 4'000'000)
    return false;
  if (__builtin_mul_overflow(amount.whole, int64_t{unit.months}, &months) || (months += d.months) > 120'000) {
    return false;
  }
  d.days = static_cast<int32_t>(days);
  d.months = static_cast<int32_t>(months);
  return d.micros <= int64_t{4'000'000} * kMicrosPerDay;
}

std::optional<Duration> parse_iso(std::string_view text) {
  Duration d;
  bool in_time = false;
  bool any = false;
  while (!text.empty()) {
    if (!in_time && text[0] == 'T') {
      in_time = true;
      text.remove_prefix(1);
      if (text.empty()) return std::nullopt;
      continue;
    }
    const auto amount = take_amount(text);
    if (!amount || text.empty()) return std::nullopt;
    const Unit* unit = nullptr;
    for (const Unit& u :
         in_time ? std::span<const Unit>(kIsoTimeUnits) : std::span<const Unit>(kIsoDateUnits)) {
      if (u.name[0] == text[0]) unit = &u;
    }
    if (!unit || !add_amount(d, *amount, *unit)) return std::nullopt;
    text.remove_prefix(1);
    any = true;
  }
  return any ? std::optional(d) : std::nullopt;
}

std::optional<Duration> parse_short(std::string_view text) {
  Duration d;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto amount = take_amount(text);
    if (!amount) return std::nullopt;
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const Unit* unit = nullptr;
    for (const Unit& u : kUnits) {
      if (u.name == text.substr(0, letters)) unit = &u;
    }
    if (!unit || !add_amount(d, *amount, *unit)) return std::nullopt;
    text.remove_prefix(letters);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  return d;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto d = text.starts_with('P') ? parse_iso(text.substr(1)) : parse_short(text);
  if (d) return *d;
  return Status::user(
      Code::invalid_argument,
      fmt::format("'{}' is not a duration: write a number with a unit (us, ms, s, m, h, d, w, "
                  "mo, y) as in 30s, 1h30m or 1d, or ISO as in PT1H30M",
                  text));
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
