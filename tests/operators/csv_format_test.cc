// CSV rows into columns and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operators/decode_support.h"

namespace rideflow {
namespace csv_format_test {

using test::decode;
using test::decoder_spec;
using test::options;
using test::rows_json;
using testing::HasSubstr;

std::string one(const std::string& type, const std::string& field, const Options& o = {}) {
  const Decoded d = decode("csv", decoder_spec({{"v", type}}), {field}, o);
  return d.rejected.empty() ? rows_json(d.batch) : "rejected: " + d.rejected[0].reason;
}
std::string value(const std::string& json) {
  return "{\"v\":" + json + "}\n";
}

TEST(CsvDecoder, Types) {
  EXPECT_EQ(one("bool", "Y"), value("true"));
  EXPECT_EQ(one("bool", "0"), value("false"));
  EXPECT_EQ(one("int32", " 12 "), value("12"));
  EXPECT_EQ(one("int64", "+12"), value("12"));
  EXPECT_EQ(one("double", "-73.987654321"), value("-73.987654321"));
  EXPECT_EQ(one("double", "-.5"), value("-0.5"));
  EXPECT_EQ(one("double", ".5"), value("0.5"));
  EXPECT_EQ(one("double", "5."), value("5.0"));
  EXPECT_EQ(one("decimal(10,2)", "12.5"), value("12.50"));
  EXPECT_EQ(one("timestamp", "2014-01-09 20:45:25"), value("\"2014-01-09T20:45:25Z\""));
  EXPECT_EQ(one("timestamp", "2014-01-09T20:45:25+01:00"), value("\"2014-01-09T19:45:25Z\""));
  EXPECT_EQ(one("timestamp(ms)", "1767268800123"), value("\"2026-01-01T12:00:00.123Z\""));
  EXPECT_EQ(one("date", "2014-01-09"), value("\"2014-01-09\""));
  EXPECT_EQ(one("string", " a b "), value("\" a b \""));
  EXPECT_EQ(one("string", "\u00e9"), value("\"\u00e9\""));
}

TEST(CsvDecoder, AColumnMayNameItsZone) {
  EXPECT_EQ(one("timestamp(Europe/Paris)", "2026-07-01 12:00:00"), value("\"2026-07-01T10:00:00Z\""));
  EXPECT_EQ(one("timestamp('Europe/Paris')?", "2026-01-01T12:00:00"), value("\"2026-01-01T11:00:00Z\""));
  EXPECT_EQ(one("timestamp(Europe/Paris)", "2026-07-01T12:00:00Z"), value("\"2026-07-01T12:00:00Z\""));
}

TEST(CsvDecoder, QuotesAndNulls) {
  EXPECT_EQ(one("string", "\"a, \"\"b\"\"\""), value("\"a, \\\"b\\\"\""));
  EXPECT_EQ(one("string", "a\"b"), value("\"a\\\"b\""));
  EXPECT_EQ(one("int32", "\"12\""), value("12"));
  EXPECT_EQ(one("string?", ""), value("null"));
  EXPECT_EQ(one("string?", "\"\""), value("\"\""));
  EXPECT_EQ(one("string", ""), value("\"\""));
  EXPECT_EQ(one("int32?", "  "), value("null"));
  EXPECT_EQ(one("string?", "NA", options({{"null", "NA"}})), value("null"));
  EXPECT_EQ(one("string?", "", options({{"null", "NA"}})), value("\"\""));
  EXPECT_EQ(one("string", "a\r"), value("\"a\""));
}

TEST(CsvDecoder, TheNullTokenIsTextOnlyInQuotes) {
  const Options na = options({{"null", "NA"}});
  for (const std::string type : {"string", "int32", "bool", "timestamp", "double"}) {
    EXPECT_EQ(one(type + "?", "NA", na), value("null"));
    EXPECT_THAT(one(type, "NA", na), HasSubstr("is null")) << type;
  }
  EXPECT_EQ(one("string", "\"NA\"", na), value("\"NA\""));
  EXPECT_EQ(one("string?", "\"NA\"", na), value("\"NA\""));
  EXPECT_EQ(one("int32?", " NA ", na), value("null"));
  EXPECT_EQ(one("string?", " NA", na), value("\" NA\""));
  EXPECT_EQ(one("int32?", "\"5\"", options({{"null", "5"}})), value("5"));
  EXPECT_EQ(one("int32?", "5", options({{"null", "5"}})), value("null"));
  EXPECT_EQ(one("string", "", na), value("\"\""));
}

TEST(CsvDecoder, NumbersAsManyFilesSpellThem) {
  const std::vector<std::pair<const char*, const char*>> whole = {
      {"08", "8"},
      {"-007", "-7"},
      {"+5", "5"},
      {"+005", "5"},
      {"000", "0"},
      {"-0", "0"},
      {"5.", "5"},
      {"5.000", "5"},
      {"0050e1", "500"},
      {"1e3", "1000"},
      {"12.50e1", "125"},
      {"9007199254740993.0", "9007199254740993"},
      {"1e18", "1000000000000000000"},
      {"-9223372036854775808.", "-9223372036854775808"},
      {"0000000000000000000000009", "9"}};
  for (const auto& [text, number] : whole) {
    EXPECT_EQ(one("int64", text), value(number)) << text;
    EXPECT_EQ(one("decimal(19,0)", text), value(number)) << text;
    const Decoded d =
        decode("json", decoder_spec({{"v", "int64(text)"}}), {"{\"v\":\"" + std::string(text) + "\"}"});
    EXPECT_EQ(rows_json(d.batch), value(number)) << text;
  }
  const std::vector<std::pair<const char*, const char*>> parts = {{"-01.5", "-1.5"}, {"+.5", "0.5"},
                                                                  {"-.5e1", "-5.0"}, {"00.25", "0.25"},
                                                                  {"007", "7.0"},    {"5.e1", "50.0"}};
  for (const auto& [text, number] : parts) EXPECT_EQ(one("double", text), value(number)) << text;
  EXPECT_EQ(one("timestamp(s)", "01767268800"), value("\"2026-01-01T12:00:00Z\""));
  for (const char* text : {"0x10", "1 2", "--5", "+-5", "", ".", "-", "+", "e5", "1e", "1_000", "5-", "1..2"})
    EXPECT_THAT(one("double", text), HasSubstr("rejected")) << text;
  for (const char* text :
       {"2.5", "1e-1", "9223372036854775808", "1e19", "1e99999999999", "9007199254740993.5"})
    EXPECT_THAT(one("int64", text),
                HasSubstr("expected a whole number in the range of int64, found '" + std::string(text)))
        << text;
}

TEST(CsvDecoder, FieldsBeyondTheOthers) {
  const Options ignore = options({{"extra_fields", "ignore"}});
  const DecoderSpec spec = decoder_spec({{"a", "int32"}, {"b", "string?"}});
  EXPECT_EQ(decode("csv", spec, {"1,x,y"}, options({{"extra_fields", "reject"}})).rejected.size(), 1U);
  EXPECT_EQ(decode("csv", spec, {"1,x,y"}).rejected.size(), 1U);
  const Decoded d = decode("csv", spec, {"1,x", "2,y,z", "3,,,,\"a,b\"", "4", "5,x,\"open"}, ignore);
  EXPECT_EQ(rows_json(d.batch), "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n{\"a\":3,\"b\":null}\n");
  ASSERT_EQ(d.rejected.size(), 2U);
  EXPECT_THAT(d.rejected[0].reason, HasSubstr("expected 2 fields, found 1"));
}

TEST(CsvDecoder, WhatDoesNotFitIsRejected) {
  EXPECT_THAT(one("int32", ""), HasSubstr("is null"));
  EXPECT_THAT(one("int32", "x"), HasSubstr("column 'v': expected a number, found 'x'"));
  EXPECT_THAT(one("int32", "3000000000"), HasSubstr("int32"));
  EXPECT_THAT(one("bool", "maybe"), HasSubstr("true or false"));
  EXPECT_THAT(one("string", "\"open"), HasSubstr("not closed"));
  EXPECT_THAT(one("string", "\"a\"b"), HasSubstr("behind a closing quote"));
  EXPECT_THAT(one("string", "a,b"), HasSubstr("expected 1 fields, found 2"));
  EXPECT_THAT(one("string", "\xff"), HasSubstr("UTF-8"));
  EXPECT_THAT(one("timestamp", "2014-13-09 20:45:25"), HasSubstr("timestamp"));
}

TEST(CsvDecoder, ColumnsByPosition) {
  const DecoderSpec spec = decoder_spec({{"a", "int32"}, {"b", "string?"}, {"c", "double"}}, {"b"});
  const Decoded d = decode("csv", spec, {"1,x,2.5", "no,x,1", "3,,4,", "5,\"a,b\",6"});
  EXPECT_EQ(rows_json(d.batch), "{\"a\":1,\"c\":2.5}\n{\"a\":5,\"c\":6.0}\n");
  ASSERT_EQ(d.rejected.size(), 2U);
  EXPECT_EQ(d.rejected[0].place, "field 1");
  EXPECT_EQ(d.batch.record(1).position, 3);
}

TEST(CsvDecoder, ColumnsByHeader) {
  const DecoderSpec spec = decoder_spec({{"a", "int32"}, {"b", "string?"}, {"missing", "string?"}});
  const auto made = test::decoder("csv", spec, options({{"header", "true"}, {"delimiter", ";"}}));
  auto first = std::make_shared<Origin>(*test::records({"b;\"a\";extra", "x;1;y", "z;2;"}));
  first->first_line = std::make_shared<const std::string>("b;\"a\";extra");
  Decoded d;
  ASSERT_TRUE(made->decode(first, d).ok());
  EXPECT_EQ(d.skipped, 1);
  EXPECT_EQ(rows_json(d.batch),
            "{\"a\":1,\"b\":\"x\",\"missing\":null}\n{\"a\":2,\"b\":\"z\",\"missing\":null}\n");
  EXPECT_EQ(d.batch.record(0).position, 1);

  auto second = std::make_shared<Origin>(*test::records({"ignored", "7"}));
  second->records.erase(second->records.begin());
  second->first_line = std::make_shared<const std::string>("a");
  ASSERT_TRUE(made->decode(second, d).ok());
  EXPECT_EQ(rows_json(d.batch), "{\"a\":7,\"b\":null,\"missing\":null}\n");
}

// One error of the file, however many rows it has: the file, the column, what there is, the way out.
TEST(CsvDecoder, AHeaderWithoutADeclaredColumnIsAnErrorOfTheFile) {
  const DecoderSpec spec = decoder_spec({{"a", "int32"}, {"b", "string?"}, {"unread", "string"}}, {"unread"});
  const auto made = test::decoder("csv", spec, options({{"header", "true"}}));
  auto chunk = std::make_shared<Origin>(*test::records({"ignored", "7,8"}));
  chunk->topic = std::make_shared<const std::string>("in/rides.csv");
  chunk->first_line = std::make_shared<const std::string>("A,b\r");
  Decoded d;
  for (int i = 0; i < 2; ++i)  // and again, when the same chunk is asked for once more
    EXPECT_EQ(
        made->decode(chunk, d).to_string(),
        "in/rides.csv: the header has no column 'a'; it has 'A', 'b'. Name the column in the schema as the "
        "file does, or declare 'a: int32?' where it may be missing");
  chunk->first_line = std::make_shared<const std::string>("a,\"b");
  EXPECT_EQ(made->decode(chunk, d).to_string(),
            "in/rides.csv: the header is no CSV: a quote that is not closed in field 2");
  chunk->first_line = std::make_shared<const std::string>("b,a");
  ASSERT_TRUE(made->decode(chunk, d).ok());
  EXPECT_EQ(rows_json(d.batch), "{\"a\":8,\"b\":\"7\"}\n");
}

TEST(CsvDecoder, AHeaderThatHasANameTwiceIsAnErrorOfTheFile) {
  const auto said = [](const std::string& header) {
    const auto made = test::decoder("csv", decoder_spec({{"a", "string?"}}), options({{"header", "true"}}));
    auto chunk = std::make_shared<Origin>(*test::records({header, "1,2,3"}));
    chunk->first_line = std::make_shared<const std::string>(header);
    Decoded d;
    return made->decode(chunk, d).to_string();
  };
  EXPECT_THAT(said("a,b,a"), HasSubstr("the header has the column 'a' twice, as fields 1 and 3"));
  EXPECT_THAT(said("x, b,\"b\""), HasSubstr("'b' twice, as fields 2 and 3")) << "whoever asks for it or not";
  EXPECT_EQ(said("a,,"), "ok") << "columns without a name are nobody's";
  EXPECT_EQ(said("a,A,\" a\""), "ok");
}

// Blank lines in front of the header, and between rows of more than one field, are none.
TEST(CsvDecoder, BlankLinesOfAFile) {
  const auto read = [](const std::vector<std::string>& lines, const std::string& first, bool header,
                       const std::vector<test::ColumnText>& columns) {
    const auto made =
        test::decoder("csv", decoder_spec(columns), options({{"header", header ? "true" : "false"}}));
    std::string rows;
    int32_t skipped = 0;
    for (size_t i = 0; i < lines.size(); ++i) {  // a chunk each
      auto chunk = std::make_shared<Origin>(*test::records({lines[i]}));
      chunk->records[0].position = static_cast<int64_t>(i);
      chunk->first_line = std::make_shared<const std::string>(first);
      static std::shared_ptr<const std::string> same;
      same = i == 0 ? chunk->first_line : same;
      chunk->first_line = same;
      Decoded d;
      EXPECT_TRUE(made->decode(chunk, d).ok());
      EXPECT_TRUE(d.rejected.empty());
      rows += rows_json(d.batch);
      skipped += d.skipped;
    }
    return rows + std::to_string(skipped);
  };
  const std::vector<test::ColumnText> two = {{"a", "int32"}, {"b", "int32"}};
  EXPECT_EQ(read({"", "", "b,a", "", "1,2"}, "b,a", true, two), "{\"a\":2,\"b\":1}\n4");
  EXPECT_EQ(read({"", "1,2", ""}, "1,2", false, two), "{\"a\":1,\"b\":2}\n2");
  EXPECT_EQ(read({"", "a", "", "1"}, "a", true, {{"a", "int32?"}}), "{\"a\":null}\n{\"a\":1}\n2");
  EXPECT_EQ(read({"", ""}, "", true, two), "2")
      << "a file of empty lines has no rows, and no header to find fault with";
  EXPECT_EQ(read({"", ""}, "", false, two), "2");
  EXPECT_EQ(read({"", "1"}, "1", false, {{"a", "int32?"}}), "{\"a\":null}\n{\"a\":1}\n0");
}

TEST(CsvDecoder, ARecordOfATopicIsNeverAHeader) {
  const Decoded d = decode("csv", decoder_spec({{"a", "int32"}}), {"1", "2"}, options({{"header", "true"}}));
  EXPECT_EQ(rows_json(d.batch), "{\"a\":1}\n{\"a\":2}\n");
}

TEST(CsvDecoder, ValidateAll) {
  DecoderSpec spec = decoder_spec({{"a", "int32"}, {"b", "int32"}}, {"b"});
  EXPECT_EQ(decode("csv", spec, {"1,x"}).batch.rows, 1);
  spec.validate_all = true;
  EXPECT_EQ(decode("csv", spec, {"1,x"}).rejected.size(), 1U);
}

TEST(CsvFormat, OptionsAreChecked) {
  const auto refused = [](const Options& o, const std::string& type) {
    auto made = test::catalog().find_format("csv")->make_decoder(decoder_spec({{"v", type}}), o);
    return made.ok() ? std::string() : made.status().message();
  };
  EXPECT_THAT(refused(options({{"delimiter", "ab"}}), "string"), HasSubstr("delimiter"));
  EXPECT_THAT(refused(options({{"delimiter", "\""}}), "string"), HasSubstr("must differ"));
  EXPECT_THAT(refused(options({{"null", "a,b"}}), "string"), HasSubstr("'null' can't hold"));
  EXPECT_THAT(refused({}, "list(string)"), HasSubstr("a field of CSV can't hold"));
}

TEST(CsvFormat, WhatIsWrittenReadsBackEqual) {
  const std::vector<test::ColumnText> columns = {
      {"s", "string?"},    {"d", "double?"}, {"m", "decimal(10,2)?"}, {"b", "bool?"},
      {"t", "timestamp?"}, {"y", "date?"},   {"x", "bytes?"},         {"i", "interval?"}};
  const Decoded d = decode(
      "json", decoder_spec(columns),
      {R"({"s":"plain","d":1.5,"m":2.5,"b":true,"t":"2026-01-01T00:00:00.5Z","y":"2026-01-01","x":"AQID","i":"PT5S"})",
       R"({"s":"a, \"b\"\nc"})", R"({"s":""})", R"({"s":"NA"})", "{}"});
  ASSERT_EQ(d.batch.rows, 5);
  for (const std::string null : {"", "NA"}) {
    const Options o = options({{"header", "true"}, {"null", null}});
    auto encoder = test::catalog().find_format("csv")->make_encoder(d.batch.schema, o);
    ASSERT_TRUE(encoder.ok());
    EXPECT_EQ((*encoder)->header(), "s,d,m,b,t,y,x,i\n");
    EXPECT_EQ((*encoder)->extension(), "csv");
    std::vector<std::string> rows(5);
    for (int32_t i = 0; i < 5; ++i) (*encoder)->encode(d.batch, i, false, rows[static_cast<size_t>(i)]);
    const Decoded again = decode("csv", decoder_spec(columns), rows, options({{"null", null}}));
    EXPECT_EQ(rows_json(again.batch), rows_json(d.batch));
  }
}

}  // namespace csv_format_test
}  // namespace rideflow
