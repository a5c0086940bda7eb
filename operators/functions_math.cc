// Roots, powers, signs. A result that is not a number, or infinite although the arguments are not, fails the
// row. Rounding stands in functions_round.cc.
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
