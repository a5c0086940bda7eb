// JSON records into columns: the types, the rule of strictness, what is rejected and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/json/json_decoder.h"
#include "tests/operators/decode_support.h"

namespace rideflow {
namespace json_decoder_test {

using test::decode;
using test::decoder_spec;
using test::rows_json;
using testing::HasSubstr;

std::string one(const std::string& type, const std::string& json) {
  const Decoded d = decode("json", decoder_spec({{"v", type}}), {"{\"v\":" + json + "}"});
  return d.rejected.empty() ? rows_json(d.batch) : "rejected: " + d.rejected[0].reason;
}
std::string value(const std::string& json) {
  return "{\"v\":" + json + "}\n";
}

TEST(JsonDecoder, RideEvent) {
  const DecoderSpec spec = decoder_spec({{"ride_id", "string"},
                                         {"driver_id", "string?"},
                                         {"pickup_location", "struct(lat double, lon double)?"},
                                         {"fare", "double?"},
                                         {"ride_timestamp", "timestamp"},
                                         {"city", "string"}},
                                        {"city"});
  const Decoded d =
      decode("json", spec,
             {R"({"ride_id":"r1","driver_id":null,"extra":{"a":[1,{"b":"]"}]},"city":"Lyon","fare":12.5,)"
              R"("pickup_location":{"lon":4.8,"lat":45.7},"ride_timestamp":"2026-01-01T12:00:10Z"})",
              R"( { "ride_timestamp" : "2026-01-01T12:00:11.5Z" , "ride_id" : "a ride id that is long" } )"});
  EXPECT_TRUE(d.rejected.empty()) << d.rejected[0].reason;
  EXPECT_EQ(rows_json(d.batch),
            R"({"ride_id":"r1","driver_id":null,"pickup_location":{"lat":45.7,"lon":4.8},"fare":12.5,)"
            R"("ride_timestamp":"2026-01-01T12:00:10Z"})"
            "\n"
            R"({"ride_id":"a ride id that is long","driver_id":null,"pickup_location":null,"fare":null,)"
            R"("ride_timestamp":"2026-01-01T12:00:11.500Z"})"
            "\n");
  EXPECT_FALSE(d.batch.origin_row);
  EXPECT_EQ(d.batch.schema->size(), 5);
}

// A tombstone: not an empty text, but no value at all. Whatever the format, it is a record without one.
TEST(JsonDecoder, RecordsWithoutAValueAreRejectedInEveryTextFormat) {
  for (const std::string format : {"json", "csv"}) {
    for (const size_t others : {0U, 1U, 3U}) {
      const std::string line = format == "json" ? R"({"v":7})" : "7";
      auto origin = std::make_shared<Origin>(*test::records(std::vector<std::string>(others, line)));
      origin->records.insert(origin->records.begin() + static_cast<std::ptrdiff_t>(others / 2),
                             {{}, 99, 0, {}});
      Decoded d;
      const Status status = test::decoder(format, decoder_spec({{"v", "int64"}}))->decode(origin, d);
      ASSERT_TRUE(status.ok()) << status.to_string();
      EXPECT_EQ(d.batch.rows, static_cast<int32_t>(others));
      EXPECT_EQ(d.rejected.size() + static_cast<size_t>(d.skipped), 1U) << format << " " << others;
    }
  }
}

TEST(JsonDecoder, LongStringsAreViewsIntoTheArena) {
  const auto origin = test::records({R"({"v":"a string of more than twelve bytes"})"});
  Decoded d;
  ASSERT_TRUE(test::decoder("json", decoder_spec({{"v", "string"}}))->decode(origin, d).ok());
  const std::string_view v = d.batch.column(0).string(0);
  EXPECT_EQ(v, "a string of more than twelve bytes");
  EXPECT_GE(v.data(), origin->arena.view().data());
  EXPECT_LT(v.data(), origin->arena.view().data() + origin->arena.size());
}

TEST(JsonDecoder, Types) {
  EXPECT_EQ(one("bool", "true"), value("true"));
  EXPECT_EQ(one("int32", "-2147483648"), value("-2147483648"));
  EXPECT_EQ(one("int64", "9223372036854775807"), value("9223372036854775807"));
  EXPECT_EQ(one("int64", "-9223372036854775808"), value("-9223372036854775808"));
  EXPECT_EQ(one("int64", "5.0"), value("5"));
  EXPECT_EQ(one("int64", "1e3"), value("1000"));
  EXPECT_EQ(one("int64", "9007199254740993.0"), value("9007199254740993"));
  EXPECT_EQ(one("int64", "1e18"), value("1000000000000000000"));
  EXPECT_EQ(one("int64", "92233720368547758070e-1"), value("9223372036854775807"));
  EXPECT_EQ(one("int32", "0.0002147483647e13"), value("2147483647"));
  EXPECT_EQ(one("timestamp(s)", "1.767268800e9"), value("\"2026-01-01T12:00:00Z\""));
  EXPECT_EQ(one("timestamp(s)", "0.9999999999999"), value("\"1970-01-01T00:00:00.999999Z\"")) << "cut";
  EXPECT_EQ(one("timestamp(us)", "-0.5"), value("\"1969-12-31T23:59:59.999999Z\""));
  EXPECT_EQ(one("interval", "\"-PT1H\""), value("\"-PT1H\""));
  EXPECT_EQ(one("double", "0.1"), value("0.1"));
  EXPECT_EQ(one("double", "-1.7976931348623157e308"), value("-1.7976931348623157e308"));
  EXPECT_EQ(one("double", "1e-400"), value("0.0"));
  EXPECT_EQ(one("double", "123456789012345678901234567890"), value("1.2345678901234568e29"));
  EXPECT_EQ(one("decimal(38,2)", "123456789012345678901234567890.125"),
            value("123456789012345678901234567890.13"));
  EXPECT_EQ(one("decimal(10,2)", "12.5"), value("12.50"));
  EXPECT_EQ(one("string", "\"\""), value("\"\""));
  EXPECT_EQ(one("string", R"("a\n\"\\\/\u00e9\ud83d\ude97")"), value("\"a\\n\\\"\\\\/\u00e9\U0001F697\""));
  EXPECT_EQ(one("bytes", "\"AQID\""), value("\"AQID\""));
  EXPECT_EQ(one("date", "\"2024-02-29\""), value("\"2024-02-29\""));
  EXPECT_EQ(one("interval", "\"PT1H30M\""), value("\"PT1H30M\""));
  EXPECT_EQ(one("list(int64?)", "[1, null ,3]"), value("[1,null,3]"));
  EXPECT_EQ(one("list(list(string)?)", R"([["a"],[],null])"), value(R"([["a"],[],null])"));
  EXPECT_EQ(one("list(struct(a int32, b string?))", R"([{"b":"x","a":1},{"a":2}])"),
            value(R"([{"a":1,"b":"x"},{"a":2,"b":null}])"));
  EXPECT_EQ(one("struct(a struct(b int64?)?)", R"({"a":{}})"), value(R"({"a":{"b":null}})"));
}

