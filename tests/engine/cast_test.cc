#include "engine/cast.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/random_column.h"

namespace rideflow {
namespace cast_test {

using test::column_of;

std::string cast_text(const Value& v, const Type& from, const Type& to) {
  RowErrors errors;
  const Column out = cast_column(column_of(from, {v}), to, nullptr, &errors);
  if (!errors.empty()) {
    EXPECT_TRUE(out.is_null(0));
    EXPECT_TRUE(cast_can_fail(from, to)) << from.to_string() << " to " << to.to_string();
    EXPECT_TRUE(cast_column(column_of(from, {v}), to, nullptr, nullptr).is_null(0));
    return errors.all()[0].reason;
  }
  return value_at(out, 0).to_string();
}
std::string cast_string(const char* s, const Type& to) {
  return cast_text(Value::string(s), Kind::string, to);
}

TEST(Cast, FromText) {
  EXPECT_EQ(cast_string(" 42 ", Kind::int64), "42");
  EXPECT_EQ(cast_string("+7", Kind::int32), "7");
  for (const char* text :
       {"9007199254740993.0", "9.007199254740993e15", "90071992547409930e-1", "+0009007199254740993"})
    EXPECT_EQ(cast_string(text, Kind::int64), "9007199254740993") << text;
  EXPECT_EQ(cast_string("1e18", Kind::int64), "1000000000000000000");
  EXPECT_EQ(cast_string("1e19", Kind::int64), "cannot cast '1e19' to int64");
  EXPECT_EQ(cast_string("2147483648.0", Kind::int32), "cannot cast '2147483648.0' to int32");
  EXPECT_EQ(cast_string("-PT1H", Kind::interval), "-PT1H");
  EXPECT_EQ(cast_string("0001-01-01T00:00:00+01:00", Kind::timestamp),
            "cannot cast '0001-01-01T00:00:00+01:00' to timestamp");
  EXPECT_EQ(cast_text(Value::float64(300000.0), Kind::float64, Kind::string), "'300000.0'");
  EXPECT_EQ(cast_text(Value::float64(1e23), Kind::float64, Type::decimal(38, 0)), "100000000000000000000000");
  EXPECT_EQ(cast_string("abc", Kind::int64), "cannot cast 'abc' to int64");
  EXPECT_EQ(cast_string("3000000000", Kind::int32), "cannot cast '3000000000' to int32");
  EXPECT_EQ(cast_string("1.5", Kind::int64), "cannot cast '1.5' to int64");
  EXPECT_EQ(cast_string("", Kind::float64), "cannot cast '' to double");
  EXPECT_EQ(cast_string("1e3", Kind::float64), "1000.0");
  EXPECT_EQ(cast_string("12.345", Type::decimal(10, 2)), "12.35");
  EXPECT_EQ(cast_string("12345678.9", Type::decimal(4, 2)), "cannot cast '12345678.9' to decimal(4,2)");
  EXPECT_EQ(cast_string("Yes", Kind::boolean), "true");
  EXPECT_EQ(cast_string("2", Kind::boolean), "cannot cast '2' to bool");
  EXPECT_EQ(cast_string("2026-01-01 12:00:00", Kind::timestamp), "2026-01-01T12:00:00Z");
  EXPECT_EQ(cast_string("2026-02-30", Kind::date), "cannot cast '2026-02-30' to date");
  EXPECT_EQ(cast_string("-1h30m", Kind::interval), "-PT1H30M");
  EXPECT_EQ(cast_string("1mo", Kind::interval), "cannot cast '1mo' to interval");
}

TEST(Cast, CommonTypes) {
  EXPECT_EQ(common_type(Kind::int32, Kind::int64), Type(Kind::int64));
  EXPECT_EQ(common_type(Kind::int32, Type::decimal(6, 4)), Type::decimal(14, 4));
  EXPECT_EQ(common_type(Type::decimal(38, 2), Type::decimal(10, 9)), Type::decimal(38, 2));
  EXPECT_EQ(common_type(Type::decimal(6, 4), Kind::float64), Type(Kind::float64));
  EXPECT_EQ(common_type(Kind::date, Kind::timestamp), Type(Kind::timestamp));
  EXPECT_EQ(common_type(Kind::null, Kind::string), Type(Kind::string));
  EXPECT_EQ(common_type(Kind::string, Kind::int32), std::nullopt);
}

TEST(Cast, BetweenNumbers) {
  EXPECT_EQ(cast_text(Value::float64(2.5), Kind::float64, Kind::int64), "3");
  EXPECT_EQ(cast_text(Value::float64(-2.5), Kind::float64, Kind::int32), "-3");
  EXPECT_EQ(cast_text(Value::float64(1e300), Kind::float64, Kind::int64), "cannot cast 1e300 to int64");
  EXPECT_EQ(cast_text(Value::float64(NAN), Kind::float64, Kind::int32), "cannot cast NaN to int32");
  EXPECT_EQ(cast_text(Value::float64(9223372036854775807.0), Kind::float64, Kind::int64),
            "cannot cast 9223372036854776000.0 to int64");
  EXPECT_EQ(cast_text(Value::float64(-9223372036854775808.0), Kind::float64, Kind::int64),
            "-9223372036854775808");
  EXPECT_EQ(cast_text(Value::int64(int64_t{1} << 31), Kind::int64, Kind::int32),
            "cannot cast 2147483648 to int32");
  EXPECT_EQ(cast_text(Value::make_decimal(-250, 2), Type::decimal(5, 2), Kind::int64), "-3");
  EXPECT_EQ(cast_text(Value::make_decimal(12345, 2), Type::decimal(5, 2), Type::decimal(5, 1)), "123.5");
  EXPECT_EQ(cast_text(Value::make_decimal(99995, 2), Type::decimal(5, 2), Type::decimal(4, 1)),
            "cannot cast 999.95 to decimal(4,1)");
  EXPECT_EQ(cast_text(Value::float64(0.285), Kind::float64, Type::decimal(5, 2)), "0.29");
  EXPECT_EQ(cast_text(Value::int32(1000), Kind::int32, Type::decimal(4, 2)),
            "cannot cast 1000 to decimal(4,2)");
  EXPECT_EQ(cast_text(Value::boolean(true), Kind::boolean, Kind::int64), "1");
  EXPECT_EQ(cast_text(Value::int32(-1), Kind::int32, Kind::boolean), "true");
}

TEST(Cast, TimesBytesAndText) {
  EXPECT_EQ(cast_text(Value::date(-1), Kind::date, Kind::timestamp), "1969-12-31T00:00:00Z");
  EXPECT_EQ(cast_text(Value::timestamp(-1), Kind::timestamp, Kind::date), "1969-12-31");
  EXPECT_EQ(cast_text(Value::timestamp(INT64_MAX), Kind::timestamp, Kind::date).substr(0, 11), "cannot cast");
  EXPECT_EQ(cast_text(Value::bytes("\xff\xff"), Kind::bytes, Kind::string), "cannot cast x'ffff' to string");
  EXPECT_EQ(cast_text(Value::bytes("a long piece of text"), Kind::bytes, Kind::string),
            "'a long piece of text'");
  EXPECT_EQ(cast_text(Value::interval(60'000'000), Kind::interval, Kind::string), "'PT1M'");
  EXPECT_EQ(cast_text(Value::float64(0.1), Kind::float64, Kind::string), "'0.1'");
  EXPECT_FALSE(can_cast(Kind::int64, Kind::timestamp));
  EXPECT_FALSE(can_cast(Kind::string, Type::list(Kind::string)));
}

TEST(Cast, EveryPairIsTotalOverRandomColumnsAndTextReadsBack) {
  const uint64_t seed = 12;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::Random random(seed);
  for (const Type& from : test::some_types()) {
    const Column column = test::random_column(from, 200, true, random);
    for (const Type& to : test::some_types()) {
      if (!can_cast(from, to)) continue;
      RowErrors errors;
      const Column out = cast_column(column, to, nullptr, &errors);
      ASSERT_EQ(out.type, to);
      ASSERT_EQ(out.length, 200);
      ASSERT_EQ(static_cast<size_t>(out.null_count),
                static_cast<size_t>(column.null_count) + errors.all().size());
      if (!cast_can_fail(from, to)) {
        ASSERT_TRUE(errors.empty()) << from.to_string() << " to " << to.to_string();
      }
      const bool readable = can_cast(to, from) && to.kind == Kind::string && from.kind != Kind::bytes;
      if (readable) {
        ASSERT_EQ(test::values_of(cast_column(out, from, nullptr, nullptr)), test::values_of(column));
      }
      std::string mask(32, '\0');
      RowErrors none;
      cast_column(column, to, reinterpret_cast<const uint8_t*>(mask.data()), &none);
      ASSERT_TRUE(none.empty());
    }
  }
}

}  // namespace cast_test
}  // namespace rideflow
