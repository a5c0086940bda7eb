#include "operators/text_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "engine/decimal.h"
#include "engine/interval_text.h"
#include "engine/json_writer.h"
#include "engine/number_text.h"

namespace rideflow {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

const char* scan_number(const char* p, const char* end, NumberText& out) {
  out = NumberText();
  if (p < end && *p == '-') {
    out.negative = true;
    ++p;
  }
  const char* const first = p;
  uint64_t mantissa = 0;
  while (p < end && is_digit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
  auto digits = p - first;
  if (digits == 0 || (digits > 1 && *first == '0')) return nullptr;
  if (p < end && *p == '.') {
    out.whole = false;
    const char* const point = ++p;
    while (p < end && is_digit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
    if (p == point) return nullptr;
    digits += p - point;
    out.exponent = -static_cast<int32_t>(p - point);
  }
  out.mantissa = mantissa;
  out.exact = digits <= 19;
  if (p < end && (*p == 'e' || *p == 'E')) {
    out.whole = false;
    ++p;
    const bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    const char* const power = p;
    int32_t value = 0;
    for (; p < end && is_digit(*p); ++p) {
      if (value < 100'000) value = value * 10 + (*p - '0');
    }
    if (p == power) return nullptr;
    out.exponent += minus ? -value : value;
  }
  return p;
}

std::optional<double> to_double_slowly(std::string_view text) {
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error == std::errc::result_out_of_range) {
    // Too small is zero (or denormal), as in every language; too large is an error.
    v = std::strtod(std::string(text).c_str(), nullptr);
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  if (!std::isfinite(v)) return std::nullopt;
  return v;
}

std::optional<int64_t> to_int64(const NumberText& n, std::string_view text) {
  if (n.whole && n.exact) {
    if (n.mantissa <= static_cast<uint64_t>(INT64_MAX)) {
      const auto v = static_cast<int64_t>(n.mantissa);
      return n.negative ? -v : v;
    }
    if (n.negative && n.mantissa == uint64_t{1} << 63) return INT64_MIN;
    return std::nullopt;
  }
  const std::optional<ScaledNumber> scaled = scale_number(text, 0);
  if (!scaled || !scaled->exact || scaled->value < INT64_MIN || scaled->value > INT64_MAX)
    return std::nullopt;
  return static_cast<int64_t>(scaled->value);
}

std::optional<double> parse_double_text(std::string_view text) {
  NumberText number;
  if (scan_number(text.data(), text.data() + text.size(), number) != text.data() + text.size()) {
    return std::nullopt;
  }
  return to_double(number, text);
}

bool TimestampReader::read_seconds(std::string_view text, Micros& to) const {
  if (text.size() < 19) return false;
  const Minute* const minute = minute_of(text, minutes_);
  if (minute == nullptr) return false;
  const char* p = text.data() + 16;
  const char* const end = text.data() + text.size();
  if (p[0] != ':' || !is_digit(p[1]) || !is_digit(p[2])) return false;
  const int second = (p[1] - '0') * 10 + (p[2] - '0');
  if (second > 59) return false;
  p += 3;
  Micros fraction = 0;
  if (p < end && *p == '.') {
    ++p;
    const char* const first = p;
    Micros unit = 100'000;
    for (; p < end && is_digit(*p); ++p) {
      fraction += (*p - '0') * unit;
      unit /= 10;
    }
    if (p == first) return false;
  }
  const bool utc = zone_ == nullptr || zone_->is_utc();
  const bool ends = (p == end && utc) || (p + 1 == end && *p == 'Z');
  if (!ends) return false;
  to = minute->start + second * kMicrosPerSecond + fraction;
  return true;
}

bool TimestampReader::read_slow(std::string_view text, Micros& to) {
  const std::optional<Micros> value = parse_timestamp(text, zone_);
  if (!value) return false;
  if (text.size() >= 19 && (text[10] == 'T' || text[10] == ' ') && text[13] == ':' && text[16] == ':') {
    const std::optional<Micros> start = parse_timestamp(std::string(text.substr(0, 16)) + ":00Z");
    if (start) {
      Minute& minute = minutes_[text[15] & 1];
      std::memcpy(minute.text, text.data(), 16);
      minute.start = *start;
    }
  }
  to = *value;
  return to >= kMinTimestamp && to <= kMaxTimestamp;
}

std::optional<Micros> epoch_to_micros(const NumberText& number, std::string_view text, TimeUnit unit) {
  const int64_t scale = unit == TimeUnit::seconds ? 1'000'000 : unit == TimeUnit::millis ? 1'000 : 1;
  if (number.whole) {
    const std::optional<int64_t> v = to_int64(number, text);
    if (!v || *v > kMaxTimestamp / scale || *v < kMinTimestamp / scale) return std::nullopt;
    return *v * scale;
  }
  // What is below a microsecond is cut: toward the past.
  const int places = unit == TimeUnit::seconds ? 6 : unit == TimeUnit::millis ? 3 : 0;
  const std::optional<ScaledNumber> v = scale_number(text, places);
  if (!v) return std::nullopt;
  const Int128 micros = v->value - (v->negative && !v->exact ? 1 : 0);
  if (micros < kMinTimestamp || micros > kMaxTimestamp) return std::nullopt;
  return static_cast<Micros>(micros);
}

namespace {

// A number as texts have it, in JSON's grammar: without a plus and leading zeros, with digits on both sides
// of the point. "+5", "08", "-01.5", ".5" and "5." are numbers in many files.
std::string in_json_grammar(std::string_view text) {
  std::string out;
  if (text.starts_with('-')) out = "-";
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const size_t first = std::min(text.find_first_not_of('0'), text.size());
  const size_t whole = std::min(text.find_first_not_of("0123456789"), text.size());
  out += first < whole ? text.substr(first, whole - first) : "0";
  const bool point = whole < text.size() && text[whole] == '.';
  const size_t end = std::min(text.find_first_not_of("0123456789", whole + (point ? 1 : 0)), text.size());
  const size_t fraction = end - whole - (point ? 1 : 0);
  const bool ends = end == text.size() || text[end] == 'e' || text[end] == 'E';
  if (whole + fraction == 0 || !ends) return {};
  if (fraction > 0) out += text.substr(whole, end - whole);
  out += text.substr(end);
  return out;
}

// Reads the number that is all of `text`, which may become its usual spelling in `scratch`.
bool read_number(std::string_view& text, NumberText& number, std::string& scratch) {
  if (scan_number(text.data(), text.data() + text.size(), number) == text.data() + text.size()) return true;
  scratch = in_json_grammar(text);
  text = scratch;
  return scan_number(text.data(), text.data() + text.size(), number) == text.data() + text.size() &&
         !text.empty();
}

std::string append_number(const DecodeField& field, std::string_view text, ColumnWriter& out) {
  const Type& type = field.field.type;
  NumberText number;
  std::string scratch;
  const bool is_number = read_number(text, number, scratch);
  if (type.kind == Kind::decimal) {
    const auto v = is_number ? parse_decimal(text, type.precision, type.scale) : std::nullopt;
    if (!v) return fmt::format("a number that fits decimal({},{})", type.precision, type.scale);
    out.append(*v);
    return {};
  }
  if (!is_number) return "a number";
  if (type.kind == Kind::float64) {
    const auto v = to_double(number, text);
    if (!v) return "a number in the range of double";
    out.append(*v);
    return {};
  }
  const auto v = to_int64(number, text);
  if (type.kind == Kind::int32) {
    if (!v || *v < INT32_MIN || *v > INT32_MAX) return "a whole number in the range of int32";
    out.append(static_cast<int32_t>(*v));
    return {};
  }
  if (!v) return "a whole number in the range of int64";
  out.append(*v);
  return {};
}

std::string append_time(const DecodeField& field, TimestampReader& times, std::string_view text,
                        ColumnWriter& out) {
  switch (field.field.type.kind) {
    case Kind::date: {
      const auto v = parse_date(text);
      if (!v) return "a date as YYYY-MM-DD";
      out.append(*v);
      return {};
    }
    case Kind::interval: {
      const auto v = parse_interval_text(text);
      if (!v) return "a duration such as PT1H30M, -PT5S or 90s";
      out.append(*v);
      return {};
    }
    default: {
      if (field.unit != TimeUnit::text) {
        NumberText number;
        std::string scratch;
        if (!read_number(text, number, scratch)) return "a number since 1970";
        const auto v = epoch_to_micros(number, text, field.unit);
        if (!v) return "a time in the years 1 to 9999";
        out.append(*v);
        return {};
      }
      const auto v = times.read(text);
      if (!v) return "a timestamp such as 2026-01-01T12:00:00Z";
      out.append(*v);
      return {};
    }
  }
}

}  // namespace

std::string append_text(const DecodeField& field, TimestampReader& times, std::string_view text, bool shared,
                        ColumnWriter& out) {
  switch (field.field.type.kind) {
    case Kind::string:
      shared ? out.append_shared(text) : out.append_copy(text);
      return {};
    case Kind::bytes: {
      const auto bytes = base64_decode(text);
      if (!bytes) return "bytes in base64";
      out.append_copy(*bytes);
      return {};
    }
    case Kind::boolean:
      if (text == "true" || text == "false") {
        out.append_bool(text == "true");
        return {};
      }
      return "true or false";
    case Kind::int32:
    case Kind::int64:
    case Kind::float64:
    case Kind::decimal:
      return append_number(field, text, out);
    case Kind::timestamp:
    case Kind::date:
    case Kind::interval:
      return append_time(field, times, text, out);
    default:
      return "a column of a plain type";
  }
}

}  // namespace rideflow
