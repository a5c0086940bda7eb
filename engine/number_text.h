// Numbers as text and back, without losing a digit. One rule for what a double is in decimal: the shortest
// digits that read back as the same double. It is what is printed, what round() rounds and what a cast to
// decimal converts.
//
// Pure functions; none throws.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "engine/column.h"

namespace rideflow {

// The text of a double everywhere but in Druid's answers: always with a point or an exponent, so that it is
// no integer's: "300000.0", "0.1", "-0.0". Plain digits from 1e-6 up to below 1e21, beyond them an exponent:
// "1e21", "1.5e-7". "NaN", "Infinity" and "-Infinity", which JSON has no word for (engine/json_writer.h).
void append_double(std::string& out, double v);
std::string format_double(double v);

// The shortest digits that read back as the magnitude of a finite double: 0.d1d2d3… * 10^point, without
// zeros at either end. 0 has no digits.
struct DoubleDigits {
  std::array<char, 17> digits{};
  int count = 0;
  int point = 0;
  bool negative = false;
  std::string_view text() const { return {digits.data(), static_cast<size_t>(count)}; }
};
DoubleDigits digits_of(double v);

// The number in `text` (digits with an optional sign, point and exponent, in any spelling: "1e18",
// "9007199254740993.0", "008") times 10^places, cut toward zero. `exact`: nothing was cut. Nothing when the
// text is no number, or beyond 38 digits.
struct ScaledNumber {
  Int128 value = 0;
  bool exact = true;
  bool negative = false;  // also of what was cut to 0
};
std::optional<ScaledNumber> scale_number(std::string_view text, int places);

}  // namespace rideflow
