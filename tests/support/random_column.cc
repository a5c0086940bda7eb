#include "tests/support/random_column.h"

#include <cmath>
#include <limits>

#include "engine/decimal.h"

namespace rideflow::test {

namespace {

int64_t random_integer(Random& random, int64_t least, int64_t most) {
  switch (below(random, 16)) {
    case 0:
      return least;
    case 1:
      return most;
    default:
      return below(random, 41) - 20;
  }
}

double random_double(Random& random) {
  constexpr double kEdges[] = {0.0,
                               -0.0,
                               std::numeric_limits<double>::infinity(),
                               1e300,
                               -1e300,
                               std::numeric_limits<double>::quiet_NaN(),
                               0.1,
                               -std::numeric_limits<double>::infinity()};
  if (below(random, 6) == 0) return kEdges[below(random, 8)];
  return static_cast<double>(below(random, 2001) - 1000) / 8;
}

std::string random_text(Random& random) {
  constexpr std::string_view kParts[] = {"a", "b", "Ly", "on", "é", "€",          " ",
                                         "%", "_", "12", "-",  "😀", "long enough"};
  std::string text;
  for (int64_t i = below(random, 7); i > 0; --i) text += kParts[below(random, 13)];
  return text;
}

}  // namespace

Value random_value(const Type& type, Random& random) {
  switch (type.kind) {
    case Kind::null:
      return Value::null();
    case Kind::boolean:
      return Value::boolean(below(random, 2) == 1);
    case Kind::int32:
      return Value::int32(static_cast<int32_t>(random_integer(random, INT32_MIN, INT32_MAX)));
    case Kind::int64:
      return Value::int64(random_integer(random, INT64_MIN, INT64_MAX));
    case Kind::float64:
      return Value::float64(random_double(random));
    case Kind::decimal: {
      const Int128 most = power_of_ten(type.precision) - 1;
      const int64_t pick = below(random, 12);
      if (pick == 0) return Value::make_decimal(most, type.scale);
      if (pick == 1) return Value::make_decimal(-most, type.scale);
      return Value::make_decimal((below(random, 20'001) - 10'000) % (most + 1), type.scale);
    }
    case Kind::string:
      return Value::string(random_text(random));
    case Kind::bytes:
      return Value::bytes(random_text(random) + '\0' + "\xff");
    case Kind::timestamp:
      return Value::timestamp(1'700'000'000'000'000 +
                              random_integer(random, -1'000'000'000, 1'000'000'000) * 999'983);
    case Kind::date:
      return Value::date(static_cast<int32_t>(random_integer(random, -700'000, 2'900'000)));
    case Kind::interval:
      return Value::interval(random_integer(random, -86'400'000'000, 86'400'000'000) * 1001);
    case Kind::list:
    case Kind::structure: {
      Value value;
      value.kind = type.kind;
      const auto add = [&](const Field& field) {
        value.items.push_back(field.nullable && below(random, 4) == 0 ? Value::null()
                                                                      : random_value(field.type, random));
      };
      if (type.kind == Kind::list) {
        for (int64_t i = below(random, 4); i > 0; --i) add(type.children->front());
      } else {
        for (const Field& field : *type.children) add(field);
      }
      return value;
    }
  }
  return Value::null();
}

Column random_column(const Type& type, int32_t rows, bool nullable, Random& random) {
  ColumnBuilder builder(type);
  for (int32_t i = 0; i < rows; ++i) {
    if (nullable && below(random, 4) == 0) {
      builder.append_null();
    } else {
      builder.append_value(random_value(type, random));
    }
  }
  return builder.finish();
}

std::vector<Type> some_types() {
  return {Kind::boolean,
          Kind::int32,
          Kind::int64,
          Kind::float64,
          Type::decimal(12, 3),
          Kind::string,
          Kind::bytes,
          Kind::timestamp,
          Kind::date,
          Kind::interval,
          Type::list(Kind::string),
          Type::structure({{"lat", Kind::float64, false}, {"name", Kind::string, true}}),
          Type::list(Type::structure({{"flags", Type::list(Kind::boolean), true}}))};
}

std::vector<Value> values_of(const Column& column) {
  std::vector<Value> values;
  for (int32_t i = 0; i < column.length; ++i) values.push_back(value_at(column, i));
  return values;
}

Column column_of(const Type& type, const std::vector<Value>& values) {
  ColumnBuilder builder(type);
  for (const Value& value : values) builder.append_value(value);
  return builder.finish();
}

}  // namespace rideflow::test
