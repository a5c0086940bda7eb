// What the aggregates share: loops over the rows that count, typed access to columns, states as objects.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "engine/byte_codec.h"
#include "engine/catalog.h"
#include "engine/decimal.h"

namespace rideflow {

// ---- Rows
// -------------------------------------------------------------------------------------------------------

// Calls fn(row) for every row that counts.
template <class Fn>
void each_row(const AggregateInput& in, Fn fn) {
  if (in.selection) {
    for (int32_t i = 0; i < in.selected; ++i) fn(in.selection[i]);
    return;
  }
  for (int32_t row = 0; row < in.rows; ++row) fn(row);
}

// Calls fn(row, value) for every row that counts and is not null. get(row) reads the column.
template <class Get, class Fn>
void each_value(const AggregateInput& in, const KernelArg& arg, Get get, Fn fn) {
  const uint8_t* valid = arg.column->validity_bits();
  if (arg.constant) {
    if (valid && !get_bit(valid, 0)) return;
    const auto value = get(0);
    each_row(in, [&](int32_t row) { fn(row, value); });
  } else if (valid) {
    each_row(in, [&](int32_t row) {
      if (get_bit(valid, row)) fn(row, get(row));
    });
  } else {
    each_row(in, [&](int32_t row) { fn(row, get(row)); });
  }
}

// ---- Values: int64_t for every kind of whole number and time, double, Int128 (decimal), string_view
// --------------------

enum class Store : uint8_t { integer, real, decimal, text, none };
inline Store store_of(const Type& type) {
  switch (type.kind) {
    case Kind::boolean:
    case Kind::int32:
    case Kind::int64:
    case Kind::timestamp:
    case Kind::date:
    case Kind::interval:
      return Store::integer;
    case Kind::float64:
      return Store::real;
    case Kind::decimal:
      return Store::decimal;
    case Kind::string:
    case Kind::bytes:
      return Store::text;
    default:
      return Store::none;
  }
}

template <class V>
struct Typed;

// Typed<V>::with(column, body) calls body(get) with the reader of the column's kind.
template <>
struct Typed<int64_t> {
  using Stored = int64_t;
  template <class Body>
  static void with(const Column& c, Body body) {
    if (c.type.kind == Kind::boolean) {
      body([&c](int64_t row) { return int64_t{c.boolean(row)}; });
    } else if (c.type.width() == 4) {
      body([v = c.values<int32_t>()](int64_t row) { return int64_t{v[row]}; });
    } else {
      body([v = c.values<int64_t>()](int64_t row) { return v[row]; });
    }
  }
  static void append(int64_t v, ColumnBuilder& out) {
    if (out.type().kind == Kind::boolean) {
      out.append_bool(v != 0);
    } else if (out.type().width() == 4) {
      out.append(static_cast<int32_t>(v));
    } else {
      out.append(v);
    }
  }
  static bool less(int64_t a, int64_t b) { return a < b; }
  static void encode(int64_t v, std::string& out) { append_varint(out, zigzag(v)); }
  static int64_t decode(ByteReader& in) { return unzigzag(in.varint()); }
};

template <>
struct Typed<double> {
  using Stored = double;
  static double canonical(double v) {
    return std::isnan(v) ? std::numeric_limits<double>::quiet_NaN() : v + 0.0;
  }
  template <class Body>
  static void with(const Column& c, Body body) {
    body([v = c.values<double>()](int64_t row) { return canonical(v[row]); });
  }
  static void append(double v, ColumnBuilder& out) { out.append(v); }
  // The language's order: NaN last.
  static bool less(double a, double b) { return !std::isnan(a) && (std::isnan(b) || a < b); }
  static void encode(double v, std::string& out) { append_fixed(out, v); }
  static double decode(ByteReader& in) { return canonical(in.get<double>()); }
};

template <>
struct Typed<Int128> {
  using Stored = Int128;
  template <class Body>
  static void with(const Column& c, Body body) {
    body([v = c.values<Int128>()](int64_t row) { return v[row]; });
  }
  static void append(Int128 v, ColumnBuilder& out) { out.append(v); }
  static bool less(Int128 a, Int128 b) { return a < b; }
  static void encode(Int128 v, std::string& out) { append_fixed(out, v); }
  static Int128 decode(ByteReader& in) { return in.get<Int128>(); }
};

template <>
struct Typed<std::string_view> {
  using Stored = std::string;
  template <class Body>
  static void with(const Column& c, Body body) {
    body([&c](int64_t row) { return c.string(row); });
  }
  static void append(std::string_view v, ColumnBuilder& out) { out.append_string(v); }
  static bool less(std::string_view a, std::string_view b) { return a < b; }
  static void encode(std::string_view v, std::string& out) { append_bytes(out, v); }
  static std::string decode(ByteReader& in) { return std::string(in.bytes()); }
};

// Calls body(get) with a reader of any numeric column as double.
template <class Body>
void with_number(const Column& c, Body body) {
  if (c.type.kind == Kind::float64) {
    body([v = c.values<double>()](int64_t row) { return v[row]; });
  } else if (c.type.kind == Kind::decimal) {
    body([v = c.values<Int128>(), scale = int{c.type.scale}](int64_t row) {
      return decimal_to_double(v[row], scale);
    });
  } else {
    Typed<int64_t>::with(
        c, [&](auto get) { body([get](int64_t row) { return static_cast<double>(get(row)); }); });
  }
}

// ---- States
// -----------------------------------------------------------------------------------------------------

// An accumulator that is a C++ object S with merge(), encode(string&) and decode(ByteReader&).
template <class S>
class ObjectAggregate : public Aggregate {
 public:
  static_assert(sizeof(S) % 8 == 0 && alignof(S) <= 8);
  static S& at(std::byte* state) { return *std::launder(reinterpret_cast<S*>(state)); }
  static const S& at(const std::byte* state) { return *std::launder(reinterpret_cast<const S*>(state)); }

