#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/decimal.h"
#include "engine/json_writer.h"
#include "engine/metrics.h"
#include "engine/rejected.h"
#include "engine/utf8.h"
#include "tests/support/random_column.h"

namespace rideflow {
namespace decimal_json_test {

std::string parsed(std::string_view text, int precision = 10, int scale = 2) {
  const auto units = parse_decimal(text, precision, scale);
  return units ? format_decimal(*units, scale) : "none";
}

TEST(Decimal, ReadsAndRoundsHalfAwayFromZero) {
  EXPECT_EQ(parsed("-12.50"), "-12.50");
  EXPECT_EQ(parsed("1.005"), "1.01");
  EXPECT_EQ(parsed("-1.005"), "-1.01");
  EXPECT_EQ(parsed("1.0049999"), "1.00");
  EXPECT_EQ(parsed("1e3"), "1000.00");
  EXPECT_EQ(parsed("1.5E+2"), "150.00");
  EXPECT_EQ(parsed("12345e-4"), "1.23");
  EXPECT_EQ(parsed(".5"), "0.50");
  EXPECT_EQ(parsed("5."), "5.00");
  EXPECT_EQ(parsed("0.004"), "0.00");
  EXPECT_EQ(parsed("1e-9999"), "0.00");
  EXPECT_EQ(parsed("0e9999"), "0.00");
  EXPECT_EQ(parsed("99999999.99"), "99999999.99");
  const std::string digits = "12345678901234567890123456789012345678";
  EXPECT_EQ(parsed(digits, 38, 0), digits);
  EXPECT_EQ(parsed(digits + ".5", 38, 0), "12345678901234567890123456789012345679");
  EXPECT_EQ(parsed("0." + digits + "9", 38, 38), "0.12345678901234567890123456789012345679");
  for (const char* text : {"", "-", ".", "1e", "1e+-2", "abc", "1.2.3", " 1", "1 ", "100000000.00",
                           "99999999.995", "1e9", "1e99999", "NaN", "0x1"}) {
    EXPECT_EQ(parsed(text), "none") << text;
  }
  EXPECT_EQ(parsed(digits + "0", 38, 0), "none");
}

TEST(Decimal, RescalesAndConverts) {
  EXPECT_EQ(rescale(125, 2, 1), 13);
  EXPECT_EQ(rescale(-125, 2, 1), -13);
  EXPECT_EQ(rescale(-125, 2, 4), -12500);
  EXPECT_FALSE(rescale(power_of_ten(37), 0, 2));
  EXPECT_EQ(rescale(power_of_ten(38) - 1, 38, 0), 1);
  EXPECT_EQ(decimal_from_double(0.285, 10, 2), 29);
  EXPECT_FALSE(decimal_from_double(NAN, 10, 2));
  EXPECT_FALSE(decimal_from_double(1e300, 38, 2));
  EXPECT_EQ(decimal_to_double(285, 3), 0.285);
  EXPECT_EQ(decimal_to_double(power_of_ten(38) - 1, 20), 1e18);
  EXPECT_EQ(int128_to_string(-power_of_ten(38)), "-1" + std::string(38, '0'));
  EXPECT_EQ(format_decimal(-5, 3), "-0.005");
}

TEST(Decimal, MultipliesAndDividesThroughWideNumbers) {
  EXPECT_EQ(multiply_decimals(250, -2, 0), -500);
  EXPECT_EQ(multiply_decimals(25, 5, 1), 13);  // 12.5 rounds away from zero
  EXPECT_EQ(multiply_decimals(power_of_ten(30), power_of_ten(30), 30), power_of_ten(30));
  EXPECT_FALSE(multiply_decimals(power_of_ten(30), power_of_ten(30), 20));
  EXPECT_FALSE(multiply_decimals(power_of_ten(37), 10, 0));
  EXPECT_EQ(divide_decimals(1, 6, 3), 333'333);
  EXPECT_EQ(divide_decimals(-2, 6, 3), -666'667);
  EXPECT_EQ(divide_decimals(power_of_ten(37), 38, power_of_ten(37)), std::nullopt);
  EXPECT_EQ(divide_decimals(power_of_ten(37), 37, power_of_ten(37)), power_of_ten(37));
  EXPECT_EQ(divide_decimals(1, 40, power_of_ten(20)), power_of_ten(20));
  EXPECT_EQ(divide_decimals(0, 70, 1), 0);
  EXPECT_FALSE(divide_decimals(power_of_ten(37), 70, 1));
  EXPECT_TRUE(compare_decimals(power_of_ten(37), 0, power_of_ten(37), 38) > 0);
  EXPECT_TRUE(compare_decimals(15, 1, 150, 2) == 0);
  // a * b / b = a, with 60 digits in between.
  test::Random random(6);
  for (int i = 0; i < 2000; ++i) {
    const Int128 a = static_cast<int64_t>(random() >> 1) * Int128{1'000'000'007};
    const Int128 b = Int128{static_cast<int64_t>(random() >> 2) + 1} * 1'000'003;
    const auto product = multiply_decimals(a, b, 0);
    if (product) {
      ASSERT_EQ(divide_decimals(*product, 0, b), a);
    }
    ASSERT_EQ(multiply_decimals(a, power_of_ten(20), 20), a);
  }
}

TEST(Decimal, TextReadsBack) {
  const uint64_t seed = 3;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::Random random(seed);
  for (int i = 0; i < 5000; ++i) {
    const auto precision = static_cast<int>(test::below(random, 38)) + 1;
    const auto scale = static_cast<int>(test::below(random, precision + 1));
    const Int128 wide = (Int128{static_cast<int64_t>(random())} << 63) + static_cast<int64_t>(random() >> 1);
    const Int128 units = wide % power_of_ten(precision);
    ASSERT_EQ(parse_decimal(format_decimal(units, scale), precision, scale), units);
  }
}

std::string json_of(const Type& type, const Value& value) {
  std::string by_cell;
  JsonWriter(by_cell).cell(test::column_of(type, {value}), 0);
  std::string by_value;
  JsonWriter(by_value).value(value, type);
  EXPECT_EQ(by_cell, by_value);
  return by_cell;
}

TEST(Json, ValuesPrintByTheLanguagesRules) {
  EXPECT_EQ(json_of(Kind::int64, Value::int64(INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(json_of(Type::decimal(10, 2), Value::make_decimal(-5, 2)), "-0.05");
  EXPECT_EQ(json_of(Kind::float64, Value::float64(0.1)), "0.1");
  EXPECT_EQ(json_of(Kind::float64, Value::float64(NAN)), "null");
  EXPECT_EQ(json_of(Kind::float64, Value::float64(-INFINITY)), "null");
  EXPECT_EQ(json_of(Kind::timestamp, Value::timestamp(1)), "\"1970-01-01T00:00:00.000001Z\"");
  EXPECT_EQ(json_of(Kind::date, Value::date(0)), "\"1970-01-01\"");
  EXPECT_EQ(json_of(Kind::interval, Value::interval(60'000'000)), "\"PT1M\"");
  EXPECT_EQ(json_of(Kind::bytes, Value::bytes("\xff\x00")), "\"/w==\"");
  EXPECT_EQ(json_of(Kind::boolean, Value::boolean(true)), "true");
  EXPECT_EQ(json_of(Kind::string, Value::null()), "null");
  Value list;
  list.kind = Kind::list;
  list.items = {Value::string("a"), Value::null()};
  EXPECT_EQ(json_of(Type::list(Kind::string), list), "[\"a\",null]");
  Value point;
  point.kind = Kind::structure;
  point.items = {Value::float64(1.5), list};
  EXPECT_EQ(
      json_of(Type::structure({{"lat", Kind::float64, false}, {"tags", Type::list(Kind::string), true}}),
              point),
      "{\"lat\":1.5,\"tags\":[\"a\",null]}");
}

TEST(Json, StringsAreAlwaysValidUtf8) {
  const auto text = [](std::string_view s) {
    std::string out;
    append_json_string(out, s);
    return out;
  };
  EXPECT_EQ(text("a\"b\\c\n\t\r\x01/"), "\"a\\\"b\\\\c\\n\\t\\r\\u0001/\"");
  EXPECT_EQ(text("é€😀"), "\"é€😀\"");
  EXPECT_EQ(text("a\xff\xc3"), "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(text("\xed\xa0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");  // a surrogate
  EXPECT_EQ(text("\xc0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                  // overlong
  test::Random random(8);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes;
    for (int64_t n = test::below(random, 12); n > 0; --n) bytes += static_cast<char>(random());
    ASSERT_TRUE(is_valid_utf8(text(bytes)));
  }
}

TEST(Json, WriterPlacesCommas) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("a", 1).key("b").begin_array().begin_object().end_object().number(2.5).null();
  json.begin_array().end_array().end_array().field("c", "x").field("d", true).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[{},2.5,null,[]],"c":"x","d":true})");
}

TEST(Base64, ReadsBackAndRefusesTheRest) {
  EXPECT_EQ(base64_encode("Man"), "TWFu");
  EXPECT_EQ(base64_encode("M"), "TQ==");
  test::Random random(4);
  for (int i = 0; i < 300; ++i) {
    std::string bytes;
    for (int k = 0; k < i % 40; ++k) bytes += static_cast<char>(random());
    ASSERT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
  for (const char* text : {"T", "TQ=", "T===", "TQ==TQ==", "T?==", "====", "TW=u"}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(Rejected, KeepsRecordsWhole) {
  Origin origin;
  origin.topic = std::make_shared<const std::string>("rides");
  origin.partition = Partition(2);
  origin.records = {{"{good}", 10, 5, {}},
                    {"{b\u00e4d}", 11, kNoTime, {}},
                    {"\xff\x01", 12, kNoTime, {}},
                    {"", 13, kNoTime, {}},
                    {{}, 14, kNoTime, {}}};
  const Batch batch = rejected_records(
      origin, {{1, "not JSON", "byte 1"}, {2, "not UTF-8", ""}, {3, "empty", ""}, {4, "no value", ""}},
      "sources.rides");
  EXPECT_EQ(to_string(batch),
            "_raw | _raw_base64 | _topic | _partition | _offset | _timestamp | _step | _reason | _place\n"
            "'{b\u00e4d}' | NULL | 'rides' | 2 | 11 | NULL | 'sources.rides' | 'not JSON' | 'byte 1'\n"
            "NULL | '/wE=' | 'rides' | 2 | 12 | NULL | 'sources.rides' | 'not UTF-8' | NULL\n"
            "'' | NULL | 'rides' | 2 | 13 | NULL | 'sources.rides' | 'empty' | NULL\n"
            "NULL | NULL | 'rides' | 2 | 14 | NULL | 'sources.rides' | 'no value' | NULL\n");
}

TEST(Rejected, RowsWithoutOriginAreKeptAsJsonOnce) {
  Batch batch;
  batch.schema = make_schema({{"n", Kind::int64, true}});
  batch.rows = 2;
  batch.columns = {test::column_of(Kind::int64, {Value::int64(7), Value::null()})};
  RowErrors errors;
  errors.fail(1, "first");
  errors.fail(1, "second");
  const Batch rejected = rejected_rows(batch, errors, "streams.x", "");
  ASSERT_EQ(rejected.rows, 1);
  EXPECT_EQ(rejected.column(0).string(0), R"({"n":null})");
  EXPECT_EQ(rejected.column(7).string(0), "first");
  EXPECT_TRUE(rejected.column(8).is_null(0));

  auto origin = std::make_shared<Origin>();
  origin->records = {{"raw 0", 1, 2, {}}, {"raw 1", 3, 4, {}}};
  batch.origin = origin;
  EXPECT_EQ(rejected_rows(batch, errors, "streams.x", "p").column(0).string(0), "raw 1");
}

TEST(Rejected, LateRowsCarryTheirWindowAndMetadata) {
  const SchemaRef schema = late_schema(*make_schema({{"city", Kind::string, false}}));
  EXPECT_EQ(schema->to_string(),
            "city string, window_start timestamp, window_end timestamp, _topic string?, _partition int32?, "
            "_offset int64?, _timestamp timestamp?, _reason string");
}

TEST(Metrics, NamesAreUniqueAndSayTheirKind) {
  std::set<std::string_view> names;
  for (const MetricInfo& info : metric_table()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.name.starts_with("rideflow_")) << info.name;
    EXPECT_EQ(info.name.ends_with("_total"), info.type == "counter") << info.name;
    EXPECT_FALSE(info.help.empty() || info.unit.empty()) << info.name;
  }
}

}  // namespace decimal_json_test
}  // namespace rideflow