TEST(JsonDecoder, Timestamps) {
  EXPECT_EQ(one("timestamp", "\"2026-01-01T12:00:00+02:00\""), value("\"2026-01-01T10:00:00Z\""));
  EXPECT_EQ(one("timestamp", "\"2026-01-01 12:00:00\""), value("\"2026-01-01T12:00:00Z\""));
  EXPECT_EQ(one("timestamp", "\"2026-01-01T12:00:00.1234567Z\""), value("\"2026-01-01T12:00:00.123456Z\""));
  EXPECT_EQ(one("timestamp(s)", "1767268800"), value("\"2026-01-01T12:00:00Z\""));
  EXPECT_EQ(one("timestamp(s)", "1767268800.25"), value("\"2026-01-01T12:00:00.250Z\""));
  EXPECT_EQ(one("timestamp(ms)", "1767268800123"), value("\"2026-01-01T12:00:00.123Z\""));
  EXPECT_EQ(one("timestamp(us)", "1767268800123456"), value("\"2026-01-01T12:00:00.123456Z\""));
  EXPECT_EQ(one("timestamp(Europe/Paris)", "\"2026-07-01T12:00:00\""), value("\"2026-07-01T10:00:00Z\""));
  EXPECT_EQ(one("list(timestamp(Europe/Paris))", "[\"2026-01-01T12:00:00\"]"),
            value("[\"2026-01-01T11:00:00Z\"]"));
  EXPECT_EQ(one("decimal(10,3)(text)", "\"1.25\""), value("1.250"));
  EXPECT_THAT(one("decimal(10,3)", "\"1.25\""), HasSubstr("found a string"));
  EXPECT_THAT(one("timestamp", "1767268800"), HasSubstr("expected a timestamp in a string, found a number"));
  EXPECT_THAT(one("timestamp(ms)", "\"1767268800123\""), HasSubstr("expected a number since 1970"));
  EXPECT_THAT(one("timestamp(s)", "1e18"), HasSubstr("years 1 to 9999"));
  EXPECT_THAT(one("timestamp", "\"2026-02-30T00:00:00Z\""), HasSubstr("'2026-02-30T00:00:00Z'"));
  EXPECT_THAT(one("timestamp", "\"2026-01-01T12:00:61Z\""), HasSubstr("expected a timestamp"));
}

