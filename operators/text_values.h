// Values from text: numbers, times and the rest, as JSON tokens and CSV fields spell them. Exact: the nearest
// double, every digit of a decimal. Shared by all decoders, so that a value means the same in every format.
#pragma once

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
// The nearest double; nothing when out of range. `text` is the same number.
std::optional<double> to_double(const NumberText& number, std::string_view text);
// Nothing when out of range or not whole ("5.0" and "1e3" are whole).
std::optional<int64_t> to_int64(const NumberText& number, std::string_view text);
std::optional<double> parse_double_text(std::string_view text);

inline constexpr Micros kMinTimestamp = -62'135'596'800'000'000;  // 0001-01-01T00:00:00Z
inline constexpr Micros kMaxTimestamp = 253'402'300'799'999'999;  // 9999-12-31T23:59:59.999999Z

// ISO timestamps, mostly of the same minute as the one before.
class TimestampReader {
 public:
  explicit TimestampReader(const TimeZone* zone = nullptr) : zone_(zone) {}
  std::optional<Micros> read(std::string_view text) {
    if (text.size() >= 19 && std::memcmp(text.data(), minute_, 16) == 0) {
      const std::optional<Micros> fast = seconds_of(text);
      if (fast) return fast;
    }
    return read_slow(text);
  }

 private:
  // Seconds, fraction and a final Z (or nothing, where the zone is UTC) after the known minute.
  std::optional<Micros> seconds_of(std::string_view text) const;
  std::optional<Micros> read_slow(std::string_view text);

  const TimeZone* zone_;
  char minute_[16] = {};
  Micros minute_start_ = 0;
};

// A number of seconds, milliseconds or microseconds since 1970; digits below a microsecond are cut.
std::optional<Micros> epoch_to_micros(const NumberText& number, std::string_view text, TimeUnit unit);

// Appends the value that the plain text of a scalar column stands for (CSV fields, strings in JSON). The
// answer is empty, or what was expected: "a date as YYYY-MM-DD". `shared`: the text lies in the writer's
// shared buffer.
std::string append_text(const DecodeField& field, TimestampReader& times, std::string_view text, bool shared,
                        ColumnWriter& out);

}  // namespace rideflow
