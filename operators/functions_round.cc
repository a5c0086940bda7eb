// round, floor, ceil, trunc: to whole numbers or to places, which may be negative.
//
// What is rounded is the decimal value of the number: of a double the shortest digits that read back as it
// (engine/number_text.h), so that round(0.285, 2) is 0.29 although the binary value is a little less. round
// goes half away from zero. The result is the double nearest to the rounded decimal. Decimals and integers
// stay what they are and are rounded exactly. A result that its type cannot hold fails the row.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/decimal.h"
#include "engine/number_text.h"
#include "operators/function_kernels.h"

namespace rideflow {

namespace {

enum class Rounding : uint8_t { nearest, down, up, cut };

std::string_view name_of(Rounding how) {
  constexpr std::string_view kNames[] = {"round", "floor", "ceil", "trunc"};
  return kNames[static_cast<size_t>(how)];
}

double round_whole(double x, Rounding how) {
  switch (how) {
    case Rounding::down:
      return std::floor(x) + 0.0;  // no -0
    case Rounding::up:
      return std::ceil(x) + 0.0;
    case Rounding::cut:
      return std::trunc(x) + 0.0;
    default:
      return std::round(x) + 0.0;
  }
}

// ---- Doubles to places

constexpr double kTens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                            1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// By one multiplication, where its error cannot change the answer. Powers up to 1e22 are exact doubles, so
// the way back rounds once.
bool round_quickly(double x, int64_t places, Rounding how, double& out) {
  if (places < -22 || places > 22) return false;
  const double scale = kTens[std::abs(places)];
  const double scaled = places >= 0 ? x * scale : x / scale;
  if (!(std::fabs(scaled) < 0x1p50)) return false;
  // How far it is from where the answer changes: a half, or a whole number.
  const double distance = how == Rounding::nearest ? std::fabs(std::fabs(scaled - std::trunc(scaled)) - 0.5)
                                                   : std::fabs(scaled - std::round(scaled));
  if (!(distance > std::fabs(scaled) * 0x1p-50)) return false;
  const double whole = round_whole(scaled, how);
  out = (places >= 0 ? whole / scale : whole * scale) + 0.0;
  return true;
}

// By its digits. False: the result is no double.
bool round_digits(double x, int64_t places, Rounding how, double& out) {
  out = x;
  if (!std::isfinite(x)) return true;
  const DoubleDigits d = digits_of(x);
  const int64_t kept = d.point + places;
  if (kept >= d.count) {
    out = x + 0.0;
    return true;
  }
  uint64_t units = 0;
  for (int64_t i = 0; i < kept; ++i)
    units = units * 10 + static_cast<uint64_t>(d.digits[static_cast<size_t>(i)] - '0');
  const bool half = kept >= 0 && d.digits[static_cast<size_t>(kept)] >= '5';
  const bool away = how == Rounding::nearest ? half
                    : how == Rounding::down  ? d.negative
                                             : how == Rounding::up && !d.negative;
  units += away ? 1 : 0;
  out = 0;
  if (units == 0) return true;
  const std::string text = fmt::format("{}e{}", units, -places);
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc()) return false;
  if (d.negative) out = -out;
  return true;
}

int round_double(double x, int64_t places, Rounding how, double& out) {
  if (round_quickly(x, places, how, out)) return 0;
  return round_digits(x, std::clamp<int64_t>(places, -1000, 1000), how, out) ? 0 : 1;
}

// ---- Decimals and integers

// units / 10^drop. REQUIRES: drop >= 0.
Int128 divide_by_ten(Int128 units, int64_t drop, Rounding how) {
  if (drop == 0) return units;
  const bool beyond = drop > kMaxDecimalDigits;  // all digits go, and a half is more than there is
  const Int128 one = power_of_ten(static_cast<int>(std::min<int64_t>(drop, kMaxDecimalDigits)));
  const Int128 whole = beyond ? 0 : units / one;
  const Int128 rest = beyond ? units : units % one;
  const Int128 size = rest < 0 ? -rest : rest;
  if (rest == 0 || how == Rounding::cut) return whole;
  if (how == Rounding::nearest) {
    const bool half = !beyond && size >= one - size;
    return whole + (half ? (units < 0 ? -1 : 1) : 0);
  }
  if (how == Rounding::down) return whole - (units < 0 ? 1 : 0);
  return whole + (units > 0 ? 1 : 0);
}

// Rounds units of 10^-scale to places; the result has `result_scale` and at most `precision` digits.
bool round_units(Int128 units, int scale, int64_t places, Rounding how, int result_scale, int precision,
                 Int128& out) {
  const int64_t wanted = std::clamp<int64_t>(places, -100, scale);
  const Int128 whole = divide_by_ten(units, scale - wanted, how);
  out = 0;
  if (whole == 0) return true;
  const int64_t zeros = result_scale - wanted;  // what was rounded away, where the result shows it
  return zeros <= kMaxDecimalDigits &&
         !__builtin_mul_overflow(whole, power_of_ten(static_cast<int>(zeros)), &out) &&
         fits_precision(out, precision);
}

std::string rounding_failure(Rounding how, const std::string& value, int64_t places, const Type& result) {
  return fmt::format("{}({}, {}) is out of range of {}", name_of(how), value, places, result.to_string());
}

// With places that are the same for all rows, or none (0), the result has just these; else all it can.
BoundFunction bind_round_decimal(Rounding how, const Type& type, std::optional<int64_t> places, bool given) {
  const int whole_digits = type.precision - type.scale;
  const int kept = places ? static_cast<int>(std::clamp<int64_t>(*places, 0, type.scale)) : type.scale;
  const int tens = places && *places < 0 ? static_cast<int>(std::min<int64_t>(-*places, 38)) : 0;
  const int digits = places ? std::max(whole_digits, tens) + 1 + kept : kMaxDecimalDigits;
  const Type result = Type::decimal(std::min(kMaxDecimalDigits, digits), kept);
  const int scale = type.scale;
  const auto body = [=](Int128 x, int64_t n, Int128& out) {
    return round_units(x, scale, n, how, kept, result.precision, out) ? 0 : 1;
  };
  const auto reason = [=](Int128 x, int64_t n) {
    return rounding_failure(how, format_decimal(x, scale), n, result);
  };
  if (!given) {
    return bound_failing(std::string(name_of(how)), {type}, result,
                         [=](const KernelCall& call, RowErrors& errors) {
                           return try_map_column<Int128, Int128>(
                               call, errors, result, [&](Int128 x, Int128& out) { return body(x, 0, out); },
                               [&](Int128 x) { return reason(x, 0); });
                         });
  }
  return bound_failing(std::string(name_of(how)), {type, Kind::int64}, result,
                       [=](const KernelCall& call, RowErrors& errors) {
                         return try_map_pairs<Int128, int64_t, Int128>(call, errors, result, body, reason);
                       });
}

template <class T>
BoundFunction bind_round_integer(Rounding how, const Type& type) {
  return bound_failing(
      std::string(name_of(how)), {type, Kind::int64}, type, [=](const KernelCall& call, RowErrors& errors) {
        return try_map_pairs<T, int64_t, T>(
            call, errors, type,
            [=](T x, int64_t places, T& out) {
              out = x;
              if (places >= 0) return 0;
              Int128 rounded = 0;
              const bool fits = round_units(x, 0, places, how, 0, kMaxDecimalDigits, rounded);
              out = static_cast<T>(rounded);
              return fits && out == rounded ? 0 : 1;
            },
            [=](T x, int64_t places) { return rounding_failure(how, std::to_string(x), places, type); });
      });
}

BoundFunction bind_round_double(Rounding how, bool given) {
  if (!given) {
    return bound(std::string(name_of(how)), {Kind::float64}, Kind::float64,
                 [how](const KernelCall& call, RowErrors&) {
                   return map_column<double, double>(call, Kind::float64,
                                                     [how](double x) { return round_whole(x, how); });
                 });
  }
  return bound_failing(
      std::string(name_of(how)), {Kind::float64, Kind::int64}, Kind::float64,
      [how](const KernelCall& call, RowErrors& errors) {
        return try_map_pairs<double, int64_t, double>(
            call, errors, Kind::float64,
            [how](double x, int64_t places, double& out) { return round_double(x, places, how, out); },
            [how](double x, int64_t places) {
              return rounding_failure(how, format_double(x), places, Kind::float64);
            });
      });
}

Result<BoundFunction> bind_round(const std::string& name, Rounding how, std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a number and, if wanted, a number of places";
  RF_TRY(check_count(name, args, 1, 2, kTakes));
  const bool given = args.size() == 2;
  if (!is_number_or_null(args[0]) || (given && !is_integer_or_null(args[1])))
    return wrong_arguments(name, args, kTakes);
  const Type& type = args[0].type;
  if (type.kind == Kind::decimal) {
    std::optional<int64_t> places;
    if (!given) places = 0;
    if (given && args[1].literal && !args[1].literal->is_null()) places = args[1].literal->integer;
    return bind_round_decimal(how, type, places, given);
  }
  if (!type.is_integer()) return bind_round_double(how, given);
  if (!given) {
    return bound(name, {type}, type,
                 [](const KernelCall& call, RowErrors&) { return whole_column(call, 0); });
  }
  return type.kind == Kind::int32 ? bind_round_integer<int32_t>(how, type)
                                  : bind_round_integer<int64_t>(how, type);
}

void add_rounding(Catalog& catalog, const std::string& name, Rounding how, const std::string& doc,
                  const std::string& example) {
  catalog.add(
      function_kind(name, "math", name + "(x[, places]) -> number", doc, example,
                    [name, how](std::span<const ArgInfo> args) { return bind_round(name, how, args); }));
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_round) {
  using namespace rideflow;
  add_rounding(catalog, "round", Rounding::nearest,
               "To the nearest whole number, or to this many places (-2: to hundreds); halves away from "
               "zero. Of a double its decimal value counts, the shortest digits that read back as it.",
               "round(2.345, 2) = 2.35");
  add_rounding(catalog, "floor", Rounding::down,
               "The largest whole number, or number of this many places, that is not above x.",
               "floor(-2.5) = -3");
  for (const char* name : {"ceil", "ceiling"}) {
    add_rounding(catalog, name, Rounding::up,
                 "The smallest whole number, or number of this many places, that is not below x.",
                 std::string(name) + "(2.1) = 3");
  }
  for (const char* name : {"trunc", "truncate"}) {
    add_rounding(catalog, name, Rounding::cut,
                 "x without its digits behind the point, or behind this many places.",
                 std::string(name) + "(-2.79, 1) = -2.7");
  }
}
