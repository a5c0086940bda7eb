// + - * / % and the minus sign, over numbers. Times and intervals stand in functions_time_arithmetic.cc.
//
// Types meet as int32 < int64 < decimal < double. Integers and decimals that leave their range, doubles that
// become infinite, and division by zero of any type fail the row. `/` of integers truncates toward zero, as
// in PostgreSQL; `%` takes the sign of its left side. Decimals follow the SQL standard's scale rules: a sum
// has the larger scale, a product the sum of both, a quotient at least 6 places; beyond 38 digits places are
// given up, but not below 6.
#include "operators/functions_arithmetic.h"

#include <cmath>
#include <limits>

#include "engine/cast.h"
#include "engine/decimal.h"
#include "operators/function_kernels.h"

namespace rideflow {

namespace {

enum class Op : uint8_t { add, subtract, multiply, divide, modulo };

std::string_view symbol(Op op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "%"};
  return kSymbols[static_cast<size_t>(op)];
}

bool is_division(Op op) {
  return op == Op::divide || op == Op::modulo;
}

template <class T>
std::string failure(Op op, T x, T y, const Type& type) {
  if (is_division(op) && y == T{0}) return "division by zero";
  return fmt::format("{} {} {} is out of range of {}", x, symbol(op), y, type.to_string());
}

// ---- Integers. Unsigned arithmetic wraps without being undefined; the sign bit of the result tells.

template <class T>
struct Integers {
  using U = std::make_unsigned_t<T>;
  static U add(T x, T y, T& out) {
    const U r = static_cast<U>(static_cast<U>(x) + static_cast<U>(y));
    out = static_cast<T>(r);
    return ((static_cast<U>(x) ^ r) & (static_cast<U>(y) ^ r)) >> (sizeof(T) * 8 - 1);
  }
  static U subtract(T x, T y, T& out) {
    const U r = static_cast<U>(static_cast<U>(x) - static_cast<U>(y));
    out = static_cast<T>(r);
    return ((static_cast<U>(x) ^ static_cast<U>(y)) & (static_cast<U>(x) ^ r)) >> (sizeof(T) * 8 - 1);
  }
  static U multiply(T x, T y, T& out) { return __builtin_mul_overflow(x, y, &out) ? 1 : 0; }
  static U divide(T x, T y, T& out) {
    const bool bad = y == 0 || (y == -1 && x == std::numeric_limits<T>::min());
    out = static_cast<T>(x / (bad ? T{1} : y));
    return bad ? 1 : 0;
  }
  static U modulo(T x, T y, T& out) {
    out = y == 0 || y == -1 ? T{0} : static_cast<T>(x % y);
    return y == 0 ? 1 : 0;
  }
};

// ---- Doubles. NaN and infinities that come in pass; those that are made here fail.

bool is_new_infinity(double r, double x, double y) {
  return std::isinf(r) && !std::isinf(x) && !std::isinf(y);
}
struct Doubles {
  static int add(double x, double y, double& out) { return is_new_infinity(out = x + y, x, y); }
  static int subtract(double x, double y, double& out) { return is_new_infinity(out = x - y, x, y); }
  static int multiply(double x, double y, double& out) { return is_new_infinity(out = x * y, x, y); }
  static int divide(double x, double y, double& out) {
    out = y == 0 ? 0 : x / y;
    return y == 0 || is_new_infinity(out, x, y);
  }
  static int modulo(double x, double y, double& out) {
    out = y == 0 ? 0 : std::fmod(x, y);
    return y == 0;
  }
};

template <class T, class Ops>
Kernel kernel_of(Op op, Type type) {
  const auto make = [&](auto body) -> Kernel {
    return [op, type, body](const KernelCall& call, RowErrors& errors) {
      return try_map_pairs<T, T, T>(call, errors, type, body,
                                    [&](T x, T y) { return failure(op, x, y, type); });
    };
  };
  switch (op) {
    case Op::add:
      return make([](T x, T y, T& out) { return Ops::add(x, y, out); });
    case Op::subtract:
      return make([](T x, T y, T& out) { return Ops::subtract(x, y, out); });
    case Op::multiply:
      return make([](T x, T y, T& out) { return Ops::multiply(x, y, out); });
    case Op::divide:
      return make([](T x, T y, T& out) { return Ops::divide(x, y, out); });
    case Op::modulo:
      return make([](T x, T y, T& out) { return Ops::modulo(x, y, out); });
  }
  return {};
}

// ---- Decimals

Type as_decimal(const Type& type) {
  if (type.kind == Kind::decimal) return type;
  return Type::decimal(type.kind == Kind::int32 ? 10 : 19, 0);
}

// Gives up places beyond 38 digits, but not below 6.
Type limited(int precision, int scale) {
  if (precision > kMaxDecimalDigits) {
    const int least = std::min(scale, 6);
    scale = std::max(least, scale - (precision - kMaxDecimalDigits));
    precision = kMaxDecimalDigits;
  }
  return Type::decimal(precision, scale);
}

Type decimal_result(Op op, const Type& a, const Type& b) {
  const int p1 = a.precision, s1 = a.scale, p2 = b.precision, s2 = b.scale;
  const int scale = std::max(s1, s2);
  switch (op) {
    case Op::add:
    case Op::subtract:
      return limited(std::max(p1 - s1, p2 - s2) + scale + 1, scale);
    case Op::multiply:
      return limited(p1 + p2, s1 + s2);
    case Op::divide: {
      const int places = std::max(6, s1 + p2 + 1);
      return limited(p1 - s1 + s2 + places, places);
    }
    case Op::modulo:
      return limited(std::min(p1 - s1, p2 - s2) + scale, scale);
  }
  return a;
}

bool decimal_value(Op op, Int128 x, int s1, Int128 y, int s2, const Type& type, Int128& out) {
  out = 0;
  if (is_division(op) && y == 0) return false;
  std::optional<Int128> r;
  if (op == Op::multiply) {
    r = multiply_decimals(x, y, s1 + s2 - type.scale);
  } else if (op == Op::divide) {
    const int shift = type.scale + s2 - s1;
    r = shift >= 0 ? divide_decimals(x, shift, y) : rescale(x / y, s1 - s2, type.scale);
  } else {
    // At the larger scale, then to the result's.
    const int scale = std::max(s1, s2);
    const auto a = rescale(x, s1, scale);
    const auto b = rescale(y, s2, scale);
    if (!a || !b) return false;
    const Int128 exact = op == Op::add ? *a + *b : op == Op::subtract ? *a - *b : *a % *b;
    r = rescale(exact, scale, type.scale);
  }
  if (!r || !fits_precision(*r, type.precision)) return false;
  out = *r;
  return true;
}

BoundFunction bind_decimals(Op op, const Type& a, const Type& b) {
  const Type type = decimal_result(op, a, b);
  const int s1 = a.scale, s2 = b.scale;
  Kernel kernel = [op, s1, s2, type](const KernelCall& call, RowErrors& errors) {
    return try_map_pairs<Int128, Int128, Int128>(
        call, errors, type,
        [&](Int128 x, Int128 y, Int128& out) { return decimal_value(op, x, s1, y, s2, type, out) ? 0 : 1; },
        [&](Int128 x, Int128 y) -> std::string {
          if (is_division(op) && y == 0) return "division by zero";
          return fmt::format("{} {} {} is out of range of {}", format_decimal(x, s1), symbol(op),
                             format_decimal(y, s2), type.to_string());
        });
  };
  return bound_failing(std::string(symbol(op)), {a, b}, type, std::move(kernel));
}

Result<BoundFunction> bind_numbers(Op op, std::span<const ArgInfo> args) {
  if (!is_number_or_null(args[0]) || !is_number_or_null(args[1])) {
    return wrong_arguments(symbol(op), args, "two numbers, or a time and an interval");
  }
  Type type = *common_type(args[0].type, args[1].type);
  if (type.kind == Kind::null) type = Kind::int64;
  const auto bind = [&](Kernel kernel) {
    return bound_failing(std::string(symbol(op)), {type, type}, type, std::move(kernel));
  };
  switch (type.kind) {
    case Kind::int32:
      return bind(kernel_of<int32_t, Integers<int32_t>>(op, type));
    case Kind::int64:
      return bind(kernel_of<int64_t, Integers<int64_t>>(op, type));
    case Kind::float64:
      return bind(kernel_of<double, Doubles>(op, type));
    default: {
      const Type& a = args[0].type.kind == Kind::null ? type : args[0].type;
      const Type& b = args[1].type.kind == Kind::null ? type : args[1].type;
      return bind_decimals(op, as_decimal(a), as_decimal(b));
    }
  }
}

Result<BoundFunction> bind_operator(Op op, std::span<const ArgInfo> args) {
  RF_TRY(check_count(symbol(op), args, 2, 2, "two arguments"));
  if (auto times = bind_time_arithmetic(symbol(op), args)) return *std::move(times);
  return bind_numbers(op, args);
}

template <class T>
Kernel negate_integers(Type type) {
  return [type](const KernelCall& call, RowErrors& errors) {
    return try_map_column<T, T>(
        call, errors, type, [](T x, T& out) { return Integers<T>::subtract(T{0}, x, out); },
        [&](T x) { return fmt::format("-({}) is out of range of {}", x, type.to_string()); });
  };
}

Result<BoundFunction> bind_negate(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a number or an interval";
  RF_TRY(check_count("neg", args, 1, 1, kTakes));
  const Type type = args[0].type.kind == Kind::null ? Type(Kind::int64) : args[0].type;
  switch (type.kind) {
    case Kind::int32:
      return bound_failing("neg", {type}, type, negate_integers<int32_t>(type));
    case Kind::int64:
    case Kind::interval:
      return bound_failing("neg", {type}, type, negate_integers<int64_t>(type));
    case Kind::float64:
      return bound("neg", {type}, type, [type](const KernelCall& call, RowErrors&) {
        return map_column<double, double>(call, type, [](double x) { return -x; });
      });
    case Kind::decimal:
      return bound("neg", {type}, type, [type](const KernelCall& call, RowErrors&) {
        return map_column<Int128, Int128>(call, type, [](Int128 x) { return -x; });
      });
    default:
      return wrong_arguments("neg", args, kTakes);
  }
}

FunctionKind operator_kind(Op op, std::string signature, std::string doc, std::string example) {
  return function_kind(std::string(symbol(op)), "math", std::move(signature), std::move(doc),
                       std::move(example),
                       [op](std::span<const ArgInfo> args) { return bind_operator(op, args); });
}

}  // namespace