  int state_size() const override { return sizeof(S); }
  bool trivial() const override { return std::is_trivially_copyable_v<S>; }
  void init(std::byte* state) const override { new (state) S(); }
  void destroy(std::byte* state) const override { at(state).~S(); }
  void clone(std::byte* to, const std::byte* from) const override { new (to) S(at(from)); }
  void merge(std::byte* into, const std::byte* from) const override { at(into).merge(at(from)); }
  void encode(const std::byte* state, std::string& out) const override { at(state).encode(out); }
  Status decode(std::string_view bytes, std::byte* state) const override {
    ByteReader in(bytes);
    S made;
    made.decode(in);
    if (!in.complete()) {
      return Status::external(Code::data_loss,
                              "An aggregate in the state is damaged: its bytes do not decode.");
    }
    at(state) = std::move(made);
    return {};
  }
};

// ---- Registration
// -----------------------------------------------------------------------------------------------

// "sum(string) does not fit: write sum(number or interval)".
inline Status aggregate_arguments(std::string_view name, std::string_view signature,
                                  std::span<const ArgInfo> args) {
  std::string given;
  for (const ArgInfo& arg : args) {
    if (!given.empty()) given += ", ";
    given += arg.literal ? arg.literal->to_string() : arg.type.to_string();
  }
  return Status::user(Code::invalid_argument, fmt::format("{}({}) does not fit: write {}", name, given,
                                                          signature.substr(0, signature.find(" -> "))));
}

// Adds the kind; `make` gets arguments that it must check. The signature stands in its error.
using MakeAggregate = std::function<std::shared_ptr<const Aggregate>(std::span<const ArgInfo>)>;
inline void add_aggregate(Catalog& catalog, std::string name, std::string signature, std::string doc,
                          std::vector<std::string> aliases, MakeAggregate make, bool shares = false) {
  AggregateKind kind;
  kind.name = std::move(name);
  kind.signature = signature;
  kind.doc = std::move(doc);
  kind.aliases = std::move(aliases);
  kind.shares_by_first_argument = shares;
  kind.make = [make = std::move(make), name = kind.name, signature = std::move(signature)](
                  std::span<const ArgInfo> args) -> Result<std::shared_ptr<const Aggregate>> {
    std::shared_ptr<const Aggregate> made = make(args);
    if (!made) return aggregate_arguments(name, signature, args);
    return made;
  };
  catalog.add(std::move(kind));
}

// Makes Template<V> for the store of a type; null when no value of it can be kept.
template <template <class> class Template, class... Args>
std::shared_ptr<const Aggregate> make_for_store(const Type& type, Args... args) {
  switch (store_of(type)) {
    case Store::integer:
      return std::make_shared<Template<int64_t>>(type, args...);
    case Store::real:
      return std::make_shared<Template<double>>(type, args...);
    case Store::decimal:
      return std::make_shared<Template<Int128>>(type, args...);
    case Store::text:
      return std::make_shared<Template<std::string_view>>(type, args...);
    case Store::none:
      return nullptr;
  }
  return nullptr;
}

}  // namespace rideflow
