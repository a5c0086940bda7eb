// What one job writes another reads: random values of every type, through every format, as files and as the
// records of topics.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/virtual_env.h"
#include "operators/files/line_reader.h"
#include "tests/operators/decode_support.h"
#include "tests/support/random_column.h"

namespace rideflow {
namespace format_round_trip_test {

using test::below;
using test::options;
using test::Random;

// Texts that a format may take for something else.
std::string odd_text(Random& random) {
  const std::vector<std::string> parts = {"",
                                          " ",
                                          "\t",
                                          ",",
                                          ";",
                                          "\"",
                                          "\"\"",
                                          "\n",
                                          "\r",
                                          "\r\n",
                                          "'",
                                          "null",
                                          "NULL",
                                          "NA",
                                          "~",
                                          "-",
                                          "\\N",
                                          "0",
                                          "1",
                                          "5",
                                          "true",
                                          "{}",
                                          "[]",
                                          "#",
                                          "\\",
                                          "\\n",
                                          "a",
                                          "é",
                                          "€",
                                          "😀",
                                          "\x01",
                                          "\x7f",
                                          "a b",
                                          "name",
                                          "\xef\xbb\xbf",
                                          std::string(1, '\0'),
                                          "a long text, of two parts"};
  std::string out;
  for (int64_t i = below(random, 4); i > 0; --i)
    out += parts[static_cast<size_t>(below(random, static_cast<int64_t>(parts.size())))];
  return out;
}

Value odd_value(const Type& type, Random& random) {
  if (type.kind == Kind::list || type.kind == Kind::structure) {
    Value value;
    value.kind = type.kind;
    const auto add = [&](const Field& field) {
      value.items.push_back(field.nullable && below(random, 4) == 0 ? Value::null()
                                                                    : odd_value(field.type, random));
    };
    if (type.kind == Kind::list)
      for (int64_t i = below(random, 4); i > 0; --i) add(type.children->front());
    else
      for (const Field& field : *type.children) add(field);
    return value;
  }
  const int64_t pick = below(random, 4);
  const auto wide = static_cast<int64_t>(random()) >> below(random, 63);
  if (type.kind == Kind::string) return Value::string(odd_text(random));
  if (type.kind == Kind::bytes) return Value::bytes(odd_text(random) + (pick == 0 ? "\xff" : ""));
  if (type.kind == Kind::interval) return Value::interval(wide);
  if (type.kind == Kind::int64) return Value::int64(wide);
  if (type.kind == Kind::timestamp) {
    constexpr Micros kFirst = -62'135'596'800'000'000, kLast = 253'402'300'799'999'999;
    return Value::timestamp(pick == 0 ? kFirst : pick == 1 ? kLast : std::clamp(wide, kFirst, kLast));
  }
  if (type.kind == Kind::date) return Value::date(static_cast<int32_t>(below(random, 3'652'059) - 719'162));
  if (type.kind == Kind::float64 && pick != 0) {
    double v = 0;
    const uint64_t bits = random();
    std::memcpy(&v, &bits, sizeof(v));
    return Value::float64(pick == 1 ? static_cast<double>(wide) : v);
  }
  return test::random_value(type, random);
}

// NaN and infinities have no text in these formats: they are null.
Value as_written(const Value& v) {
  if (v.kind == Kind::float64 && !std::isfinite(v.number)) return Value::null();
  Value out = v;
  for (Value& item : out.items) item = as_written(item);
  return out;
}

std::vector<Type> plain_types() {
  return {Kind::boolean,        Kind::int32,           Kind::int64,         Kind::float64,
          Type::decimal(38, 0), Type::decimal(38, 38), Type::decimal(9, 2), Kind::string,
          Kind::bytes,          Kind::timestamp,       Kind::date,          Kind::interval};
}

struct Table {
  std::vector<Field> fields;
  Batch batch;
};

Table random_table(const std::vector<Type>& types, size_t columns, int32_t rows, Random& random) {
  Table table;
  for (size_t c = 0; c < columns; ++c) {
    const Type type = types[static_cast<size_t>(below(random, static_cast<int64_t>(types.size())))];
    // A double may be NaN, which is null when it is read.
    const bool nullable = type.kind == Kind::float64 || type.kind == Kind::list ||
                          type.kind == Kind::structure || below(random, 2) == 0;
    table.fields.push_back({"c " + std::to_string(c) + odd_text(random), type, nullable});
    std::vector<Value> values;
    for (int32_t r = 0; r < rows; ++r)
      values.push_back(nullable && below(random, 3) == 0 ? Value::null() : odd_value(type, random));
    table.batch.columns.push_back(test::column_of(type, values));
  }
  table.batch.schema = make_schema(table.fields);
  table.batch.rows = rows;
  return table;
}

DecoderSpec spec_of(const std::vector<Field>& fields) {
  DecoderSpec spec;
  for (const Field& field : fields) {
    auto parsed = parse_decode_field(field.name, field.type.to_string() + (field.nullable ? "?" : ""));
    EXPECT_TRUE(parsed.ok()) << parsed.status().to_string();
    spec.columns.push_back(*std::move(parsed));
    spec.used.push_back(true);
  }
  return spec;
}

void expect_same(const Table& written, const Batch& read) {
  ASSERT_EQ(read.rows, written.batch.rows);
  for (size_t c = 0; c < written.fields.size(); ++c) {
    for (int32_t r = 0; r < read.rows; ++r) {
      const Value want = as_written(value_at(written.batch.columns[c], r));
      const Value got = value_at(read.columns[c], r);
      ASSERT_TRUE(got == want && got.kind == want.kind)
          << "column '" << written.fields[c].name << "' of type " << written.fields[c].type.to_string()
          << ", row " << r << ": " << want.to_string() << " became " << got.to_string();
    }
  }
}

std::unique_ptr<Encoder> encoder_of(const std::string& format, const SchemaRef& schema, const Options& o) {
  auto made = test::catalog().find_format(format)->make_encoder(schema, o);
  EXPECT_TRUE(made.ok());
  return *std::move(made);
}

// As the records of a topic.
void through_records(const std::string& format, const Table& table, const Options& o) {
  const auto encoder = encoder_of(format, table.batch.schema, o);
  std::vector<std::string> records(static_cast<size_t>(table.batch.rows));
  for (int32_t r = 0; r < table.batch.rows; ++r)
    encoder->encode(table.batch, r, false, records[static_cast<size_t>(r)]);
  const Decoded d = test::decode(format, spec_of(table.fields), records, o);
  ASSERT_TRUE(d.rejected.empty()) << d.rejected[0].reason << " of "
                                  << records[static_cast<size_t>(d.rejected[0].record)];
  expect_same(table, d.batch);
}

// As a file, cut into records by its reader; `before` stands in front of it.
void through_file(const std::string& format, const Table& table, const Options& o,
                  const std::string& before = "") {
  const auto encoder = encoder_of(format, table.batch.schema, o);
  std::string text = before + encoder->header();
  for (int32_t r = 0; r < table.batch.rows; ++r) encoder->encode(table.batch, r, true, text);
  VirtualEnv env;
  env.set_auto_offload(true);  // directories are listed in the background
  ASSERT_TRUE(env.fs().make_dirs("in").ok());
  auto file = env.fs().create("in/part");
  ASSERT_TRUE(file.ok() && (*file)->append(text).ok());
  SourceConfig config;
  config.options = options({{"path", "in"}});
  const FormatKind* kind = test::catalog().find_format(format);
  if (kind->framing) config.framing = kind->framing(o);
  auto reader = test::catalog().find_source("file")->make(config);
  ASSERT_TRUE(reader.ok());
  OpenContext context;
  context.env = &env;
  ASSERT_TRUE((*reader)->open(context).ok());
  ASSERT_TRUE((*reader)->assign(Partition(0), *(*reader)->resolve(Partition(0), StartAt::earliest, 0)).ok());
  const auto decoder = test::decoder(format, spec_of(table.fields), o);
  std::vector<std::vector<Value>> values(table.fields.size());
  for (;;) {
    auto poll = (*reader)->poll(Partition(0), 7);
    ASSERT_TRUE(poll.ok()) << poll.status().to_string();
    if (poll->chunk) {
      Decoded d;
      const Status status = decoder->decode(poll->chunk, d);
      ASSERT_TRUE(status.ok()) << status.to_string() << "\n" << text;
      ASSERT_TRUE(d.rejected.empty()) << d.rejected[0].reason << "\n" << text;
      for (size_t c = 0; c < values.size(); ++c)
        for (int32_t r = 0; r < d.batch.rows; ++r) values[c].push_back(value_at(d.batch.columns[c], r));
    }
    if (poll->state == Poll::State::ended) break;
  }
  Batch read;
  read.rows = static_cast<int32_t>(values[0].size());
  for (size_t c = 0; c < values.size(); ++c)
    read.columns.push_back(test::column_of(table.fields[c].type, values[c]));
  expect_same(table, read);
}

TEST(RoundTrip, Json) {
  const uint64_t seed = 20260118;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<Type> types = plain_types();
  types.push_back(Type::list(Kind::string));
  types.push_back(Type::structure({{"a b", Kind::interval, true}, {"x", Type::decimal(20, 5), false}}));
  types.push_back(Type::list(Type::structure({{"flags", Type::list(Kind::boolean), true}})));
  for (int round = 0; round < 60; ++round) {
    const Table table = random_table(types, static_cast<size_t>(below(random, 6)) + 1, 20, random);
    through_records("json", table, {});
    through_file("json", table, {});
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(RoundTrip, CsvWithEveryOption) {
  const uint64_t seed = 20260119;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const std::vector<std::string> delimiters = {",", ";", "tab", " ", "-", "."};
  const std::vector<std::string> quotes = {"\"", "'", "5", "e"};
  const std::vector<std::string> nulls = {"", "NA", "null", "\\N", "0", "5", " ", "true", "2026"};
  const auto one_of = [&](const std::vector<std::string>& list) {
    return list[static_cast<size_t>(below(random, static_cast<int64_t>(list.size())))];
  };
  int rounds = 0;
  for (int round = 0; round < 400; ++round) {
    const bool header = below(random, 2) == 0;
    const std::string delimiter = one_of(delimiters), quote = one_of(quotes), null = one_of(nulls);
    if (null.find(delimiter) != std::string::npos || null.find(quote) != std::string::npos)
      continue;  // refused
    ++rounds;
    const Options o = options(
        {{"header", header ? "true" : "false"}, {"delimiter", delimiter}, {"quote", quote}, {"null", null}});
    SCOPED_TRACE("delimiter '" + delimiter + "' quote '" + quote + "' null '" + null + "'");
    const Table table = random_table(plain_types(), static_cast<size_t>(below(random, 4)) + 1, 12, random);
    through_records("csv", table, o);
    if (testing::Test::HasFatalFailure()) return;
    through_file("csv", table, o, header ? std::string(static_cast<size_t>(below(random, 3)), '\n') : "");
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(rounds, 200);
}

}  // namespace format_round_trip_test
}  // namespace rideflow
