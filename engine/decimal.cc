#include "engine/decimal.h"

#include <array>
#include <charconv>
#include <cmath>

#include "engine/status.h"

namespace rideflow {

namespace {

__extension__ typedef unsigned __int128 Uint128;

constexpr auto kPowers = [] {
  std::array<Int128, kMaxDecimalDigits + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The digits of a number in text, without the point.
struct Digits {
  Uint128 units = 0;
  int count = 0;    // significant digits read into units
  int scale = 0;    // of them behind the point
  int dropped = 0;  // significant digits before the point that found no room
  int next = -1;    // first digit that was cut, for rounding
  bool any = false;
};

void add_digit(Digits& d, int digit, bool behind_point) {
  d.any = true;
  if (d.next >= 0 || d.count == kMaxDecimalDigits) {
    if (d.next < 0) d.next = digit;
    if (!behind_point) ++d.dropped;
    return;
  }
  d.units = d.units * 10 + static_cast<Uint128>(digit);
  if (d.units != 0) ++d.count;
  if (behind_point) ++d.scale;
}

std::optional<int> parse_exponent(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] != 'e' && text[0] != 'E') return std::nullopt;
  text.remove_prefix(1);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  constexpr int kMostExponent = 1'000'000'000;  // a text has fewer digits that could undo it
  int exponent = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    exponent = exponent >= kMostExponent / 10 ? kMostExponent : exponent * 10 + (c - '0');
  }
  return negative ? -exponent : exponent;
}

// units / 10^n, half away from zero. `tail` is a digit already cut from behind units.
Uint128 shift_down(Uint128 units, int n, int tail) {
  if (n == 0) return units + (tail >= 5 ? 1 : 0);
  if (n > kMaxDecimalDigits) return 0;
  const auto divisor = static_cast<Uint128>(power_of_ten(n));
  const Uint128 rest = units % divisor;
  return units / divisor + (rest >= divisor - rest ? 1 : 0);
}

}  // namespace

Int128 power_of_ten(int exponent) {
  RF_CHECK(exponent >= 0 && exponent <= kMaxDecimalDigits);
  return kPowers[static_cast<size_t>(exponent)];
}

bool fits_precision(Int128 units, int precision) {
  const Int128 limit = power_of_ten(precision);
  return units < limit && units > -limit;
}

std::optional<Int128> parse_decimal(std::string_view text, int precision, int scale) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  Digits d;
  size_t i = 0;
  for (; i < text.size() && is_digit(text[i]); ++i) add_digit(d, text[i] - '0', false);
  if (i < text.size() && text[i] == '.') {
    for (++i; i < text.size() && is_digit(text[i]); ++i) add_digit(d, text[i] - '0', true);
  }
  const auto exponent = parse_exponent(text.substr(i));
  if (!d.any || !exponent) return std::nullopt;
  if (d.units == 0) return Int128{0};
  // The value is units * 10^(exponent + dropped - d.scale); shift is how many zeros units still needs.
  const int shift = *exponent + d.dropped - d.scale + scale;
  Uint128 units = 0;
  if (shift <= 0) {
    units = shift_down(d.units, -shift, d.next);
  } else {
    if (d.count + shift > kMaxDecimalDigits) return std::nullopt;
    units = d.units * static_cast<Uint128>(power_of_ten(shift));
  }
  const auto value = negative ? -static_cast<Int128>(units) : static_cast<Int128>(units);
  if (!fits_precision(value, precision)) return std::nullopt;
  return value;
}

std::string int128_to_string(Int128 v) {
  char buffer[40];
  char* at = buffer + sizeof(buffer);
  Uint128 rest = v < 0 ? -static_cast<Uint128>(v) : static_cast<Uint128>(v);
  do {
    *--at = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (v < 0) *--at = '-';
  return {at, buffer + sizeof(buffer)};
}

std::string format_decimal(Int128 units, int scale) {
  std::string text = int128_to_string(units);
  if (scale == 0) return text;
  const size_t sign = units < 0 ? 1 : 0;
  const size_t digits = text.size() - sign;
  const auto places = static_cast<size_t>(scale);
  if (digits <= places) text.insert(sign, places + 1 - digits, '0');
  text.insert(text.size() - places, 1, '.');
  return text;
}

std::optional<Int128> rescale(Int128 units, int from_scale, int to_scale) {
  if (to_scale == from_scale) return units;
  if (to_scale > from_scale) {
    Int128 out;
    if (__builtin_mul_overflow(units, power_of_ten(to_scale - from_scale), &out)) return std::nullopt;
    if (!fits_precision(out, kMaxDecimalDigits)) return std::nullopt;
    return out;
  }
  const Uint128 magnitude = units < 0 ? -static_cast<Uint128>(units) : static_cast<Uint128>(units);
  const auto out = static_cast<Int128>(shift_down(magnitude, from_scale - to_scale, -1));
  return units < 0 ? -out : out;
}

std::optional<Int128> decimal_from_double(double v, int precision, int scale) {
  if (!std::isfinite(v)) return std::nullopt;
  // Its decimal value (engine/number_text.h): 0.285 to two places is 0.29 although the binary value is a
  // little less.
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), v, std::chars_format::scientific);
  if (error != std::errc()) return std::nullopt;
  return parse_decimal({buffer, end}, precision, scale);
}

double decimal_to_double(Int128 units, int scale) {
  if (scale == 0) return static_cast<double>(units);
  if (scale <= 22 && units <= (Int128{1} << 53) && units >= -(Int128{1} << 53)) {
    return static_cast<double>(units) / static_cast<double>(power_of_ten(scale));  // both exact: one rounding
  }
  const std::string text = format_decimal(units, scale);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace rideflow
