#include "rollup/query/datum.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "engine/json_writer.h"
#include "rollup/query/extraction.h"

namespace rideflow::rollup {
namespace {

int sign(auto a, auto b) {
  return a < b ? -1 : (a > b ? 1 : 0);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Runs of digits compare by value, everything else by byte.
int compare_alphanumeric(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return sign(static_cast<uint8_t>(a[i]), static_cast<uint8_t>(b[j]));
      ++i;
      ++j;
      continue;
    }
    while (i + 1 < a.size() && a[i] == '0' && is_digit(a[i + 1])) ++i;
    while (j + 1 < b.size() && b[j] == '0' && is_digit(b[j + 1])) ++j;
    const size_t a0 = i;
    const size_t b0 = j;
    while (i < a.size() && is_digit(a[i])) ++i;
    while (j < b.size() && is_digit(b[j])) ++j;
    if (i - a0 != j - b0) return sign(i - a0, j - b0);
    if (const int c = a.substr(a0, i - a0).compare(b.substr(b0, j - b0)); c != 0) return c;
  }
  return sign(a.size() - i, b.size() - j);
}

// Exactly; NaN is greater than all.
int compare_doubles(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return sign(std::isnan(a), std::isnan(b));
  return sign(a, b);
}

int compare_long_double(int64_t a, double b) {
  constexpr double kTwo63 = 9223372036854775808.0;
  if (std::isnan(b) || b >= kTwo63) return -1;
  if (b < -kTwo63) return 1;
  const auto whole = static_cast<int64_t>(b);
  if (a != whole) return sign(a, whole);
  return sign(static_cast<double>(whole), b);  // a double whose whole part is itself a double
}

// REQUIRES: both are numeric.
int compare_numbers(const Datum& a, const Datum& b) {
  const bool longs = a.kind == Datum::Kind::integer;
  if (longs && b.kind == Datum::Kind::integer) return sign(a.integer, b.integer);
  if (longs) return compare_long_double(a.integer, b.number);
  if (b.kind == Datum::Kind::integer) return -compare_long_double(b.integer, a.number);
  return compare_doubles(a.number, b.number);
}

// 0.DIGITS * 10^point; zero has no digits.
struct Decimal {
  bool negative = false;
  std::string digits;  // neither the first nor the last is 0
  int64_t point = 0;
};

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal out;
  size_t at = 0;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) out.negative = text[at++] == '-';
  bool some = false;
  bool fraction = false;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !fraction)); ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    some = true;
    if (text[at] != '0' || !out.digits.empty()) out.digits += text[at];
    if (!fraction && !out.digits.empty()) ++out.point;
    if (fraction && out.digits.empty()) --out.point;
  }
  if (!some) return std::nullopt;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const auto exponent = parse_long(text.substr(at + 1));
    if (!exponent || *exponent > INT32_MAX || *exponent < INT32_MIN) return std::nullopt;
    out.point += *exponent;
    at = text.size();
  }
  if (at != text.size()) return std::nullopt;
  while (!out.digits.empty() && out.digits.back() == '0') out.digits.pop_back();
  if (out.digits.empty()) out = {};
  return out;
}

int compare_decimals(const Decimal& a, const Decimal& b) {
  const int sign_a = a.digits.empty() ? 0 : (a.negative ? -1 : 1);
  const int sign_b = b.digits.empty() ? 0 : (b.negative ? -1 : 1);
  if (sign_a != sign_b || sign_a == 0) return sign(sign_a, sign_b);
  const int size = a.point != b.point ? sign(a.point, b.point) : sign(a.digits.compare(b.digits), 0);
  return size * sign_a;
}

// Decimal text of a long, a text, or a finite double: a whole double exactly, any other in its shortest form,
// so that 0.1 is what a client that writes 0.1 means.
std::string decimal_text(const Datum& d) {
  constexpr double kTwo63 = 9223372036854775808.0;
  if (d.kind == Datum::Kind::text) return std::string(d.text);
  if (d.kind == Datum::Kind::integer) return fmt::to_string(d.integer);
  const bool whole = d.number == std::floor(d.number) && d.number >= -kTwo63 && d.number < kTwo63;
  return whole ? fmt::to_string(static_cast<int64_t>(d.number)) : fmt::format("{}", d.number);
}

// REQUIRES: one of them is a text. Nothing when neither is a number.
std::optional<int> compare_with_text(const Datum& a, const Datum& b) {
  if (a.is_numeric() && !std::isfinite(a.as_double())) return a.number < 0 && parse_decimal(b.text) ? -1 : 1;
  if (b.is_numeric() && !std::isfinite(b.as_double())) return b.number < 0 && parse_decimal(a.text) ? 1 : -1;
  const auto x = parse_decimal(decimal_text(a));
  const auto y = parse_decimal(decimal_text(b));
  if (x && y) return compare_decimals(*x, *y);
  if (!x && !y) return std::nullopt;
  return sign(x.has_value(), y.has_value());
}

}  // namespace

