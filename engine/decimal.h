// Decimals: signed 128-bit units of 10^-scale, up to 38 digits. Every function tells overflow; none throws.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "engine/column.h"

namespace rideflow {

inline constexpr int kMaxDecimalDigits = 38;
Int128 power_of_ten(int exponent);  // 0..38
bool fits_precision(Int128 units, int precision);
// Digits with an optional sign, point and exponent ("-12.50", "1e3"). Digits past the scale round half away
// from zero.
std::optional<Int128> parse_decimal(std::string_view text, int precision, int scale);
std::string format_decimal(Int128 units, int scale);
// To another scale, rounding half away from zero; nothing on overflow of 38 digits.
std::optional<Int128> rescale(Int128 units, int from_scale, int to_scale);
// By value, whatever the scales.
std::strong_ordering compare_decimals(Int128 a, int a_scale, Int128 b, int b_scale);
// a * b / 10^drop, rounding half away from zero; exact inside, nothing on overflow of 38 digits.
std::optional<Int128> multiply_decimals(Int128 a, Int128 b, int drop);
// a * 10^shift / b, likewise. REQUIRES: b is not 0, 0 <= shift.
std::optional<Int128> divide_decimals(Int128 a, int shift, Int128 b);
std::optional<Int128> decimal_from_double(double v, int precision, int scale);
double decimal_to_double(Int128 units, int scale);
std::string int128_to_string(Int128 v);

}  // namespace rideflow