TEST(JsonDecoder, TheRememberedMinuteChangesNothing) {
  const std::vector<std::string> texts = {
      "2026-01-01T12:00:05Z",  "2026-01-01T12:00:05.25Z",   "2026-01-01T12:00:05",
      "2026-01-01T12:00:60Z",  "2026-01-01T12:00:05+01:00", "2026-01-01T12:00:5Z",
      "2026-01-01T12:00:05.Z", "2026-01-01T12:00:05.1x",    "2026-01-01T12:00",
      "2026-01-01T12:00:05ZZ", "2026-01-01 12:00:05Z",      "2026-01-01T12:0a:05Z"};
  TimestampReader warm;
  ASSERT_TRUE(warm.read("2026-01-01T12:00:59Z").has_value());
  for (const std::string& text : texts) EXPECT_EQ(warm.read(text), TimestampReader().read(text)) << text;
}

TEST(JsonDecoder, NumbersInTextOnlyWhereDeclared) {
  EXPECT_EQ(one("double(text)", "\"12.5\""), value("12.5"));
  EXPECT_EQ(one("int64(text)", "\"-7\""), value("-7"));
  EXPECT_THAT(one("double", "\"12.5\""), HasSubstr("field 'v': expected a number, found a string"));
  EXPECT_THAT(one("double(text)", "\"12,5\""), HasSubstr("rejected"));
  EXPECT_THAT(one("string", "12"), HasSubstr("expected a string, found a number"));
}

TEST(JsonDecoder, WhatDoesNotFitIsRejected) {
  EXPECT_THAT(one("int32", "2147483648"), HasSubstr("in the range of int32, found 2147483648"));
  EXPECT_THAT(one("int64", "9223372036854775808"), HasSubstr("in the range of int64"));
  EXPECT_THAT(one("int64", "1.5"), HasSubstr("a whole number"));
  EXPECT_THAT(one("int64", "9007199254740993.5"), HasSubstr("a whole number"));
  EXPECT_THAT(one("int64", "1e-5"), HasSubstr("a whole number"));
  EXPECT_THAT(one("int64", "9.3e18"), HasSubstr("in the range of int64"));
  EXPECT_THAT(one("double", "1e999"), HasSubstr("in the range of double"));
  EXPECT_THAT(one("decimal(4,2)", "123.45"), HasSubstr("decimal(4,2)"));
  EXPECT_THAT(one("bytes", "\"?\""), HasSubstr("base64"));
  EXPECT_THAT(one("list(int32)", "[1,\"x\"]"), HasSubstr("field 'v[]'"));
  EXPECT_THAT(one("struct(a int32)", "{\"a\":null}"), HasSubstr("field 'v.a' is null"));
  EXPECT_THAT(one("struct(a int32)", "{}"), HasSubstr("field 'v.a' is missing"));
  EXPECT_THAT(one("string", "null"), HasSubstr("field 'v' is null"));
}

TEST(JsonDecoder, RejectedRecordsLeaveNoTrace) {
  const DecoderSpec spec = decoder_spec({{"l", "list(string)?"}, {"s", "struct(a int32)?"}, {"n", "int32"}});
  const Decoded d =
      decode("json", spec,
             {R"({"l":["one"],"s":{"a":1},"n":1})", R"({"l":["two","and a longer text"],"s":null,"n":"x"})",
              R"({"l":["three"],"n":3})", R"(no)", R"({"l":null,"s":{"a":5},"n":5})"});
  ASSERT_EQ(d.rejected.size(), 2U);
  EXPECT_EQ(d.rejected[0].record, 1);
  EXPECT_EQ(d.rejected[0].place, "byte 47");
  EXPECT_EQ(d.rejected[1].record, 3);
  EXPECT_EQ(rows_json(d.batch),
            "{\"l\":[\"one\"],\"s\":{\"a\":1},\"n\":1}\n{\"l\":[\"three\"],\"s\":null,\"n\":3}\n"
            "{\"l\":null,\"s\":{\"a\":5},\"n\":5}\n");
  ASSERT_TRUE(d.batch.origin_row);
  EXPECT_EQ(d.batch.record(1).position, 2);
  EXPECT_EQ(d.batch.record(2).position, 4);
}

TEST(JsonDecoder, TheLastOfEqualKeysCounts) {
  EXPECT_EQ(one("int64", "1,\"v\":2"), value("2"));
  EXPECT_EQ(one("int64", "\"x\",\"\\u0076\":2"), value("2"));
  EXPECT_EQ(one("struct(a int64?)", R"({"a":1},"v":{})"), value("{\"a\":null}"));
  EXPECT_EQ(one("struct(a int64?, b int64?)", R"({"a":1,"b":2,"a":null})"), value("{\"a\":null,\"b\":2}"));
}