int64_t java_long(double v) {
  if (!(v > -9.2e18)) return v != v ? 0 : INT64_MIN;
  return v < 9.2e18 ? static_cast<int64_t>(v) : INT64_MAX;
}

std::string java_double(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  const double size = std::fabs(v);
  if (v == 0 || (size >= 1e-3 && size < 1e7)) {
    std::string out = fmt::format("{}", v);
    if (out.find_first_of(".e") == std::string::npos) out += ".0";
    return out;
  }
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  const size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  return fmt::format("{}E{}", mantissa, std::atoi(text.c_str() + e + 1));
}

std::optional<std::string> text_of(const Datum& d) {
  switch (d.kind) {
    case Datum::Kind::null:
      return std::nullopt;
    case Datum::Kind::integer:
      return fmt::to_string(d.integer);
    case Datum::Kind::number:
      return java_double(d.number);
    case Datum::Kind::text:
      return std::string(d.text);
  }
  return std::nullopt;
}

std::optional<double> parse_double(std::string_view text) {
  const bool plus = !text.empty() && text.front() == '+';
  if (plus) text.remove_prefix(1);
  const std::string_view size = !plus && !text.empty() && text.front() == '-' ? text.substr(1) : text;
  const bool digits = !size.empty() && (is_digit(size.front()) || size.front() == '.');
  if (!digits && size != "NaN" && size != "Infinity") return std::nullopt;
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return v;
}

std::optional<int64_t> parse_long(std::string_view text) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
  }
  int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return v;
}

std::optional<double> number_of(const Datum& d) {
  if (d.kind == Datum::Kind::text) return parse_double(d.text);
  if (d.kind == Datum::Kind::null) return std::nullopt;
  return d.as_double();
}

QueryValue value_of(const Datum& d) {
  switch (d.kind) {
    case Datum::Kind::null:
      return {};
    case Datum::Kind::integer:
      return d.integer;
    case Datum::Kind::number:
      return d.number;
    case Datum::Kind::text:
      return std::string(d.text);
  }
  return {};
}

Datum datum_of(const QueryValue& v) {
  if (const auto* i = std::get_if<int64_t>(&v)) return Datum::of(*i);
  if (const auto* d = std::get_if<double>(&v)) return Datum::of(*d);
  if (const auto* s = std::get_if<std::string>(&v)) return Datum::of(std::string_view(*s));
  return {};
}

void append_json_double(std::string& out, double v) {
  if (std::isfinite(v)) {
    out += java_double(v);
  } else {
    out += '"';
    out += java_double(v);
    out += '"';
  }
}

void append_json(std::string& out, const QueryValue& v) {
  if (const auto* i = std::get_if<int64_t>(&v)) {
    fmt::format_to(std::back_inserter(out), "{}", *i);
  } else if (const auto* d = std::get_if<double>(&v)) {
    append_json_double(out, *d);
  } else if (const auto* s = std::get_if<std::string>(&v)) {
    append_json_string(out, *s);
  } else if (const auto* list = std::get_if<std::vector<double>>(&v)) {
    out += '[';
    for (size_t n = 0; n < list->size(); ++n) {
      if (n > 0) out += ',';
      append_json_double(out, (*list)[n]);
    }
    out += ']';
  } else if (const auto* q = std::get_if<std::shared_ptr<const Quantiles>>(&v)) {
    fmt::format_to(std::back_inserter(out), "{}", *q ? (*q)->count() : 0);
  } else if (const auto* c = std::get_if<std::shared_ptr<const Distinct>>(&v)) {
    append_json_double(out, *c ? (*c)->estimate_double() : 0);
  } else {
    out += "null";
  }
}

std::optional<Ordering> parse_ordering(std::string_view text) {
  constexpr std::string_view names[] = {"lexicographic", "alphanumeric", "numeric", "strlen", "version"};
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == text) return static_cast<Ordering>(i);
  }
  return std::nullopt;
}

int compare(const Datum& a, const Datum& b, Ordering ordering) {
  if (a.is_null() || b.is_null()) return sign(!a.is_null(), !b.is_null());
  if (a.is_numeric() && b.is_numeric()) return compare_numbers(a, b);
  if (ordering == Ordering::numeric) {
    if (const auto order = compare_with_text(a, b)) return *order;
  }
  std::string keep_a;
  std::string keep_b;
  const auto view = [](const Datum& d, std::string& keep) {
    if (d.kind == Datum::Kind::text) return d.text;
    keep = *text_of(d);
    return std::string_view(keep);
  };
  const std::string_view s = view(a, keep_a);
  const std::string_view t = view(b, keep_b);
  if (ordering == Ordering::alphanumeric || ordering == Ordering::version) return compare_alphanumeric(s, t);
  if (ordering == Ordering::strlen) {
    const int c = sign(utf16_length(s), utf16_length(t));
    if (c != 0) return c;
  }
  return s.compare(t);
}

}  // namespace rideflow::rollup
