// Values from text: numbers, times and the rest, as JSON tokens and CSV fields spell them. Exact: the nearest
// double, every digit of a decimal. Shared by all decoders, so that a value means the same in every format.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "engine/format.h"
#include "operators/column_writer.h"

namespace rideflow {

// The parts of a number by JSON's grammar.
struct NumberText {
  uint64_t mantissa = 0;  // its digits without the point; exact when `exact`
  int32_t exponent = 0;   // value = mantissa * 10^exponent
  bool negative = false;
  bool exact = true;  // at most 19 digits
  bool whole = true;  // neither point nor exponent
};
// Reads a number at `p` (JSON's grammar: no leading '+', no leading zeros, digits around the point). Returns
// its end, or null when there is none.
const char* scan_number(const char* p, const char* end, NumberText& out);
std::optional<double> to_double_slowly(std::string_view text);
// The nearest double, or false when out of range. `text` is the same number. With the result apart: an
// optional of eight bytes and a flag is written in two parts and read in one, for which the CPU waits.
inline bool to_double(const NumberText& number, std::string_view text, double& to) {
  static constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const bool small = number.exact && number.mantissa <= (uint64_t{1} << 53) && number.exponent >= -22 &&
                     number.exponent <= 22;
  if (!small) [[unlikely]] {
    const std::optional<double> v = to_double_slowly(text);
    to = v.value_or(0);
    return v.has_value();
  }
  // Both factors are exact doubles, so one operation rounds once.
  const auto m = static_cast<double>(static_cast<int64_t>(number.mantissa));
  const double v = number.exponent <= 0 ? m / kPowers[-number.exponent] : m * kPowers[number.exponent];
  to = number.negative ? -v : v;
  return true;
}
// The same; nothing when out of range.
inline std::optional<double> to_double(const NumberText& number, std::string_view text) {
  double v = 0;
  return to_double(number, text, v) ? std::optional<double>(v) : std::nullopt;
}
// Nothing when out of range or not whole ("5.0" and "1e3" are whole).
std::optional<int64_t> to_int64(const NumberText& number, std::string_view text);
std::optional<double> parse_double_text(std::string_view text);

inline constexpr Micros kMinTimestamp = -62'135'596'800'000'000;  // 0001-01-01T00:00:00Z
inline constexpr Micros kMaxTimestamp = 253'402'300'799'999'999;  // 9999-12-31T23:59:59.999999Z

// ISO timestamps, mostly of a minute that was seen before: an even and an odd one are remembered, because
// events of two minutes mix at every border.
class TimestampReader {
 public:
  explicit TimestampReader(const TimeZone* zone = nullptr) : zone_(zone) {}
  // False when the text is none. The result is apart for the reason of to_double().
  bool read(std::string_view text, Micros& to) {
    return read_millis(text, minutes_, to) || read_seconds(text, to) || read_slow(text, to);
  }
  std::optional<Micros> read(std::string_view text) {
    Micros v = 0;
    return read(text, v) ? std::optional<Micros>(v) : std::nullopt;
  }

  struct Minute {
    char text[16] = {};
    Micros start = 0;
  };
  const Minute* minutes() const { return minutes_; }  // two
  // "2026-01-01T12:00:00.000Z" of one of two minutes; false for all else.
  static bool read_millis(std::string_view text, const Minute* minutes, Micros& to) {
    if (text.size() != kMillisSize) return false;
    const Minute* const minute = minute_of(text, minutes);
    if (minute == nullptr || !millis_of(text.data() + 16, to)) return false;
    to += minute->start;
    return true;
  }

 private:
  static constexpr size_t kMillisSize = 24;  // 2026-01-01T12:00:00.000Z

  // The one that the text begins with, or null. REQUIRES: a text of at least 16 bytes.
  static const Minute* minute_of(std::string_view text, const Minute* minutes) {
    const Minute* const minute = minutes + (text[15] & 1);
    return std::memcmp(text.data(), minute->text, 16) == 0 ? minute : nullptr;
  }
  // ":12.345Z", eight bytes at once.
  static bool millis_of(const char* p, Micros& to) {
    uint64_t word;
    std::memcpy(&word, p, sizeof(word));
    word ^= 0x5a3030302e30303aULL;  // ":00.000Z": digits remain, everything else is 0
    const auto digit = [word](int i) { return static_cast<Micros>((word >> (8 * i)) & 15); };
    const uint64_t beyond = (word & 0x7f7f7f7f7f7f7f7fULL) + 0x7f7676767f76767fULL;  // 0x76 + 9 = 0x7f
    const Micros second = digit(1) * 10 + digit(2);
    to = second * kMicrosPerSecond + (digit(4) * 100 + digit(5) * 10 + digit(6)) * 1000;
    return ((beyond | word) & 0x8080808080808080ULL) == 0 && second <= 59;
  }
  // Seconds, fraction and a final Z (or nothing, where the zone is UTC) after a known minute.
  bool read_seconds(std::string_view text, Micros& to) const;
  bool read_slow(std::string_view text, Micros& to);

  const TimeZone* zone_;
  Minute minutes_[2];
};

// A number of seconds, milliseconds or microseconds since 1970; digits below a microsecond are cut.
std::optional<Micros> epoch_to_micros(const NumberText& number, std::string_view text, TimeUnit unit);

// Appends the value that the plain text of a scalar column stands for (CSV fields, strings in JSON). The
// answer is empty, or what was expected: "a date as YYYY-MM-DD". `shared`: the text lies in the writer's
// shared buffer.
std::string append_text(const DecodeField& field, TimestampReader& times, std::string_view text, bool shared,
                        ColumnWriter& out);

}  // namespace rideflow
