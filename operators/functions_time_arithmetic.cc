// timestamp - timestamp, timestamp +- interval, date +- interval (a timestamp), date +- days, interval +-
// interval, interval * and / number, interval / interval. Results outside years 0001 to 9999 fail the row.
#include <cmath>

#include "engine/civil.h"
#include "engine/time.h"
#include "operators/function_kernels.h"
#include "operators/functions_arithmetic.h"

namespace rideflow {

namespace {

std::string text_of(Kind kind, int64_t v) {
  switch (kind) {
    case Kind::timestamp:
      return format_timestamp(v);
    case Kind::date:
      return format_date(static_cast<int32_t>(v));
    case Kind::interval:
      return interval_to_iso(v);
    default:
      return std::to_string(v);
  }
}

bool in_range(Kind kind, int64_t v) {
  if (kind == Kind::timestamp) return v >= kFirstMicros && v <= kLastMicros;
  if (kind == Kind::date) return v >= kFirstDay && v <= kLastDay;
  return true;
}

// x op y for any mix of 4 and 8 byte values.
template <class A, class B, class R>
BoundFunction bind_sum(std::string_view op, Kind a, Kind b, Kind result) {
  const bool minus = op == "-";
  const std::string name(op);
  return bound_failing(name, {a, b}, result, [=](const KernelCall& call, RowErrors& errors) {
    return try_map_pairs<A, B, R>(
        call, errors, result,
        [=](A x, B y, R& out) {
          int64_t r = 0;
          const bool overflow = minus ? __builtin_sub_overflow(int64_t{x}, int64_t{y}, &r)
                                      : __builtin_add_overflow(int64_t{x}, int64_t{y}, &r);
          out = static_cast<R>(r);
          return overflow || !in_range(result, r) ? 1 : 0;
        },
        [=](A x, B y) {
          return fmt::format("{} {} {} is out of range of {}", text_of(a, x), name, text_of(b, y),
                             Type(result).to_string());
        });
  });
}

// The interval that a double of microseconds rounds to.
int round_interval(double micros, int64_t& out) {
  const bool fits = micros >= -0x1p63 && micros < 0x1p63;
  out = fits ? static_cast<int64_t>(std::round(micros)) : 0;
  return fits ? 0 : 1;
}

template <class Y>
std::string scale_failure(int64_t x, std::string_view op, Y y) {
  if (op == "/" && y == 0) return "division by zero";
  return fmt::format("{} {} {} is out of range of interval", interval_to_iso(x), op, y);
}

BoundFunction bind_scaled(std::string_view op, bool interval_first) {
  const std::string name(op);
  const bool divide = op == "/";
  const auto body = [divide](int64_t x, double y, int64_t& out) {
    out = 0;
    if (divide && y == 0) return 1;
    return round_interval(divide ? static_cast<double>(x) / y : static_cast<double>(x) * y, out);
  };
  if (interval_first) {
    return bound_failing(name, {Kind::interval, Kind::float64}, Kind::interval,
                         [=](const KernelCall& call, RowErrors& errors) {
                           return try_map_pairs<int64_t, double, int64_t>(
                               call, errors, Kind::interval, body,
                               [&](int64_t x, double y) { return scale_failure(x, name, y); });
                         });
  }
  return bound_failing(
      name, {Kind::float64, Kind::interval}, Kind::interval, [=](const KernelCall& call, RowErrors& errors) {
        return try_map_pairs<double, int64_t, int64_t>(
            call, errors, Kind::interval, [=](double y, int64_t x, int64_t& out) { return body(x, y, out); },
            [&](double y, int64_t x) { return scale_failure(x, name, y); });
      });
}

// The same by whole numbers, without a detour over doubles.
int scale_whole(int64_t x, int64_t y, bool divide, int64_t& out) {
  out = 0;
  if (!divide) return __builtin_mul_overflow(x, y, &out) ? 1 : 0;
  if (y == 0) return 1;
  const Int128 rest = Int128{x} % y;
  const Int128 size = rest < 0 ? -rest : rest;
  const Int128 by = y < 0 ? -Int128{y} : Int128{y};
  const Int128 away = size >= by - size ? ((x < 0) == (y < 0) ? 1 : -1) : 0;
  const Int128 rounded = Int128{x} / y + away;
  out = static_cast<int64_t>(rounded);
  return out == rounded ? 0 : 1;
}

BoundFunction bind_scaled_whole(std::string_view op, bool interval_first) {
  const std::string name(op);
  const bool divide = op == "/";
  const Kind first = interval_first ? Kind::interval : Kind::int64;
  const Kind second = interval_first ? Kind::int64 : Kind::interval;
  return bound_failing(name, {first, second}, Kind::interval, [=](const KernelCall& call, RowErrors& errors) {
    return try_map_pairs<int64_t, int64_t, int64_t>(
        call, errors, Kind::interval,
        [=](int64_t x, int64_t y, int64_t& out) { return scale_whole(x, y, divide, out); },
        [&](int64_t x, int64_t y) {
          return scale_failure(interval_first ? x : y, name, interval_first ? y : x);
        });
  });
}

BoundFunction bind_ratio() {
  return bound_failing("/", {Kind::interval, Kind::interval}, Kind::float64,
                       [](const KernelCall& call, RowErrors& errors) {
                         return try_map_pairs<int64_t, int64_t, double>(
                             call, errors, Kind::float64,
                             [](int64_t x, int64_t y, double& out) {
                               out = y == 0 ? 0 : static_cast<double>(x) / static_cast<double>(y);
                               return y == 0;
                             },
                             [](int64_t, int64_t) { return "division by zero"; });
                       });
}

bool is_time(Kind kind) {
  return kind == Kind::timestamp || kind == Kind::date;
}

std::optional<BoundFunction> bind_plus(Kind a, Kind b, bool a_integer, bool b_integer) {
  if (a == Kind::interval && b == Kind::interval) {
    return bind_sum<int64_t, int64_t, int64_t>("+", a, b, Kind::interval);
  }
  if (is_time(a) && b == Kind::interval) {
    return bind_sum<int64_t, int64_t, int64_t>("+", Kind::timestamp, b, Kind::timestamp);
  }
  if (a == Kind::interval && is_time(b)) {
    return bind_sum<int64_t, int64_t, int64_t>("+", a, Kind::timestamp, Kind::timestamp);
  }
  if (a == Kind::date && b_integer)
    return bind_sum<int32_t, int64_t, int32_t>("+", a, Kind::int64, Kind::date);
  if (a_integer && b == Kind::date)
    return bind_sum<int64_t, int32_t, int32_t>("+", Kind::int64, b, Kind::date);
  return std::nullopt;
}

std::optional<BoundFunction> bind_minus(Kind a, Kind b, bool b_integer) {
  if (a == Kind::interval && b == Kind::interval) {
    return bind_sum<int64_t, int64_t, int64_t>("-", a, b, Kind::interval);
  }
  if (is_time(a) && is_time(b)) {
    return bind_sum<int64_t, int64_t, int64_t>("-", Kind::timestamp, Kind::timestamp, Kind::interval);
  }
  if (is_time(a) && b == Kind::interval) {
    return bind_sum<int64_t, int64_t, int64_t>("-", Kind::timestamp, b, Kind::timestamp);
  }
  if (a == Kind::date && b_integer)
    return bind_sum<int32_t, int64_t, int32_t>("-", a, Kind::int64, Kind::date);
  return std::nullopt;
}

// NULL stands for what makes sense beside the other side: the difference to a time is a time's.
Kind beside(const ArgInfo& arg, const ArgInfo& other, std::string_view op) {
  if (arg.type.kind != Kind::null) return arg.type.kind;
  if (other.type.kind == Kind::interval) return op == "*" || op == "/" ? Kind::float64 : Kind::interval;
  return is_time(other.type.kind) ? Kind::interval : Kind::null;
}

}  // namespace

std::optional<BoundFunction> bind_time_arithmetic(std::string_view op, std::span<const ArgInfo> args) {
  const Kind a = beside(args[0], args[1], op);
  const Kind b = beside(args[1], args[0], op);
  const auto is_number = [](Kind kind) { return Type(kind).is_numeric(); };
  if (op == "+") return bind_plus(a, b, Type(a).is_integer(), Type(b).is_integer());
  if (op == "-") return bind_minus(a, b, Type(b).is_integer());
  const bool scales = op == "*" || op == "/";
  if (scales && a == Kind::interval && Type(b).is_integer()) return bind_scaled_whole(op, true);
  if (op == "*" && Type(a).is_integer() && b == Kind::interval) return bind_scaled_whole(op, false);
  if (op == "*" && a == Kind::interval && is_number(b)) return bind_scaled(op, true);
  if (op == "*" && is_number(a) && b == Kind::interval) return bind_scaled(op, false);
  if (op == "/" && a == Kind::interval && is_number(b)) return bind_scaled(op, true);
  if (op == "/" && a == Kind::interval && b == Kind::interval) return bind_ratio();
  return std::nullopt;
}

}  // namespace rideflow
