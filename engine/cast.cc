#include "engine/cast.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "engine/bits.h"
#include "engine/builder.h"
#include "engine/civil.h"
#include "engine/decimal.h"
#include "engine/interval_text.h"
#include "engine/json_writer.h"
#include "engine/number_text.h"
#include "engine/time.h"
#include "engine/utf8.h"

namespace rideflow {

namespace {

// One cast of one column: input, output type and where failures go.
struct Cast {
  const Column& in;
  const Type& to;
  const uint8_t* active;
  RowErrors* errors;
  std::vector<int32_t> failed;

  bool matters(int32_t row) const { return (!active || get_bit(active, row)) && !in.is_null(row); }
  void fail(int32_t row) {
    if (!matters(row)) return;
    failed.push_back(row);
    if (errors)
      errors->fail(row, fmt::format("cannot cast {} to {}", value_at(in, row).to_string(), to.to_string()));
  }
};

Column shell_of(const Cast& cast) {
  Column out;
  out.type = cast.to;
  out.length = cast.in.length;
  out.null_count = cast.in.null_count;
  if (cast.in.has_nulls()) out.validity = cast.in.validity;
  return out;
}

// Takes the validity of the input and clears the rows that failed.
Column finished(const Cast& cast, BufferRef data) {
  Column out = shell_of(cast);
  out.data = std::move(data);
  if (cast.failed.empty()) return out;
  BufferRef validity = make_bitmap(out.length, true);
  auto* bits = validity.as_mutable<uint8_t>();
  if (cast.in.has_nulls()) copy_bits(bits, 0, cast.in.validity.as<uint8_t>(), 0, out.length);
  for (const int32_t row : cast.failed) clear_bit(bits, row);
  out.null_count += static_cast<int32_t>(cast.failed.size());
  out.validity = std::move(validity);
  return out;
}

template <class To>
BufferRef allocate(int32_t rows) {
  return BufferRef::allocate(static_cast<size_t>(rows) * sizeof(To));
}

// Every value converts.
template <class From, class To, class F>
Column map(const Cast& cast, F convert) {
  BufferRef data = allocate<To>(cast.in.length);
  const From* from = cast.in.values<From>();
  To* to = data.as_mutable<To>();
  for (int32_t i = 0; i < cast.in.length; ++i) to[i] = convert(from[i]);
  return finished(cast, std::move(data));
}

// convert(value, to) says whether the value converts.
template <class From, class To, class F>
Column try_map(Cast& cast, F convert) {
  BufferRef data = allocate<To>(cast.in.length);
  const From* from = cast.in.values<From>();
  To* to = data.as_mutable<To>();
  for (int32_t i = 0; i < cast.in.length; ++i) {
    to[i] = To{};
    if (!convert(from[i], to[i])) [[unlikely]]
      cast.fail(i);
  }
  return finished(cast, std::move(data));
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

template <class To, class F>
Column from_text(Cast& cast, F parse) {
  BufferRef data = allocate<To>(cast.in.length);
  To* to = data.as_mutable<To>();
  for (int32_t i = 0; i < cast.in.length; ++i) {
    to[i] = To{};
    if (!cast.matters(i)) continue;
    const std::optional<To> value = parse(trimmed(cast.in.string(i)));
    if (value) {
      to[i] = *value;
    } else {
      cast.fail(i);
    }
  }
  return finished(cast, std::move(data));
}

std::optional<double> parse_real(std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Whole numbers in every spelling: "7", "+7", "007", "7.0", "7e0".
template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  const auto scaled = scale_number(text, 0);
  if (!scaled || !scaled->exact) return std::nullopt;
  value = static_cast<T>(scaled->value);
  return value == scaled->value ? std::optional(value) : std::nullopt;
}

std::optional<bool> parse_bool(std::string_view text) {
  std::string lower(text.substr(0, 6));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower == "true" || lower == "t" || lower == "yes" || lower == "1") return true;
  if (lower == "false" || lower == "f" || lower == "no" || lower == "0") return false;
  return std::nullopt;
}

template <class F>
Column to_bits(Cast& cast, F value_of) {
  BufferRef data = make_bitmap(cast.in.length, false);
  for (int32_t i = 0; i < cast.in.length; ++i) {
    if (!cast.matters(i)) continue;
    const std::optional<bool> value = value_of(i);
    if (!value) {
      cast.fail(i);
    } else if (*value) {
      set_bit(data.as_mutable<uint8_t>(), i);
    }
  }
  return finished(cast, std::move(data));
}

Column to_boolean(Cast& cast) {
  const Column& in = cast.in;
  switch (in.type.kind) {
    case Kind::int32:
      return to_bits(cast, [&](int32_t i) { return std::optional(in.values<int32_t>()[i] != 0); });
    case Kind::int64:
      return to_bits(cast, [&](int32_t i) { return std::optional(in.values<int64_t>()[i] != 0); });
    default:
      return to_bits(cast, [&](int32_t i) { return parse_bool(trimmed(in.string(i))); });
  }
}

template <class To>
bool integer_of_double(double v, To& to) {
  const double rounded = std::round(v);
  // Both bounds are exact doubles; the upper one is the first value that does not fit.
  if (!(rounded >= static_cast<double>(std::numeric_limits<To>::min()) &&
        rounded < -static_cast<double>(std::numeric_limits<To>::min()))) {
    return false;
  }
  to = static_cast<To>(rounded);
  return true;
}

template <class To>
bool integer_of_decimal(Int128 units, int scale, To& to) {
  const auto whole = rescale(units, scale, 0);
  if (!whole || *whole < std::numeric_limits<To>::min() || *whole > std::numeric_limits<To>::max())
    return false;
  to = static_cast<To>(*whole);
  return true;
}

template <class To>
Column bits_to_integers(const Cast& cast) {
  BufferRef data = allocate<To>(cast.in.length);
  for (int32_t i = 0; i < cast.in.length; ++i) data.as_mutable<To>()[i] = cast.in.boolean(i) ? 1 : 0;
  return finished(cast, std::move(data));
}

template <class To>
Column to_integer(Cast& cast) {
  switch (cast.in.type.kind) {
    case Kind::boolean:
      return bits_to_integers<To>(cast);
    case Kind::int32:
      return map<int32_t, To>(cast, [](int32_t v) { return static_cast<To>(v); });
    case Kind::int64:
      return try_map<int64_t, To>(cast, [](int64_t v, To& to) {
        to = static_cast<To>(v);
        return to == v;
      });
    case Kind::float64:
      return try_map<double, To>(cast, integer_of_double<To>);
    case Kind::decimal:
      return try_map<Int128, To>(
          cast, [scale = cast.in.type.scale](Int128 v, To& to) { return integer_of_decimal(v, scale, to); });
    default:
      return from_text<To>(cast, parse_whole<To>);
  }
}

Column to_double(Cast& cast) {
  switch (cast.in.type.kind) {
    case Kind::int32:
      return map<int32_t, double>(cast, [](int32_t v) { return static_cast<double>(v); });
    case Kind::int64:
      return map<int64_t, double>(cast, [](int64_t v) { return static_cast<double>(v); });
    case Kind::decimal:
      return map<Int128, double>(
          cast, [scale = cast.in.type.scale](Int128 v) { return decimal_to_double(v, scale); });
    default:
      return from_text<double>(cast, parse_real);
  }
}

Column to_decimal(Cast& cast) {
  const int precision = cast.to.precision;
  const int scale = cast.to.scale;
  const auto fit = [precision](std::optional<Int128> units, Int128& to) {
    if (!units || !fits_precision(*units, precision)) return false;
    to = *units;
    return true;
  };
  switch (cast.in.type.kind) {
    case Kind::int32:
      return try_map<int32_t, Int128>(cast,
                                      [&](int32_t v, Int128& to) { return fit(rescale(v, 0, scale), to); });
    case Kind::int64:
      return try_map<int64_t, Int128>(cast,
                                      [&](int64_t v, Int128& to) { return fit(rescale(v, 0, scale), to); });
    case Kind::decimal: {
      const int from_scale = cast.in.type.scale;
      return try_map<Int128, Int128>(
          cast, [&, from_scale](Int128 v, Int128& to) { return fit(rescale(v, from_scale, scale), to); });
    }
    case Kind::float64:
      return try_map<double, Int128>(
          cast, [&](double v, Int128& to) { return fit(decimal_from_double(v, precision, scale), to); });
    default:
      return from_text<Int128>(cast, [&](std::string_view s) { return parse_decimal(s, precision, scale); });
  }
}

Column to_timestamp(Cast& cast) {
  if (cast.in.type.kind == Kind::date) {
    return map<int32_t, int64_t>(cast, [](int32_t days) { return days * kMicrosPerDay; });
  }
  return from_text<int64_t>(cast, [](std::string_view s) { return parse_timestamp(s); });
}

Column to_date(Cast& cast) {
  if (cast.in.type.kind == Kind::timestamp) {
    return try_map<int64_t, int32_t>(cast, [](int64_t t, int32_t& to) {
      const int64_t days = floor_div(t, kMicrosPerDay);
      to = static_cast<int32_t>(days);
      return days >= kFirstDay && days <= kLastDay;
    });
  }
  return from_text<int32_t>(cast, parse_date);
}

void append_text(std::string& out, const Column& in, int32_t row) {
  switch (in.type.kind) {
    case Kind::boolean:
      out += in.boolean(row) ? "true" : "false";
      return;
    case Kind::timestamp:
      append_timestamp(out, in.values<Micros>()[row]);
      return;
    case Kind::list:
    case Kind::structure:
      JsonWriter(out).cell(in, row);
      return;
    default:
      out += value_at(in, row).to_string();
  }
}

Column to_text(Cast& cast) {
  ColumnBuilder builder(cast.to, cast.in.length);
  std::string text;
  for (int32_t i = 0; i < cast.in.length; ++i) {
    if (!cast.matters(i)) {
      builder.append_null();
      continue;
    }
    text.clear();
    append_text(text, cast.in, i);
    builder.append_string(text);
  }
  return builder.finish();
}

// Text and bytes have the same layout; bytes must be UTF-8 to become text.
Column reinterpret_views(Cast& cast) {
  if (cast.to.kind == Kind::string) {
    for (int32_t i = 0; i < cast.in.length; ++i) {
      if (cast.matters(i) && !is_valid_utf8(cast.in.string(i))) cast.fail(i);
    }
  }
  Column out = finished(cast, cast.in.data);
  out.variadic = cast.in.variadic;
  return out;
}

bool is_nested(const Type& type) {
  return type.kind == Kind::list || type.kind == Kind::structure;
}

}  // namespace

bool can_cast(const Type& from, const Type& to) {
  if (from == to || from.kind == Kind::null) return true;
  if (to.kind == Kind::null || is_nested(to)) return false;
  if (to.kind == Kind::string) return true;
  if (from.kind == Kind::string) return true;
  switch (to.kind) {
    case Kind::boolean:
      return from.is_integer();
    case Kind::int32:
    case Kind::int64:
      return from.is_numeric() || from.kind == Kind::boolean;
    case Kind::float64:
    case Kind::decimal:
      return from.is_numeric();
    case Kind::timestamp:
      return from.kind == Kind::date;
    case Kind::date:
      return from.kind == Kind::timestamp;
    default:
      return false;
  }
}

bool cast_can_fail(const Type& from, const Type& to) {
  if (from == to || from.kind == Kind::null) return false;
  if (to.kind == Kind::string) return from.kind == Kind::bytes;
  if (from.kind == Kind::boolean || from.kind == Kind::date) return false;
  switch (to.kind) {
    case Kind::boolean:
    case Kind::bytes:
      return from.kind == Kind::string && to.kind == Kind::boolean;
    case Kind::int64:
      return from.kind != Kind::int32;
    case Kind::float64:
      return from.kind == Kind::string;
    case Kind::decimal:
      if (from.kind == Kind::int32) return to.precision - to.scale < 10;
      if (from.kind == Kind::int64) return to.precision - to.scale < 19;
      return from.kind != Kind::decimal || to.scale < from.scale ||
             to.precision - to.scale < from.precision - from.scale;
    default:
      return true;
  }
}

std::optional<Type> common_type(const Type& a, const Type& b) {
  if (a == b || b.kind == Kind::null) return a;
  if (a.kind == Kind::null) return b;
  if (a.is_numeric() && b.is_numeric()) {
    if (a.kind == Kind::float64 || b.kind == Kind::float64) return Type(Kind::float64);
    if (a.is_integer() && b.is_integer()) return Type(Kind::int64);
    const auto digits = [](const Type& t) {
      return t.kind == Kind::decimal ? t.precision - t.scale : t.kind == Kind::int32 ? 10 : 19;
    };
    const auto scale = [](const Type& t) { return t.kind == Kind::decimal ? int{t.scale} : 0; };
    const int whole = std::max(digits(a), digits(b));
    const int places = std::min(std::max(scale(a), scale(b)), kMaxDecimalDigits - whole);
    return Type::decimal(whole + places, places);
  }
  const auto is_time = [](const Type& t) { return t.kind == Kind::timestamp || t.kind == Kind::date; };
  if (is_time(a) && is_time(b)) return Type(Kind::timestamp);
  return std::nullopt;
}

Column cast_column(const Column& column, const Type& to, const uint8_t* active, RowErrors* errors) {
  if (column.type == to) return column;
  if (column.type.kind == Kind::null) return null_column(to, column.length);
  RF_CHECK(can_cast(column.type, to));
  Cast cast{column, to, active, errors, {}};
  switch (to.kind) {
    case Kind::boolean:
      return to_boolean(cast);
    case Kind::int32:
      return to_integer<int32_t>(cast);
    case Kind::int64:
      return to_integer<int64_t>(cast);
    case Kind::float64:
      return to_double(cast);
    case Kind::decimal:
      return to_decimal(cast);
    case Kind::string:
    case Kind::bytes:
      return column.type.is_view() ? reinterpret_views(cast) : to_text(cast);
    case Kind::timestamp:
      return to_timestamp(cast);
    case Kind::date:
      return to_date(cast);
    case Kind::interval:
      return from_text<int64_t>(cast, parse_interval_text);
    default:
      return null_column(to, column.length);
  }
}

}  // namespace rideflow
