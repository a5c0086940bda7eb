#include "engine/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/decimal.h"

namespace rideflow {

namespace {

constexpr int kMostPlainDigits = 21;  // in front of the point, as JavaScript has it
constexpr int kMostPlainZeros = 5;    // behind it, before the first other digit

bool is_decimal_digit(char c) {
  return c >= '0' && c <= '9';
}

// "1.5e-7" from the digits 15 and the point -6.
void append_scientific(std::string& out, std::string_view digits, int exponent) {
  out += digits[0];
  if (digits.size() > 1) {
    out += '.';
    out += digits.substr(1);
  }
  out += 'e';
  out += std::to_string(exponent);
}

void append_digits_with_point(std::string& out, std::string_view digits, int point) {
  const auto count = static_cast<int>(digits.size());
  if (point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-point), '0');
    out += digits;
  } else if (point >= count) {
    out += digits;
    out.append(static_cast<size_t>(point - count), '0');
    out += ".0";
  } else {
    out += digits.substr(0, static_cast<size_t>(point));
    out += '.';
    out += digits.substr(static_cast<size_t>(point));
  }
}

// Most doubles of a stream are small whole numbers, which need no search for the shortest digits.
bool append_small_whole(std::string& out, double v) {
  constexpr double kMost = 1e15;
  if (!(v > -kMost && v < kMost)) return false;
  const auto whole = static_cast<int64_t>(v);
  if (static_cast<double>(whole) != v || (whole == 0 && std::signbit(v))) return false;
  std::array<char, 24> buffer;
  char* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), whole).ptr;
  out.append(buffer.data(), end);
  out += ".0";
  return true;
}

// Of these, with digits behind the point, the library's shortest text is plain, hence ours.
bool append_usual_fraction(std::string& out, double v) {
  const double size = std::fabs(v);
  if (!(size >= 1e-3 && size < 1e15)) return false;
  std::array<char, 32> buffer;
  char* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v).ptr;
  out.append(buffer.data(), end);
  return true;
}

// The value of an exponent, held within what no text of 2 GiB can undo. Nothing when it is none.
std::optional<int64_t> exponent_value(std::string_view text) {
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  constexpr int64_t kMost = int64_t{1} << 40;
  int64_t value = 0;
  for (const char c : text) {
    if (!is_decimal_digit(c)) return std::nullopt;
    if (value < kMost) value = value * 10 + (c - '0');
  }
  return minus ? -value : value;
}

}  // namespace

DoubleDigits digits_of(double v) {
  DoubleDigits out;
  out.negative = std::signbit(v);
  if (v == 0 || !std::isfinite(v)) return out;
  // "d.ddde+XX": one digit, then the others behind a point.
  std::array<char, 32> buffer;
  char* const end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(v), std::chars_format::scientific)
          .ptr;
  const char* at = buffer.data();
  for (; *at != 'e'; ++at) {
    if (*at != '.') out.digits[static_cast<size_t>(out.count++)] = *at;
  }
  while (out.count > 1 && out.digits[static_cast<size_t>(out.count - 1)] == '0') --out.count;
  at += at[1] == '+' ? 2 : 1;
  std::from_chars(at, end, out.point);
  ++out.point;
  return out;
}

void append_double(std::string& out, double v) {
  if (append_small_whole(out, v) || append_usual_fraction(out, v)) return;
  if (std::isnan(v)) {
    out += "NaN";
    return;
  }
  if (std::signbit(v)) out += '-';
  if (std::isinf(v)) {
    out += "Infinity";
    return;
  }
  if (v == 0) {
    out += "0.0";
    return;
  }
  const DoubleDigits d = digits_of(v);
  const bool plain = d.point <= kMostPlainDigits && d.point >= -kMostPlainZeros;
  plain ? append_digits_with_point(out, d.text(), d.point) : append_scientific(out, d.text(), d.point - 1);
}

std::string format_double(double v) {
  std::string out;
  append_double(out, v);
  return out;
}

std::optional<ScaledNumber> scale_number(std::string_view text, int places) {
  ScaledNumber out;
  out.negative = text.starts_with('-');
  if (out.negative || text.starts_with('+')) text.remove_prefix(1);
  const size_t end = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, end);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  int64_t exponent = 0;
  if (end < text.size()) {
    const auto value = exponent_value(text.substr(end + 1));
    if (!value) return std::nullopt;
    exponent = *value;
  }
  // Digits that stand left of `kept` count, the others are cut; zeros are owed until another digit comes.
  const int64_t kept = static_cast<int64_t>(point) + exponent + places;
  int64_t place = 0;
  int64_t zeros = 0;
  int digits = 0;
  for (size_t i = 0; i < mantissa.size(); ++i) {
    if (i == point) continue;
    if (!is_decimal_digit(mantissa[i])) return std::nullopt;
    const int digit = mantissa[i] - '0';
    if (place++ >= kept) {
      out.exact = out.exact && digit == 0;
    } else if (digit == 0) {
      zeros += digits > 0 ? 1 : 0;
    } else {
      if (digits + zeros + 1 > kMaxDecimalDigits) return std::nullopt;
      out.value = out.value * power_of_ten(static_cast<int>(zeros) + 1) + digit;
      digits += static_cast<int>(zeros) + 1;
      zeros = 0;
    }
  }
  if (place == 0) return std::nullopt;
  zeros += kept > place ? kept - place : 0;
  if (out.value == 0) return out;
  if (digits + zeros > kMaxDecimalDigits) return std::nullopt;
  out.value *= power_of_ten(static_cast<int>(zeros));
  if (out.negative) out.value = -out.value;
  return out;
}

}  // namespace rideflow