TEST(JsonDecoder, TheWholeRecordMustBeValid) {
  const std::vector<std::string> bad = {"",
                                        " ",
                                        "[]",
                                        "1",
                                        "null",
                                        "{",
                                        "}",
                                        "{}}",
                                        "{} x",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1,}",
                                        "{,}",
                                        "{\"a\" 1}",
                                        "{\"a\":1 \"b\":2}",
                                        "{a:1}",
                                        "{'a':1}",
                                        "{\"a\":01}",
                                        "{\"a\":+1}",
                                        "{\"a\":.5}",
                                        "{\"a\":1.}",
                                        "{\"a\":1e}",
                                        "{\"a\":-}",
                                        "{\"a\":nope}",
                                        "{\"a\":tru}",
                                        "{\"a\":truex}",
                                        "{\"a\":[1,2}",
                                        "{\"a\":[1,]}",
                                        "{\"a\":[,1]}",
                                        "{\"a\":[1 2]}",
                                        "{\"a\":{]}",
                                        "{\"a\":\"x}",
                                        "{\"a\":\"\\x\"}",
                                        "{\"a\":\"\\u12g4\"}",
                                        "{\"a\":\"\\ud800\"}",
                                        "{\"a\":\"\\udc00\"}",
                                        "{\"a\":\"\\ud800\\u0041\"}",
                                        "{\"a\":\"\n\"}",
                                        "{\"a\":\"\xff\"}",
                                        "{\"a\":\"\xc0\xaf\"}",
                                        "{\"a\":NaN}",
                                        "{\"a\":Infinity}",
                                        "{\"a\":0x10}",
                                        "{\"a\":1}//",
                                        std::string("{\"a\":\"\0\"}", 9)};
  for (const std::string& text : bad) {
    const Decoded d = decode("json", decoder_spec({{"v", "string?"}}), {text});
    EXPECT_EQ(d.rejected.size(), 1U) << text;
  }
  const std::string deep_ok = "{\"a\":" + std::string(127, '[') + std::string(127, ']') + "}";
  const std::string deep_bad = "{\"a\":" + std::string(128, '[') + std::string(128, ']') + "}";
  const std::string large = "{\"a\":\"" + std::string(1 << 20, 'x') + "\"}";
  const Decoded d =
      decode("json", decoder_spec({{"v", "string?"}}), {deep_ok, deep_bad, large, "{}", "{\"\":0}"});
  ASSERT_EQ(d.rejected.size(), 2U);
  EXPECT_THAT(d.rejected[0].reason, HasSubstr("deeper than 128"));
  EXPECT_THAT(d.rejected[1].reason, HasSubstr("1 MiB"));
}

TEST(JsonDecoder, ValidateAllChecksWhatIsNotUsed) {
  DecoderSpec spec = decoder_spec({{"a", "int32"}, {"b", "int32"}}, {"b"});
  const std::vector<std::string> text = {R"({"a":1,"b":"x"})", R"({"a":2,"b":2})"};
  EXPECT_EQ(decode("json", spec, text).batch.rows, 2);
  spec.validate_all = true;
  const Decoded d = decode("json", spec, text);
  EXPECT_EQ(rows_json(d.batch), "{\"a\":2}\n");
  ASSERT_EQ(d.rejected.size(), 1U);
  EXPECT_THAT(d.rejected[0].reason, HasSubstr("field 'b'"));
}

TEST(JsonDecoder, RecordsOutsideTheArenaAreCopiedFirst) {
  const std::string text = R"({"v":"a text of more than twelve bytes"})";
  auto origin = std::make_shared<Origin>();
  origin->records.push_back({text, 0, 0, {}});
  Decoded d;
  ASSERT_TRUE(test::decoder("json", decoder_spec({{"v", "string"}}))->decode(origin, d).ok());
  EXPECT_EQ(rows_json(d.batch), text + "\n");
}

TEST(JsonFormat, EncodesOneObjectALine) {
  const Decoded d = decode("json", decoder_spec({{"v", "double?"}}), {"{\"v\":1.5}", "{}"});
  auto encoder = test::catalog().find_format("json")->make_encoder(d.batch.schema, {});
  ASSERT_TRUE(encoder.ok());
  std::string out;
  (*encoder)->encode(d.batch, 0, true, out);
  (*encoder)->encode(d.batch, 1, false, out);
  EXPECT_EQ(out, "{\"v\":1.5}\n{\"v\":null}");
}

}  // namespace json_decoder_test
}  // namespace rideflow
