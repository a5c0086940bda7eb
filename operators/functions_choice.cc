// Choosing between values: least, greatest, nullif, ifnull. (case, coalesce, is null and in belong to the
// language itself.)
#include "engine/cast.h"
#include "operators/function_kernels.h"
#include "operators/functions_comparison.h"

namespace rideflow {

namespace {

// The type that all arguments meet in.
Result<Type> meeting_type(std::string_view name, std::span<const ArgInfo> args) {
  Type type;
  for (const ArgInfo& arg : args) {
    const auto met = common_type(type, arg.type);
    if (!met) return wrong_arguments(name, args, "values of types that can be compared");
    type = *met;
  }
  return type.kind == Kind::null ? Type(Kind::string) : type;
}

std::vector<ArgInfo> pair_of(const Type& type) {
  return {ArgInfo{type, true, nullptr}, ArgInfo{type, true, nullptr}};
}

// For each row the argument that wins, or -1 when all are null; then the column of these values.
Column pick_rows(const KernelCall& call, const Type& type, const std::vector<int>& winner) {
  ColumnBuilder builder(type, call.rows);
  for (int32_t i = 0; i < call.rows; ++i) {
    const int arg = winner[static_cast<size_t>(i)];
    if (arg < 0) {
      builder.append_null();
    } else {
      const KernelArg& from = call.args[static_cast<size_t>(arg)];
      builder.append_from(*from.column, from.at(i));
    }
  }
  return builder.finish();
}

// Compares the best so far with each further argument; nulls never win.
Column extreme_kernel(const KernelCall& call, RowErrors& errors, const Type& type, const Kernel& less,
                      bool greatest) {
  std::vector<int> winner(static_cast<size_t>(call.rows), -1);
  Column best;
  KernelArg best_arg;
  for (size_t arg = 0; arg < call.args.size(); ++arg) {
    const KernelArg& next = call.args[arg];
    Column is_less;
    if (arg > 0) {
      const KernelArg pair[] = {greatest ? best_arg : next, greatest ? next : best_arg};
      is_less = less({call.rows, pair, nullptr}, errors);
    }
    for (int32_t i = 0; i < call.rows; ++i) {
      int& chosen = winner[static_cast<size_t>(i)];
      if (next.column->is_null(next.at(i))) continue;
      if (chosen < 0 || is_less.boolean(i)) chosen = static_cast<int>(arg);
    }
    if (arg + 1 == call.args.size()) break;
    best = pick_rows(call, type, winner);
    best_arg = {&best, false};
  }
  return pick_rows(call, type, winner);
}

Result<BoundFunction> bind_extreme(const std::string& name, bool greatest, std::span<const ArgInfo> args) {
  RF_TRY(check_count(name, args, 1, 100, "values of types that can be compared"));
  RF_ASSIGN(const Type type, meeting_type(name, args));
  RF_ASSIGN(BoundFunction less, bind_less(pair_of(type)));
  BoundFunction f = bound(name, std::vector<Type>(args.size(), type), type,
                          [type, greatest, kernel = less.kernel](const KernelCall& call, RowErrors& errors) {
                            return extreme_kernel(call, errors, type, kernel, greatest);
                          });
  return with(std::move(f), {.strict = false});
}

Result<BoundFunction> bind_nullif(std::span<const ArgInfo> args) {
  RF_TRY(check_count("nullif", args, 2, 2, "two values of types that can be compared"));
  RF_ASSIGN(BoundFunction equals, bind_equals(args));
  const Type type = equals.arg_types[0];
  BoundFunction f = bound(
      "nullif", equals.arg_types, type, [kernel = equals.kernel](const KernelCall& call, RowErrors& errors) {
        const Column same = kernel(call, errors);
        const KernelArg& other = call.args[1];
        Column out = whole_column(call, 0);
        set_nulls(out, [&](int32_t i) { return same.boolean(i) && !other.column->is_null(other.at(i)); });
        return out;
      });
  return with(std::move(f), {.nullable = true, .strict = false});
}

Result<BoundFunction> bind_ifnull(std::span<const ArgInfo> args) {
  RF_TRY(check_count("ifnull", args, 2, 2, "two values of one type"));
  RF_ASSIGN(const Type type, meeting_type("ifnull", args));
  BoundFunction f = bound("ifnull", {type, type}, type, [type](const KernelCall& call, RowErrors&) {
    std::vector<int> winner(static_cast<size_t>(call.rows), 0);
    for (int32_t i = 0; i < call.rows; ++i) {
      if (call.args[0].column->is_null(call.args[0].at(i))) winner[static_cast<size_t>(i)] = 1;
    }
    return pick_rows(call, type, winner);
  });
  return with(std::move(f), {.strict = false});
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_choice) {
  using namespace rideflow;
  catalog.add(
      function_kind("least", "conditional", "least(a, b, …) -> common type",
                    "The smallest of the values that are not null.", "least(3, 1, 2) = 1",
                    [](std::span<const ArgInfo> args) { return bind_extreme("least", false, args); }));
  catalog.add(function_kind("greatest", "conditional", "greatest(a, b, …) -> common type",
                            "The largest of the values that are not null. NaN comes after every number.",
                            "greatest(3, null, 2) = 3", [](std::span<const ArgInfo> args) {
                              return bind_extreme("greatest", true, args);
                            }));
  catalog.add(function_kind("nullif", "conditional", "nullif(a, b) -> type of a", "Null where a = b, else a.",
                            "nullif(0, 0) is null", bind_nullif));
  catalog.add(function_kind("ifnull", "conditional", "ifnull(a, b) -> common type",
                            "a, or b where a is null.", "ifnull(null, 7) = 7", bind_ifnull));
}
