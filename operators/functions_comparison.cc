// = <> < <= > >= over all types. Numbers compare by value across types, decimals exactly; texts by bytes; NaN
// equals itself and comes after every number; -0 = 0; a date compares as its midnight; lists and structures
// item by item. Text beside a time or number is read as one when it is a literal.
#include <bit>
#include <cmath>

#include "engine/cast.h"
#include "engine/decimal.h"
#include "operators/function_kernels.h"
#include "operators/functions_comparison.h"

namespace rideflow {

namespace {

enum class Compare : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

bool holds(Compare op, std::strong_ordering order) {
  switch (op) {
    case Compare::equal:
      return order == 0;
    case Compare::not_equal:
      return order != 0;
    case Compare::less:
      return order < 0;
    case Compare::less_equal:
      return order <= 0;
    case Compare::greater:
      return order > 0;
    case Compare::greater_equal:
      return order >= 0;
  }
  return false;
}

// Doubles as integers whose order is the language's: NaN last, both zeros equal.
int64_t order_key(double v) {
  if (v != v) return INT64_MAX;
  const auto bits = std::bit_cast<int64_t>(v + 0.0);  // -0 + 0 = 0
  return bits >= 0 ? bits : static_cast<int64_t>(~static_cast<uint64_t>(bits) | 0x8000'0000'0000'0000ULL);
}

template <class T>
T plain(T v) {
  return v;
}

template <class T, auto key>
Column compare_fixed(Compare op, const KernelCall& call) {
  switch (op) {
    case Compare::equal:
      return compare_pairs<T>(call, [](T x, T y) { return key(x) == key(y); });
    case Compare::not_equal:
      return compare_pairs<T>(call, [](T x, T y) { return key(x) != key(y); });
    case Compare::less:
      return compare_pairs<T>(call, [](T x, T y) { return key(x) < key(y); });
    case Compare::less_equal:
      return compare_pairs<T>(call, [](T x, T y) { return key(x) <= key(y); });
    case Compare::greater:
      return compare_pairs<T>(call, [](T x, T y) { return key(x) > key(y); });
    case Compare::greater_equal:
      return compare_pairs<T>(call, [](T x, T y) { return key(x) >= key(y); });
  }
  return {};
}

// Length and prefix of a text as one word: differs for nearly all texts that differ.
uint64_t head_of(const StringView& view) {
  uint64_t head;
  std::memcpy(&head, &view, 8);
  return head;
}

uint64_t word_at(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, 8);
  return word;
}

// Of the same length, more than 12 bytes. Few texts are longer than two words, and many begin alike.
bool same_long_text(std::string_view a, std::string_view b) {
  const size_t last = a.size() - 8;
  if (word_at(a.data() + last) != word_at(b.data() + last) || word_at(a.data()) != word_at(b.data()))
    return false;
  return a.size() <= 16 || std::memcmp(a.data() + 8, b.data() + 8, a.size() - 16) == 0;
}

// Rows that are not `text`, of more than 12 bytes, lose their bit.
void clear_other_texts(const Column& column, std::string_view text, int32_t rows, uint64_t* bits) {
  for (int32_t begin = 0; begin < rows; begin += 64) {
    uint64_t& word = bits[begin / 64];
    for (uint64_t left = word; left != 0; left &= left - 1) {
      const int64_t row = begin + std::countr_zero(left);
      if (!same_long_text(column.string(row), text)) word &= ~(left & -left);
    }
  }
}

// The heads of all rows first: most texts differ there, and no branch waits for each.
Column equal_to_literal(const Column& column, const Column& literal, bool wanted, int32_t rows) {
  const auto* const x = column.values<StringView>();
  const StringView y = literal.values<StringView>()[0];
  const uint64_t head = head_of(y);
  if (y.is_inline()) {
    const uint64_t rest = word_at(y.rest);
    return bool_column(rows, [=](int32_t i) {
      return ((head_of(x[i]) ^ head) | (word_at(x[i].rest) ^ rest)) == 0 ? wanted : !wanted;
    });
  }
  Column same = bool_column(rows, [=](int32_t i) { return head_of(x[i]) == head; });
  auto* const bits = same.data.as_mutable<uint64_t>();
  clear_other_texts(column, literal.string(0), rows, bits);
  if (wanted) return same;
  const size_t words = bitmap_bytes(rows) / sizeof(uint64_t);
  for (size_t i = 0; i < words; ++i) bits[i] = ~bits[i];
  if (rows % 64 != 0) bits[words - 1] &= (uint64_t{1} << (rows % 64)) - 1;
  return same;
}

Column compare_text_equality(Compare op, const KernelCall& call) {
  const Column& a = *call.args[0].column;
  const Column& b = *call.args[1].column;
  const bool wanted = op == Compare::equal;
  if (call.args[1].constant && !call.args[0].constant) return equal_to_literal(a, b, wanted, call.rows);
  if (call.args[0].constant && !call.args[1].constant) return equal_to_literal(b, a, wanted, call.rows);
  const auto* x = a.values<StringView>();
  const auto* y = b.values<StringView>();
  return bool_column(call.rows, [&](int32_t row) {
    const int64_t i = call.args[0].at(row);
    const int64_t j = call.args[1].at(row);
    if (head_of(x[i]) != head_of(y[j])) return !wanted;
    const bool same = x[i].is_inline() ? word_at(x[i].rest) == word_at(y[j].rest)
                                       : same_long_text(a.string(i), b.string(j));
    return same == wanted;
  });
}

Column compare_text(Compare op, const KernelCall& call) {
  if (op == Compare::equal || op == Compare::not_equal) return compare_text_equality(op, call);
  return bool_column(call.rows, [&](int32_t row) {
    return holds(op, text_at(call, 0, row).compare(text_at(call, 1, row)) <=> 0);
  });
}

Column compare_booleans(Compare op, const KernelCall& call) {
  return bool_column(call.rows, [&](int32_t row) {
    const bool x = call.args[0].column->boolean(call.args[0].at(row));
    const bool y = call.args[1].column->boolean(call.args[1].at(row));
    return holds(op, x <=> y);
  });
}

Column compare_decimal_columns(Compare op, const KernelCall& call) {
  const int s1 = call.args[0].column->type.scale;
  const int s2 = call.args[1].column->type.scale;
  if (s1 == s2) return compare_fixed<Int128, plain<Int128>>(op, call);
  return compare_pairs<Int128>(call,
                               [=](Int128 x, Int128 y) { return holds(op, compare_decimals(x, s1, y, s2)); });
}

Column compare_nested(Compare op, const KernelCall& call) {
  return bool_column(call.rows, [&](int32_t row) {
    if (any_null(call, row)) return false;
    return holds(op, compare(value_at(*call.args[0].column, call.args[0].at(row)),
                             value_at(*call.args[1].column, call.args[1].at(row))));
  });
}

Column compare_columns(Compare op, const KernelCall& call) {
  switch (call.args[0].column->type.kind) {
    case Kind::boolean:
      return compare_booleans(op, call);
    case Kind::int32:
    case Kind::date:
      return compare_fixed<int32_t, plain<int32_t>>(op, call);
    case Kind::int64:
    case Kind::timestamp:
    case Kind::interval:
      return compare_fixed<int64_t, plain<int64_t>>(op, call);
    case Kind::float64:
      return compare_fixed<double, order_key>(op, call);
    case Kind::decimal:
      return compare_decimal_columns(op, call);
    case Kind::string:
    case Kind::bytes:
      return compare_text(op, call);
    default:
      return compare_nested(op, call);
  }
}

// A text literal beside another type is read as that type, now, so that a wrong one is an error of the job.
Result<std::optional<Type>> type_of_literal(const ArgInfo& literal, const ArgInfo& other) {
  if (literal.type.kind != Kind::string || !literal.literal || other.type.kind == Kind::string ||
      !can_cast(Kind::string, other.type) || other.type.kind == Kind::null) {
    return std::optional<Type>();
  }
  ColumnBuilder builder(Kind::string);
  builder.append_value(*literal.literal);
  RowErrors errors;
  cast_column(builder.finish(), other.type, nullptr, &errors);
  if (!errors.empty()) return Status::user(Code::invalid_argument, errors.all()[0].reason);
  return std::optional<Type>(other.type);
}

bool same_shape(const Type& a, const Type& b) {
  if (a.kind != b.kind) return false;
  if (a.kind != Kind::list && a.kind != Kind::structure) return a == b;
  if (a.children->size() != b.children->size()) return false;
  for (size_t i = 0; i < a.children->size(); ++i) {
    if (!same_shape((*a.children)[i].type, (*b.children)[i].type)) return false;
  }
  return true;
}

Result<BoundFunction> bind_comparison(const std::string& name, Compare op, std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "two values of types that can be compared";
  RF_TRY(check_count(name, args, 2, 2, kTakes));
  const Kernel kernel = [op](const KernelCall& call, RowErrors&) { return compare_columns(op, call); };
  const Type& a = args[0].type;
  const Type& b = args[1].type;
  if (a.kind == Kind::decimal || b.kind == Kind::decimal) {
    // Exact whatever the scales: nothing is rounded to a common one.
    const auto exact = [](const Type& t) {
      return t.kind == Kind::decimal ? t : Type::decimal(t.kind == Kind::int32 ? 10 : 19, 0);
    };
    const auto is_exact = [](const Type& t) { return t.is_integer() || t.kind == Kind::decimal; };
    if (is_exact(a) && is_exact(b)) return bound(name, {exact(a), exact(b)}, Kind::boolean, kernel);
  }
  RF_ASSIGN(std::optional<Type> type, type_of_literal(args[0], args[1]));
  if (!type) {
    RF_ASSIGN(type, type_of_literal(args[1], args[0]));
  }
  if (!type) type = common_type(a, b);
  if (!type && same_shape(a, b)) return bound(name, {a, b}, Kind::boolean, kernel);
  if (!type) return wrong_arguments(name, args, kTakes);
  if (type->kind == Kind::null) type = Type(Kind::string);
  return bound(name, {*type, *type}, Kind::boolean, kernel);
}

FunctionKind comparison_kind(const std::string& name, Compare op, const std::string& doc,
                             const std::string& example) {
  return function_kind(name, "comparison", "a " + name + " b -> bool", doc, example,
                       [name, op](std::span<const ArgInfo> args) { return bind_comparison(name, op, args); });
}

}  // namespace

Result<BoundFunction> bind_equals(std::span<const ArgInfo> args) {
  return bind_comparison("=", Compare::equal, args);
}

Result<BoundFunction> bind_less(std::span<const ArgInfo> args) {
  return bind_comparison("<", Compare::less, args);
}

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_comparison) {
  using namespace rideflow;
  catalog.add(comparison_kind("=", Compare::equal, "Whether both are equal. NaN equals itself.", "1 = 1.0"));
  catalog.add(comparison_kind("<>", Compare::not_equal, "Whether they differ.", "'Lyon' <> 'lyon'"));
  catalog.add(
      comparison_kind("<", Compare::less, "Whether a comes before b. Texts compare by bytes.", "'a' < 'b'"));
  catalog.add(comparison_kind("<=", Compare::less_equal, "Whether a does not come after b.", "2 <= 2"));
  catalog.add(comparison_kind(">", Compare::greater, "Whether a comes after b. NaN comes after every number.",
                              "timestamp '2026-01-02T00:00:00Z' > timestamp '2026-01-01T00:00:00Z'"));
  catalog.add(comparison_kind(">=", Compare::greater_equal, "Whether a does not come before b.", "3 >= 2.5"));
}
