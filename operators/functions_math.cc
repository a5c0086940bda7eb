// Roots, powers, rounding. A result that is not a number, or infinite although the arguments are not, fails
// the row. Rounding is half away from zero.
#include <cmath>

#include "engine/decimal.h"
#include "operators/function_kernels.h"
#include "operators/functions_arithmetic.h"

namespace rideflow {

namespace {

// ---- Functions of doubles

bool has_no_value(double r, double x, double y = 0) {
  return !std::isfinite(r) && std::isfinite(x) && std::isfinite(y);
}

template <class F>
Kernel double_kernel(std::string name, F f) {
  return [name, f](const KernelCall& call, RowErrors& errors) {
    return try_map_column<double, double>(
        call, errors, Kind::float64,
        [&](double x, double& out) { return has_no_value(out = f(x), x) ? 1 : 0; },
        [&](double x) { return fmt::format("{}({}) has no value", name, x); });
  };
}

Column power_kernel(const KernelCall& call, RowErrors& errors) {
  return try_map_pairs<double, double, double>(
      call, errors, Kind::float64,
      [](double x, double y, double& out) { return has_no_value(out = std::pow(x, y), x, y) ? 1 : 0; },
      [](double x, double y) { return fmt::format("power({}, {}) has no value", x, y); });
}

template <class F>
void add_double(Catalog& catalog, const std::string& name, const std::string& doc, const std::string& example,
                F f) {
  add_function(catalog, "math",
               {name,
                name + "(x) -> double",
                doc,
                example,
                "a number",
                {Kind::float64},
                1,
                Kind::float64,
                {.can_fail = true},
                double_kernel(name, f)});
}

// ---- abs, sign: in the type of the argument

template <class T>
Kernel abs_integers(Type type) {
  return [type](const KernelCall& call, RowErrors& errors) {
    return try_map_column<T, T>(
        call, errors, type,
        [](T x, T& out) {
          const bool bad = x == std::numeric_limits<T>::min();
          out = bad ? T{0} : static_cast<T>(x < 0 ? -x : x);
          return bad ? 1 : 0;
        },
        [&](T x) { return fmt::format("abs({}) is out of range of {}", x, type.to_string()); });
  };
}

Result<BoundFunction> bind_abs(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a number or an interval";
  RF_TRY(check_count("abs", args, 1, 1, kTakes));
  const Type type = args[0].type.kind == Kind::null ? Type(Kind::int64) : args[0].type;
  switch (type.kind) {
    case Kind::int32:
      return bound_failing("abs", {type}, type, abs_integers<int32_t>(type));
    case Kind::int64:
    case Kind::interval:
      return bound_failing("abs", {type}, type, abs_integers<int64_t>(type));
    case Kind::float64:
      return bound("abs", {type}, type, [](const KernelCall& call, RowErrors&) {
        return map_column<double, double>(call, Kind::float64, [](double x) { return std::fabs(x); });
      });
    case Kind::decimal:
      return bound("abs", {type}, type, [type](const KernelCall& call, RowErrors&) {
        return map_column<Int128, Int128>(call, type, [](Int128 x) { return x < 0 ? -x : x; });
      });
    default:
      return wrong_arguments("abs", args, kTakes);
  }
}

Result<BoundFunction> bind_sign(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a number or an interval";
  RF_TRY(check_count("sign", args, 1, 1, kTakes));
  const Type& given = args[0].type;
  const auto of = [](auto x) { return static_cast<int32_t>((x > 0) - (x < 0)); };
  if (given.kind == Kind::decimal) {
    return bound("sign", {given}, Kind::int32, [of](const KernelCall& call, RowErrors&) {
      return map_column<Int128, int32_t>(call, Kind::int32, of);
    });
  }
  if (given.kind == Kind::interval) {
    return bound("sign", {given}, Kind::int32, [of](const KernelCall& call, RowErrors&) {
      return map_column<int64_t, int32_t>(call, Kind::int32, of);
    });
  }
  if (!is_number_or_null(args[0])) return wrong_arguments("sign", args, kTakes);
  return bound("sign", {Kind::float64}, Kind::int32, [of](const KernelCall& call, RowErrors&) {
    return map_column<double, int32_t>(call, Kind::int32, of);
  });
}

// ---- round, floor, ceil

enum class Rounding : uint8_t { nearest, down, up };

std::string_view name_of(Rounding how) {
  return how == Rounding::nearest ? "round" : how == Rounding::down ? "floor" : "ceil";
}

// To n places through the decimal text of the number, so that round(0.285, 2) is 0.29.
double round_places(double x, int64_t places) {
  if (!std::isfinite(x) || places >= 17 || places < -308) return places < -308 && std::isfinite(x) ? 0 : x;
  const double scale = std::pow(10.0, static_cast<double>(std::abs(places)));
  const double scaled = places >= 0 ? x * scale : x / scale;
  if (!std::isfinite(scaled) || std::fabs(scaled) >= 0x1p52) return x;
  double whole = std::round(scaled);
  // x is the double nearest to a tie when the text of x is one: then scaled misses the half by an ulp or two.
  const double below = std::trunc(scaled) + std::copysign(0.5, scaled);
  if (std::fabs(scaled - below) <= std::fabs(scaled) * 4e-16)
    whole = std::trunc(scaled) + std::copysign(1.0, scaled);
  return places >= 0 ? whole / scale : whole * scale;
}

Int128 round_units(Int128 units, int drop, Rounding how) {
  if (drop <= 0) return units;
  if (how == Rounding::nearest) return rescale(units, drop, 0).value_or(0);
  const Int128 one = power_of_ten(drop);
  const Int128 cut = units / one;
  if (units % one == 0) return cut;
  if (how == Rounding::down) return units < 0 ? cut - 1 : cut;
  return units > 0 ? cut + 1 : cut;
}

BoundFunction bind_round_decimal(Rounding how, const Type& type, int64_t places) {
  const auto kept = static_cast<int>(std::clamp<int64_t>(places, 0, type.scale));
  const int drop = type.scale - kept;
  const Type result = Type::decimal(std::min(kMaxDecimalDigits, type.precision - drop + 1), kept);
  return bound(std::string(name_of(how)), {type}, result, [=](const KernelCall& call, RowErrors&) {
    return map_column<Int128, Int128>(call, result, [=](Int128 x) { return round_units(x, drop, how); });
  });
}

BoundFunction bind_round_double(Rounding how) {
  return bound(
      std::string(name_of(how)), {Kind::float64}, Kind::float64, [how](const KernelCall& call, RowErrors&) {
        switch (how) {
          case Rounding::down:
            return map_column<double, double>(call, Kind::float64, [](double x) { return std::floor(x); });
          case Rounding::up:
            return map_column<double, double>(call, Kind::float64, [](double x) { return std::ceil(x); });
          default:
            return map_column<double, double>(call, Kind::float64, [](double x) { return std::round(x); });
        }
      });
}

Result<BoundFunction> bind_round(Rounding how, std::span<const ArgInfo> args) {
  const bool takes_places = how == Rounding::nearest;
  const std::string_view takes = takes_places ? "a number and, if wanted, a number of places" : "a number";
  const std::string name(name_of(how));
  RF_TRY(check_count(name, args, 1, takes_places ? 2 : 1, takes));
  if (!is_number_or_null(args[0]) || (args.size() == 2 && !is_integer_or_null(args[1]))) {
    return wrong_arguments(name, args, takes);
  }
  const Type& type = args[0].type;
  if (args.size() == 1) {
    if (type.kind == Kind::decimal) return bind_round_decimal(how, type, 0);
    if (!type.is_integer()) return bind_round_double(how);
    return bound(name, {type}, type,
                 [](const KernelCall& call, RowErrors&) { return whole_column(call, 0); });
  }
  if (type.kind == Kind::decimal && args[1].literal && !args[1].literal->is_null()) {
    BoundFunction f = bind_round_decimal(how, type, args[1].literal->integer);
    f.arg_types.push_back(args[1].type);
    return f;
  }
  return bound(name, {Kind::float64, Kind::int64}, Kind::float64, [](const KernelCall& call, RowErrors&) {
    return map_pairs<double, int64_t, double>(call, Kind::float64, round_places);
  });
}

// ---- try_divide

Result<BoundFunction> bind_try_divide(std::span<const ArgInfo> args) {
  RF_ASSIGN(BoundFunction f, bind_divide(args));
  f.name = "try_divide";
  f.can_fail = false;
  f.costly = true;  // so that null rows make no reasons
  f.nullable = true;
  f.kernel = [divide = std::move(f.kernel)](const KernelCall& call, RowErrors&) {
    RowErrors failed;
    Column out = divide(call, failed);
    std::vector<bool> is_null(static_cast<size_t>(call.rows), false);
    for (const RowErrors::Error& error : failed.all()) is_null[static_cast<size_t>(error.row)] = true;
    if (!failed.empty()) set_nulls(out, [&](int32_t i) { return is_null[static_cast<size_t>(i)]; });
    return out;
  };
  return f;
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_math) {
  using namespace rideflow;
  catalog.add(function_kind("abs", "math", "abs(x) -> type of x", "The distance from zero.",
                            "abs(-2.5) = 2.5", bind_abs));
  catalog.add(function_kind("sign", "math", "sign(x) -> int32", "-1, 0 or 1.", "sign(-7) = -1", bind_sign));
  catalog.add(function_kind(
      "round", "math", "round(x[, places]) -> number",
      "To the nearest whole number, or to this many places; halves away from zero.", "round(2.345, 2) = 2.35",
      [](std::span<const ArgInfo> args) { return bind_round(Rounding::nearest, args); }));
  catalog.add(function_kind("floor", "math", "floor(x) -> number",
                            "The largest whole number that is not above x.", "floor(-2.5) = -3",
                            [](std::span<const ArgInfo> args) { return bind_round(Rounding::down, args); }));
  for (const char* name : {"ceil", "ceiling"}) {
    catalog.add(function_kind(name, "math", std::string(name) + "(x) -> number",
                              "The smallest whole number that is not below x.",
                              std::string(name) + "(2.1) = 3",
                              [](std::span<const ArgInfo> args) { return bind_round(Rounding::up, args); }));
  }
  add_double(catalog, "sqrt", "The square root; of a negative number it rejects the row.", "sqrt(9) = 3",
             [](double x) { return std::sqrt(x); });
  add_double(catalog, "ln", "The natural logarithm; of 0 or less it rejects the row.", "ln(1) = 0",
             [](double x) { return std::log(x); });
  add_double(catalog, "log10", "The logarithm to base 10; of 0 or less it rejects the row.",
             "log10(1000) = 3", [](double x) { return std::log10(x); });
  add_double(catalog, "exp", "e to the power of x.", "exp(0) = 1", [](double x) { return std::exp(x); });
  for (const char* name : {"power", "pow"}) {
    add_function(catalog, "math",
                 {name,
                  std::string(name) + "(x, y) -> double",
                  "x to the power of y.",
                  std::string(name) + "(2, 10) = 1024",
                  "two numbers",
                  {Kind::float64, Kind::float64},
                  2,
                  Kind::float64,
                  {.can_fail = true},
                  power_kernel});
  }
  catalog.add(function_kind("try_divide", "math", "try_divide(a, b) -> type of a / b",
                            "a / b, or null where that would reject the row.", "try_divide(1, 0) is null",
                            bind_try_divide));
}
