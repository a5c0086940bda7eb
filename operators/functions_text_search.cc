// Texts: search, length, joining. Positions and lengths count code points, from 1.
#include "engine/utf8.h"
#include "operators/function_kernels.h"

namespace rideflow {

namespace {

template <class F>
Kernel text_test(F test) {
  return [test](const KernelCall& call, RowErrors&) {
    return bool_column(call.rows, [&](int32_t i) { return test(text_at(call, 0, i), text_at(call, 1, i)); });
  };
}

template <class F>
Kernel text_number(F number) {
  return [number](const KernelCall& call, RowErrors&) {
    BufferRef data = BufferRef::allocate(static_cast<size_t>(call.rows) * sizeof(int64_t));
    for (int32_t i = 0; i < call.rows; ++i) data.as_mutable<int64_t>()[i] = number(call, i);
    return column_from(Kind::int64, call.rows, std::move(data));
  };
}

int64_t position_of(const KernelCall& call, int32_t i) {
  const std::string_view text = text_at(call, 0, i);
  const size_t at = text.find(text_at(call, 1, i));
  return at == std::string_view::npos ? 0 : count_code_points(text.substr(0, at)) + 1;
}

// Joins the arguments that are not null; `strict` functions have none.
Column concat_kernel(const KernelCall& call, RowErrors& errors) {
  ColumnBuilder builder(Kind::string, call.rows);
  std::string out;
  for (int32_t i = 0; i < call.rows; ++i) {
    out.clear();
    for (size_t arg = 0; arg < call.args.size(); ++arg) {
      if (!call.args[arg].column->is_null(call.args[arg].at(i))) out += text_at(call, arg, i);
    }
    if (out.size() > kMaxTextBytes * 16) {
      errors.fail(i, "concat: the result is longer than 16 MiB");
      out.clear();
    }
    builder.append_string(out);
  }
  return builder.finish();
}

Result<BoundFunction> bind_concat(const std::string& name, std::span<const ArgInfo> args) {
  const bool is_operator = name == "||";
  RF_TRY(check_count(name, args, is_operator ? 2 : 1, is_operator ? 2 : 100, "values that have a text form"));
  return with(bound(name, std::vector<Type>(args.size(), Kind::string), Kind::string, concat_kernel),
              {.can_fail = true, .strict = is_operator});
}

void add_search(Catalog& catalog) {
  const Type text = Kind::string;
  const Type boolean = Kind::boolean;
  add_function(catalog, "string",
               {"starts_with",
                "starts_with(text, prefix) -> bool",
                "Whether the text begins with the prefix.",
                "starts_with('ride_completed', 'ride_')",
                "two texts",
                {text, text},
                2,
                boolean,
                {},
                text_test([](std::string_view a, std::string_view b) { return a.starts_with(b); })});
  add_function(catalog, "string",
               {"ends_with",
                "ends_with(text, suffix) -> bool",
                "Whether the text ends with the suffix.",
                "ends_with('ride_completed', 'completed')",
                "two texts",
                {text, text},
                2,
                boolean,
                {},
                text_test([](std::string_view a, std::string_view b) { return a.ends_with(b); })});
  add_function(catalog, "string",
               {"contains",
                "contains(text, part) -> bool",
                "Whether the part stands in the text.",
                "contains('ride_completed', 'comp')",
                "two texts",
                {text, text},
                2,
                boolean,
                {},
                text_test([](std::string_view a, std::string_view b) {
                  return a.find(b) != std::string_view::npos;
                })});
  add_function(catalog, "string",
               {"position",
                "position(text, part) -> int64",
                "Where the part begins, from 1; 0 when it is not there.",
                "position('Lyon', 'on') = 3",
                "two texts",
                {text, text},
                2,
                Kind::int64,
                {},
                text_number(position_of)});
  add_function(catalog, "string",
               {"length",
                "length(text) -> int64",
                "Number of characters.",
                "length('Zürich') = 6",
                "a text",
                {text},
                1,
                Kind::int64,
                {},
                text_number([](const KernelCall& call, int32_t i) {
                  return count_code_points(text_at(call, 0, i));
                })});
}

void add_joins(Catalog& catalog) {
  catalog.add(function_kind("concat", "string", "concat(a, b, …) -> string",
                            "The values' texts one after the other; nulls are left out.",
                            "concat('a', null, 1) = 'a1'",
                            [](std::span<const ArgInfo> args) { return bind_concat("concat", args); }));
  catalog.add(function_kind(
      "||", "string", "a || b -> string", "Both texts one after the other; null when one is null.",
      "'ride ' || 7 = 'ride 7'", [](std::span<const ArgInfo> args) { return bind_concat("||", args); }));
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_text_search) {
  rideflow::add_search(catalog);
  rideflow::add_joins(catalog);
}
