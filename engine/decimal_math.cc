// Decimal operations that need more than 128 bits inside.
#include "engine/decimal.h"
#include "engine/status.h"

namespace rideflow {

namespace {

__extension__ typedef unsigned __int128 Uint128;

struct Uint256 {
  Uint128 high = 0;
  Uint128 low = 0;
};

Uint128 magnitude(Int128 v) {
  return v < 0 ? -static_cast<Uint128>(v) : static_cast<Uint128>(v);
}

Uint256 multiply(Uint128 a, Uint128 b) {
  constexpr Uint128 kLow = ~uint64_t{0};
  const Uint128 low = (a & kLow) * (b & kLow);
  const Uint128 cross = (a >> 64) * (b & kLow);
  const Uint128 other = (a & kLow) * (b >> 64);
  const Uint128 middle = (low >> 64) + (cross & kLow) + (other & kLow);
  return {(a >> 64) * (b >> 64) + (cross >> 64) + (other >> 64) + (middle >> 64),
          (middle << 64) | (low & kLow)};
}

// n / d rounded half up, or nothing when it needs more than 128 bits. d < 2^127.
std::optional<Uint128> divide_rounded(const Uint256& n, Uint128 d) {
  if (n.high >= d) return std::nullopt;
  Uint128 rest = n.high;
  Uint128 quotient = 0;
  if (n.high == 0) {
    quotient = n.low / d;
    rest = n.low % d;
  } else {
    for (int bit = 127; bit >= 0; --bit) {  // schoolbook, bit by bit: only huge decimals come here
      rest = (rest << 1) | ((n.low >> bit) & 1);
      quotient <<= 1;
      if (rest >= d) {
        rest -= d;
        quotient |= 1;
      }
    }
  }
  return quotient + (rest >= d - rest ? 1 : 0);
}

std::optional<Int128> with_sign(std::optional<Uint128> v, bool negative) {
  if (!v || *v >= static_cast<Uint128>(power_of_ten(kMaxDecimalDigits))) return std::nullopt;
  return negative ? -static_cast<Int128>(*v) : static_cast<Int128>(*v);
}

std::strong_ordering compare_units(Int128 a, Int128 b) {
  if (a < b) return std::strong_ordering::less;
  return a > b ? std::strong_ordering::greater : std::strong_ordering::equal;
}

}  // namespace

// The common scale may need more than 38 digits: whole parts first, then fractions.
std::strong_ordering compare_decimals(Int128 a, int a_scale, Int128 b, int b_scale) {
  if (a_scale == b_scale) return compare_units(a, b);
  const Int128 a_one = power_of_ten(a_scale);
  const Int128 b_one = power_of_ten(b_scale);
  if (const auto whole = compare_units(a / a_one, b / b_one); whole != 0) return whole;
  Int128 a_rest = a % a_one;
  Int128 b_rest = b % b_one;
  if (a_scale < b_scale) {
    a_rest *= power_of_ten(b_scale - a_scale);
  } else {
    b_rest *= power_of_ten(a_scale - b_scale);
  }
  return compare_units(a_rest, b_rest);
}

std::optional<Int128> multiply_decimals(Int128 a, Int128 b, int drop) {
  const bool negative = (a < 0) != (b < 0);
  const Uint256 product = multiply(magnitude(a), magnitude(b));
  return with_sign(divide_rounded(product, static_cast<Uint128>(power_of_ten(drop))), negative);
}

std::optional<Int128> divide_decimals(Int128 a, int shift, Int128 b) {
  RF_CHECK(b != 0 && shift >= 0);
  const bool negative = (a < 0) != (b < 0);
  if (shift <= kMaxDecimalDigits) {
    const Uint256 scaled = multiply(magnitude(a), static_cast<Uint128>(power_of_ten(shift)));
    return with_sign(divide_rounded(scaled, magnitude(b)), negative);
  }
  // More than 38 zeros: they only fit when the quotient is small enough to take them afterwards.
  const Uint128 ten = static_cast<Uint128>(power_of_ten(shift - kMaxDecimalDigits));
  const Uint256 scaled = multiply(magnitude(a), static_cast<Uint128>(power_of_ten(kMaxDecimalDigits)));
  if (scaled.high != 0 && scaled.high >= ~Uint128{0} / ten / 2) return std::nullopt;
  const Uint256 low = multiply(scaled.low, ten);
  return with_sign(divide_rounded({scaled.high * ten + low.high, low.low}, magnitude(b)), negative);
}

}  // namespace rideflow
