#include "engine/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/batch.h"
#include "engine/builder.h"
#include "engine/catalog.h"
#include "engine/hash.h"
#include "engine/key_group.h"
#include "tests/support/random_column.h"

namespace rideflow {
namespace value_test {

TEST(Value, OrderIsTheLanguages) {
  const double nan = std::nan("");
  EXPECT_EQ(Value::float64(nan), Value::float64(-nan));
  EXPECT_TRUE(compare(Value::float64(INFINITY), Value::float64(nan)) < 0);
  EXPECT_EQ(Value::float64(-0.0), Value::float64(0.0));
  EXPECT_TRUE(compare(Value::float64(nan), Value::null()) < 0);
  EXPECT_EQ(Value::null(), Value::null());
  EXPECT_TRUE(compare(Value::string("Z"), Value::string("a")) < 0);
  EXPECT_TRUE(compare(Value::string("z"), Value::string("\xC3\xA9")) < 0);
  EXPECT_TRUE(compare(Value::boolean(false), Value::boolean(true)) < 0);
}

TEST(Value, NumbersCompareAcrossKinds) {
  EXPECT_EQ(Value::int32(3), Value::int64(3));
  EXPECT_EQ(Value::make_decimal(300, 2), Value::int64(3));
  EXPECT_EQ(Value::make_decimal(-350, 2), Value::float64(-3.5));
  EXPECT_EQ(Value::make_decimal(1, 0), Value::make_decimal(1000, 3));
  EXPECT_TRUE(compare(Value::make_decimal(999, 3), Value::int64(1)) < 0);
  EXPECT_TRUE(compare(Value::make_decimal(-1, 38), Value::make_decimal(1, 38)) < 0);
}

TEST(Value, PrintsAsTheLanguageWritesIt) {
  EXPECT_EQ(Value::string("it's").to_string(), "'it''s'");
  EXPECT_EQ(Value::make_decimal(1250, 2).to_string(), "12.50");
  EXPECT_EQ(Value::timestamp(1'767'225'600'000'000).to_string(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(Value::date(20'454).to_string(), "2026-01-01");
  EXPECT_EQ(Value::interval(90'000'000).to_string(), "PT1M30S");
  EXPECT_EQ(Value::bytes("\x01\xff").to_string(), "x'01ff'");
  EXPECT_EQ(Value::null().to_string(), "NULL");
  EXPECT_EQ(Value::float64(std::nan("")).to_string(), "NaN");
  EXPECT_EQ(Value::boolean(true).to_string(), "true");
  Value list;
  list.kind = Kind::list;
  list.items = {Value::int32(1), Value::null()};
  EXPECT_EQ(list.to_string(), "[1, NULL]");
}

TEST(Type, SpellsAsAJobFileDoesAndReadsBack) {
  for (const Type& type : test::some_types()) {
    const auto field = parse_field_type(type.to_string() + "?");
    ASSERT_TRUE(field.ok()) << field.status().to_string();
    EXPECT_EQ(field->type, type);
    EXPECT_TRUE(field->nullable);
    EXPECT_FALSE(parse_field_type(type.to_string())->nullable);
  }
  const Type point = Type::structure({{"lat", Kind::float64, false}, {"the lon", Kind::float64, true}});
  EXPECT_EQ(point.to_string(), "struct(lat double, `the lon` double?)");
  EXPECT_EQ(Type::list(Kind::string, false).to_string(), "list(string)");
  EXPECT_EQ(parse_field_type("Integer")->type, Type(Kind::int32));
  EXPECT_EQ(parse_field_type(" float ? ")->type, Type(Kind::float64));
  EXPECT_FALSE(Type::decimal(10, 2) == Type::decimal(10, 3));
}

TEST(Type, ErrorsNameTheWayOut) {
  const auto message = [](std::string_view text) { return parse_field_type(text).status().message(); };
  EXPECT_EQ(message("strng"), "type 'strng': 'strng' is not a type (did you mean 'string'?)");
  EXPECT_THAT(message("quaternion"), testing::HasSubstr("there are bool, int32"));
  EXPECT_THAT(message("blob"), testing::HasSubstr("did you mean 'bytes'?"));
  EXPECT_THAT(message("decimal"), testing::HasSubstr("decimal(10,2)"));
  EXPECT_THAT(message("decimal(39,0)"), testing::HasSubstr("1 to 38"));
  EXPECT_THAT(message("decimal(4,5)"), testing::HasSubstr("scale"));
  EXPECT_THAT(message("list(string"), testing::HasSubstr("expected ')' at the end"));
  EXPECT_THAT(message("struct(a int, a int)"), testing::HasSubstr("'a' stands twice"));
  EXPECT_THAT(message("struct()"), testing::HasSubstr("name of a field"));
  EXPECT_THAT(message("int32 x"), testing::HasSubstr("'x' is left over"));
  EXPECT_THAT(message("timestamp(ms)"), testing::HasSubstr("source's schema"));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "list(";
  EXPECT_THAT(message(deep), testing::HasSubstr("nested deeper"));
  EXPECT_FALSE(parse_field_type("").ok());
}

TEST(Type, DecodeHints) {
  const auto field = parse_decode_field("t", "timestamp(ms)?");
  ASSERT_TRUE(field.ok());
  EXPECT_EQ(field->field, (Field{"t", Kind::timestamp, true}));
  EXPECT_EQ(field->unit, TimeUnit::millis);
  EXPECT_TRUE(parse_decode_field("d", "double(text)")->number_in_text);
  const auto nested = parse_decode_field("s", "struct(at timestamp(s), n list(int64(text)))");
  ASSERT_TRUE(nested.ok()) << nested.status().to_string();
  EXPECT_EQ(nested->children[0].unit, TimeUnit::seconds);
  EXPECT_TRUE(nested->children[1].children[0].number_in_text);
  const auto zoned = parse_decode_field("s", "struct(at timestamp( \"Europe/Paris\" )?, n int64)");
  ASSERT_TRUE(zoned.ok()) << zoned.status().to_string();
  EXPECT_EQ(zoned->children[0].zone->name(), "Europe/Paris");
  EXPECT_TRUE(zoned->children[0].field.nullable);
  EXPECT_EQ(parse_decode_field("t", "timestamp(+02:00)")->zone->offset_at(0), 7200 * kMicrosPerSecond);
  const auto exact = parse_decode_field("d", "decimal(10,3)(text)?");
  ASSERT_TRUE(exact.ok()) << exact.status().to_string();
  EXPECT_TRUE(exact->number_in_text);
  EXPECT_EQ(exact->field, (Field{"d", Type::decimal(10, 3), true}));
  EXPECT_FALSE(parse_decode_field("d", "decimal(10,3)(ms)").ok());
  EXPECT_THAT(parse_decode_field("t", "timestamp(Europe/Pariss)").status().message(),
              testing::HasSubstr("timestamp(Europe/Paris)"));
  EXPECT_FALSE(parse_decode_field("t", "timestamp(ns)").ok());
  EXPECT_FALSE(parse_decode_field("t", "double(ms)").ok());
  EXPECT_FALSE(parse_decode_field("t", "string(text)").ok());
}

Batch small_batch() {
  Batch batch;
  batch.schema = make_schema({{"city", Kind::string, true}, {"n", Kind::int64, false}});
  batch.rows = 4;
  batch.columns = {
      test::column_of(Kind::string,
                      {Value::string("Lyon"), Value::null(), Value::string("Paris"), Value::string("Nice")}),
      test::column_of(Kind::int64, {Value::int64(1), Value::int64(2), Value::int64(3), Value::int64(4)})};
  const Micros times[] = {10, 20, 30, 40};
  batch.event_time = BufferRef::copy_of({reinterpret_cast<const char*>(times), sizeof(times)});
  batch.behind = {{1, 100, BehindReason::late}, {3, 200, BehindReason::idle}};
  auto origin = std::make_shared<Origin>();
  for (int i = 0; i < 4; ++i) origin->records.push_back({{}, 100 + i, kNoTime, {}});
  batch.origin = origin;
  return batch;
}

TEST(Batch, TakeCarriesEverything) {
  const int32_t rows[] = {1, 2, 3};
  const Batch part = take(small_batch(), rows, 3);
  EXPECT_EQ(to_string(part), "city | n\nNULL | 2\n'Paris' | 3\n'Nice' | 4\n");
  EXPECT_EQ(part.event_times()[2], 40);
  ASSERT_EQ(part.behind.size(), 2U);
  EXPECT_EQ(part.behind[0].row, 0);
  EXPECT_EQ(part.behind[1].row, 2);
  EXPECT_EQ(part.behind[1].reason, BehindReason::idle);
  EXPECT_EQ(part.record(2).position, 103);
  const int32_t last[] = {2};
  const Batch again = take(part, last, 1);
  EXPECT_EQ(again.record(0).position, 103);
  EXPECT_GT(again.bytes(), 0U);
}

TEST(Batch, ConcatShiftsBehindRowsAndFillsRowKinds) {
  Batch second = small_batch();
  second.row_kind = BufferRef::copy_of({"\1\1\1\1", 4});
  std::vector<Batch> parts;
  parts.push_back(small_batch());
  parts.push_back(std::move(second));
  const Batch whole = concat(std::move(parts));
  EXPECT_EQ(whole.rows, 8);
  EXPECT_EQ(whole.origin, nullptr);
  EXPECT_EQ(whole.behind[3].row, 7);
  EXPECT_EQ(whole.event_times()[5], 20);
  EXPECT_EQ(whole.row_kind.as<int8_t>()[3], 0);
  EXPECT_EQ(whole.row_kind.as<int8_t>()[4], 1);
  EXPECT_EQ(value_at(whole.columns[0], 6).text, "Paris");
}

// The hashes are part of the formats: these numbers never change.
TEST(Hash, IsPinned) {
  EXPECT_EQ(hash_bytes(""), 0x2D06800538D394C2ULL);
  EXPECT_EQ(hash_bytes("Lyon"), checksum64("Lyon"));
  EXPECT_NE(hash_bytes("Lyon", 1), hash_bytes("Lyon"));
  // Long ones go another way where the CPU can.
  std::string text;
  for (size_t i = 0; i < 5'000; ++i) text.push_back(static_cast<char>(i * i % 251));
  for (const size_t size : {1'023, 1'024, 1'025, 1'087, 1'088, 2'048, 4'999, 5'000}) {
    EXPECT_EQ(checksum64(text.substr(0, size)), hash_bytes(text.substr(0, size))) << size;
  }
  EXPECT_EQ(mix64(1), 0xB456BCFC34C2CB2CULL);
}

TEST(KeyGroup, RangesCoverAllGroupsOnceAndTaskOfIsTheirInverse) {
  for (int32_t groups = 1; groups <= 130; ++groups) {
    for (int32_t parallelism = 1; parallelism <= groups; ++parallelism) {
      int32_t next = 0;
      for (int32_t task = 0; task < parallelism; ++task) {
        const KeyGroupRange range = key_group_range(groups, parallelism, task);
        ASSERT_EQ(range.begin, next);
        for (int32_t g = range.begin; g < range.end; ++g) {
          ASSERT_EQ(task_of(KeyGroup(g), groups, parallelism), task);
        }
        next = range.end;
      }
      ASSERT_EQ(next, groups);
    }
  }
  EXPECT_EQ(key_group_of(~uint64_t{0}, 128).value, 127);
}

TEST(Catalog, FindsFunctionsInAnyCaseAndAggregatesByAlias) {
  Catalog catalog;
  FunctionKind lower;
  lower.name = "lower";
  catalog.add(lower);
  AggregateKind sum;
  sum.name = "sum";
  sum.aliases = {"longSum", "doubleSum"};
  catalog.add(sum);
  EXPECT_NE(catalog.find_function("LOWER"), nullptr);
  EXPECT_EQ(catalog.find_function("upper"), nullptr);
  EXPECT_EQ(catalog.find_aggregate("LongSum")->name, "sum");
  EXPECT_EQ(catalog.find_aggregate("longMax"), nullptr);
  EXPECT_DEATH(catalog.add(lower), "stands once");
}

TEST(DidYouMean, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> columns = {"fare", "city", "ride_id", "pickup_location"};
  EXPECT_EQ(did_you_mean("fares", columns), "(did you mean 'fare'?)");
  EXPECT_EQ(did_you_mean("ctiy", columns), "(did you mean 'city'?)");
  EXPECT_EQ(did_you_mean("Pickup_Locaton", columns), "(did you mean 'pickup_location'?)");
  EXPECT_EQ(did_you_mean("speed", columns), "");
  EXPECT_EQ(did_you_mean("x", columns), "");
  // What other systems say, where there is our word for it.
  EXPECT_EQ(did_you_mean("group_by", {"from", "key_by"}), "(did you mean 'key_by'?)");
  EXPECT_EQ(did_you_mean("Average", {"avg", "sum"}), "(did you mean 'avg'?)");
  EXPECT_EQ(did_you_mean("group_by", {"from", "where"}), "");
}

}  // namespace value_test
}  // namespace rideflow