Result<BoundFunction> bind_divide(std::span<const ArgInfo> args) {
  return bind_operator(Op::divide, args);
}

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_arithmetic) {
  using namespace rideflow;
  catalog.add(operator_kind(Op::add, "a + b -> number, timestamp, date or interval",
                            "Sum of numbers or intervals; a time plus an interval; a date plus days.",
                            "1 + 2.5 = 3.5"));
  catalog.add(operator_kind(Op::subtract, "a - b -> number, timestamp, date or interval",
                            "Difference; of two times an interval.", "7 - 10 = -3"));
  catalog.add(operator_kind(Op::multiply, "a * b -> number or interval",
                            "Product of numbers, or of an interval and a number.", "6 * 7 = 42"));
  catalog.add(
      operator_kind(Op::divide, "a / b -> number or interval",
                    "Quotient. Of two integers it truncates toward zero: 7 / 2 is 3; write 7 / 2.0 for "
                    "3.5. An interval by a number, or by an interval (a double). Division by zero "
                    "rejects the row; try_divide gives null.",
                    "7 / 2 = 3"));
  catalog.add(operator_kind(Op::modulo, "a % b -> number",
                            "Remainder of the division, with the sign of a. By zero it rejects the row.",
                            "-7 % 3 = -1"));
  catalog.add(function_kind("neg", "math", "-a -> number or interval", "The same with the other sign.",
                            "-(3 - 5) = 2", bind_negate));
  catalog.add(function_kind("mod", "math", "mod(a, b) -> number", "Remainder of a divided by b, as a % b.",
                            "mod(7, 3) = 1",
                            [](std::span<const ArgInfo> args) { return bind_operator(Op::modulo, args); }));
}
