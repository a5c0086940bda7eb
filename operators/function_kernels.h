// What the scalar functions of the catalog share: loops over the arguments of a kernel, writers of result
// columns, and the checks of a binder.
//
// The loops hand plain values to an inlined body, with one loop for each mix of columns and constants, so
// that bodies without branches become vector code. Bodies must be total: they also see the (defined but
// meaningless) values of null and inactive rows.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <utility>

#include "engine/builder.h"
#include "engine/catalog.h"

namespace rideflow {

// ---- Loops

template <class A, class F>
void for_each(const KernelCall& call, F body) {
  const A* a = call.args[0].column->values<A>();
  if (call.args[0].constant) {
    const A x = a[0];
    for (int32_t i = 0; i < call.rows; ++i) body(i, x);
  } else {
    for (int32_t i = 0; i < call.rows; ++i) body(i, a[i]);
  }
}

template <class A, class B, class F>
void for_each_pair(const KernelCall& call, F body) {
  const A* a = call.args[0].column->values<A>();
  const B* b = call.args[1].column->values<B>();
  const int32_t n = call.rows;
  if (call.args[0].constant && call.args[1].constant) {
    const A x = a[0];
    const B y = b[0];
    for (int32_t i = 0; i < n; ++i) body(i, x, y);
  } else if (call.args[0].constant) {
    const A x = a[0];
    for (int32_t i = 0; i < n; ++i) body(i, x, b[i]);
  } else if (call.args[1].constant) {
    const B y = b[0];
    for (int32_t i = 0; i < n; ++i) body(i, a[i], y);
  } else {
    for (int32_t i = 0; i < n; ++i) body(i, a[i], b[i]);
  }
}

// ---- Result columns

// A column without nulls; `data` holds `rows` values of the type's width, or their bits.
inline Column column_from(Type type, int32_t rows, BufferRef data) {
  Column out;
  out.type = std::move(type);
  out.length = rows;
  out.data = std::move(data);
  return out;
}

// body(x) -> R
template <class A, class R, class F>
Column map_column(const KernelCall& call, Type result, F body) {
  BufferRef data = BufferRef::allocate(static_cast<size_t>(call.rows) * sizeof(R));
  R* out = data.as_mutable<R>();
  for_each<A>(call, [&](int32_t i, A x) { out[i] = body(x); });
  return column_from(std::move(result), call.rows, std::move(data));
}

// body(x, y) -> R
template <class A, class B, class R, class F>
Column map_pairs(const KernelCall& call, Type result, F body) {
  BufferRef data = BufferRef::allocate(static_cast<size_t>(call.rows) * sizeof(R));
  R* out = data.as_mutable<R>();
  for_each_pair<A, B>(call, [&](int32_t i, A x, B y) { out[i] = body(x, y); });
  return column_from(std::move(result), call.rows, std::move(data));
}

// body(x, R& out) -> bad, an integer that is not 0 when the row fails (and `out` still gets some value). The
// reason is asked for only when a row that matters failed: reason(x).
template <class A, class R, class F, class G>
Column try_map_column(const KernelCall& call, RowErrors& errors, Type result, F body, G reason) {
  BufferRef data = BufferRef::allocate(static_cast<size_t>(call.rows) * sizeof(R));
  R* out = data.as_mutable<R>();
  uint64_t any = 0;
  for_each<A>(call, [&](int32_t i, A x) { any |= static_cast<uint64_t>(body(x, out[i])); });
  if (any != 0) [[unlikely]] {
    for_each<A>(call, [&](int32_t i, A x) {
      R again{};
      if (call.is_active(i) && body(x, again) != 0) errors.fail(i, reason(x));
    });
  }
  return column_from(std::move(result), call.rows, std::move(data));
}

template <class A, class B, class R, class F, class G>
Column try_map_pairs(const KernelCall& call, RowErrors& errors, Type result, F body, G reason) {
  BufferRef data = BufferRef::allocate(static_cast<size_t>(call.rows) * sizeof(R));
  R* out = data.as_mutable<R>();
  uint64_t any = 0;
  for_each_pair<A, B>(call, [&](int32_t i, A x, B y) { any |= static_cast<uint64_t>(body(x, y, out[i])); });
  if (any != 0) [[unlikely]] {
    for_each_pair<A, B>(call, [&](int32_t i, A x, B y) {
      R again{};
      if (call.is_active(i) && body(x, y, again) != 0) errors.fail(i, reason(x, y));
    });
  }
  return column_from(std::move(result), call.rows, std::move(data));
}

// Eight bytes of 0 or 1 as eight bits.
inline uint8_t pack_byte(const uint8_t* flags) {
  uint64_t word;
  std::memcpy(&word, flags, 8);
  return static_cast<uint8_t>((word * 0x0102040810204080ULL) >> 56);
}

// A boolean column of is_true(i). The flags are made 64 at a time as bytes, which compilers vectorise.
template <class F>
Column bool_column(int32_t rows, F is_true) {
  BufferRef data = BufferRef::allocate(bitmap_bytes(rows));
  auto* out = data.as_mutable<uint8_t>();
  for (int32_t begin = 0; begin < rows; begin += 64) {
    alignas(64) uint8_t flags[64];
    const int32_t n = rows - begin < 64 ? rows - begin : 64;
    if (n < 64) std::memset(flags, 0, sizeof(flags));
    for (int32_t i = 0; i < n; ++i) flags[i] = static_cast<uint8_t>(is_true(begin + i));
    for (int32_t b = 0; b < 8; ++b) out[begin / 8 + b] = pack_byte(flags + b * 8);
  }
  return column_from(Kind::boolean, rows, std::move(data));
}

// is_true(x, y) of two fixed-width arguments.
template <class A, class F>
Column compare_pairs(const KernelCall& call, F is_true) {
  const A* a = call.args[0].column->values<A>();
  const A* b = call.args[1].column->values<A>();
  if (call.args[0].constant) {
    const A x = a[0];
    if (call.args[1].constant) return bool_column(call.rows, [=](int32_t) { return is_true(x, b[0]); });
    return bool_column(call.rows, [=](int32_t i) { return is_true(x, b[i]); });
  }
  if (call.args[1].constant) {
    const A y = b[0];
    return bool_column(call.rows, [=](int32_t i) { return is_true(a[i], y); });
  }
  return bool_column(call.rows, [=](int32_t i) { return is_true(a[i], b[i]); });
}

// The text of argument `arg` in row i. Null rows hold the empty text.
inline std::string_view text_at(const KernelCall& call, size_t arg, int32_t row) {
  return call.args[arg].column->string(call.args[arg].at(row));
}
template <class T>
T value_of(const KernelCall& call, size_t arg, int32_t row) {
  return call.args[arg].column->values<T>()[call.args[arg].at(row)];
}
// Whether any argument is null in this row.
inline bool any_null(const KernelCall& call, int32_t row) {
  for (const KernelArg& arg : call.args) {
    if (arg.column->is_null(arg.at(row))) return true;
  }
  return false;
}

// Results of texts: body(i, out) writes row i's text into the (empty) out. Rows that are null or do not
// matter are skipped and get the empty text.
template <class F>
Column text_column(const KernelCall& call, F body, Type type = Kind::string) {
  ColumnBuilder builder(std::move(type), call.rows);
  std::string out;
  for (int32_t i = 0; i < call.rows; ++i) {
    out.clear();
    if (call.is_active(i) && !any_null(call, i)) body(i, out);
    builder.append_string(out);
  }
  return builder.finish();
}

// Parts of argument 0's texts, without copying a byte: body(i, text) -> a piece of text. The result's long
// texts point into the argument's buffers.
template <class F>
Column text_parts(const KernelCall& call, F body) {
  const Column& from = *call.args[0].column;
  Column out = column_from(Kind::string, call.rows,
                           BufferRef::allocate(static_cast<size_t>(call.rows) * sizeof(StringView)));
  out.variadic = from.variadic;
  auto* to = out.data.as_mutable<StringView>();
  const auto* views = from.values<StringView>();
  for (int32_t i = 0; i < call.rows; ++i) {
    const int64_t row = call.args[0].at(i);
    const std::string_view whole = from.string(row);
    const std::string_view part = body(i, whole);
    if (part.size() <= static_cast<size_t>(StringView::kInline)) {
      to[i] = StringView::make_inline(part);
    } else {
      const auto skipped = static_cast<int32_t>(part.data() - whole.data());
      to[i] = StringView::make_ref(part, views[row].ref.buffer, views[row].ref.offset + skipped);
    }
  }
  return out;
}

// Results longer than this fail their row, so that no row can fill the memory.
inline constexpr size_t kMaxTextBytes = size_t{1} << 20;
inline std::string too_long(std::string_view function) {
  return fmt::format("{}: the result is longer than {} bytes", function, kMaxTextBytes);
}

// Clears the validity of rows where is_null(i).
template <class F>
void set_nulls(Column& column, F is_null) {
  BufferRef validity;
  int32_t nulls = 0;
  for (int32_t i = 0; i < column.length; ++i) {
    if (!is_null(i)) continue;
    if (!validity) {
      validity = column.has_nulls() ? BufferRef::copy_of(column.validity.view())
                                    : BufferRef::allocate(bitmap_bytes(column.length));
      if (!column.has_nulls()) std::memset(validity.mutable_data(), 0xff, validity.size());
    }
    nulls += get_bit(validity.as<uint8_t>(), i) ? 1 : 0;
    clear_bit(validity.as_mutable<uint8_t>(), i);
  }
  if (!validity) return;
  column.validity = std::move(validity);
  column.null_count += nulls;
}

// The column of an argument with one row per row of the call.
inline Column whole_column(const KernelCall& call, size_t arg) {
  const Column& column = *call.args[arg].column;
  if (!call.args[arg].constant) return column;
  const BufferRef zeros = BufferRef::allocate_zeroed(static_cast<size_t>(call.rows) * sizeof(int32_t));
  return take(column, zeros.as<int32_t>(), call.rows);
}

// ---- Binding

inline Status wrong_arguments(std::string_view function, std::span<const ArgInfo> args,
                              std::string_view takes) {
  constexpr size_t kMostShown = 12;
  std::string got;
  for (size_t i = 0; i < args.size() && i < kMostShown; ++i)
    got += (got.empty() ? "" : ", ") + args[i].type.to_string();
  if (args.size() > kMostShown) got += fmt::format(" and {} more", args.size() - kMostShown);
  return Status::user(Code::invalid_argument, fmt::format("{} takes {}, not ({})", function, takes, got));
}

// Checks the number of arguments; `takes` as in wrong_arguments.
inline Status check_count(std::string_view function, std::span<const ArgInfo> args, size_t least, size_t most,
                          std::string_view takes) {
  constexpr size_t kFew = 8;  // a function of more takes as many as one likes, up to a limit
  if (args.size() > most && most > kFew) {
    return Status::user(
        Code::invalid_argument,
        fmt::format("{} takes at most {} arguments, here are {}: put calls inside of one another", function,
                    most, args.size()));
  }
  return args.size() >= least && args.size() <= most ? Status() : wrong_arguments(function, args, takes);
}

inline bool is_text_or_null(const ArgInfo& arg) {
  return arg.type.kind == Kind::string || arg.type.kind == Kind::null;
}
inline bool is_number_or_null(const ArgInfo& arg) {
  return arg.type.is_numeric() || arg.type.kind == Kind::null;
}
inline bool is_integer_or_null(const ArgInfo& arg) {
  return arg.type.is_integer() || arg.type.kind == Kind::null;
}
inline bool is_time_or_null(const ArgInfo& arg) {
  return arg.type.kind == Kind::timestamp || arg.type.kind == Kind::date || arg.type.kind == Kind::null;
}

inline BoundFunction bound(std::string name, std::vector<Type> arg_types, Type result, Kernel kernel) {
  BoundFunction f;
  f.name = std::move(name);
  f.arg_types = std::move(arg_types);
  f.result = std::move(result);
  f.kernel = std::move(kernel);
  return f;
}
inline BoundFunction bound_failing(std::string name, std::vector<Type> arg_types, Type result,
                                   Kernel kernel) {
  BoundFunction f = bound(std::move(name), std::move(arg_types), std::move(result), std::move(kernel));
  f.can_fail = true;
  return f;
}

// How a function behaves, beyond being strict and total.
struct Behaviour {
  bool can_fail = false;
  bool costly = false;
  bool nullable = false;
  bool strict = true;
};
inline BoundFunction with(BoundFunction f, Behaviour b) {
  f.can_fail = b.can_fail;
  f.costly = b.costly;
  f.nullable = b.nullable;
  f.strict = b.strict;
  return f;
}

// Whether a value of `from` may stand for one of `to` without being asked: NULL, the same type, a smaller
// number, a date for a timestamp.
inline bool converts_silently(const Type& from, const Type& to) {
  if (from.kind == Kind::null || from == to) return true;
  if (to.kind == Kind::float64) return from.is_numeric();
  if (to.kind == Kind::int64) return from.kind == Kind::int32;
  return to.kind == Kind::timestamp && from.kind == Kind::date;
}

// A binder for one fixed list of parameters, of which the last may be left out.
inline std::function<Result<BoundFunction>(std::span<const ArgInfo>)> fixed(
    std::string name, std::string takes, std::vector<Type> types, size_t required, Type result,
    Behaviour behaviour, Kernel kernel) {
  return [=](std::span<const ArgInfo> args) -> Result<BoundFunction> {
    RF_TRY(check_count(name, args, required, types.size(), takes));
    for (size_t i = 0; i < args.size(); ++i) {
      if (!converts_silently(args[i].type, types[i])) return wrong_arguments(name, args, takes);
    }
    std::vector<Type> given(types.begin(), types.begin() + static_cast<std::ptrdiff_t>(args.size()));
    return with(bound(name, std::move(given), result, kernel), behaviour);
  };
}

// Shorthand of the catalog entry.
inline FunctionKind function_kind(std::string name, std::string group, std::string signature, std::string doc,
                                  std::string example,
                                  std::function<Result<BoundFunction>(std::span<const ArgInfo>)> bind) {
  FunctionKind kind;
  kind.name = std::move(name);
  kind.group = std::move(group);
  kind.signature = std::move(signature);
  kind.doc = std::move(doc);
  kind.example = std::move(example);
  kind.bind = std::move(bind);
  return kind;
}

// A function with one fixed list of parameters.
struct FunctionEntry {
  std::string name;
  std::string signature;
  std::string doc;
  std::string example;
  std::string takes;  // for messages: "a text and a number"
  std::vector<Type> types;
  size_t required = 0;
  Type result;
  Behaviour behaviour;
  Kernel kernel;
};
inline void add_function(Catalog& catalog, const std::string& group, const FunctionEntry& e) {
  catalog.add(function_kind(e.name, group, e.signature, e.doc, e.example,
                            fixed(e.name, e.takes, e.types, e.required, e.result, e.behaviour, e.kernel)));
}

}  // namespace rideflow
