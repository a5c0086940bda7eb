#include "engine/column.h"

#include <gtest/gtest.h>

#include "engine/bits.h"
#include "engine/builder.h"
#include "tests/support/random_column.h"

namespace rideflow {
namespace column_test {

using test::below;
using test::random_column;
using test::values_of;

class ColumnOfType : public testing::TestWithParam<Type> {};

TEST_P(ColumnOfType, TakeSliceAndConcatKeepValues) {
  const uint64_t seed = 20260101;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::Random random(seed);
  for (int round = 0; round < 20; ++round) {
    const auto rows = static_cast<int32_t>(below(random, 200));
    const Column column = random_column(GetParam(), rows, round % 2 == 0, random);
    const std::vector<Value> values = values_of(column);
    ASSERT_EQ(column.length, rows);
    ASSERT_EQ(column.null_count,
              std::count_if(values.begin(), values.end(), [](auto& v) { return v.is_null(); }));

    std::vector<int32_t> picked;
    std::vector<Value> expected;
    for (int32_t i = 0; rows > 0 && i < 70; ++i) {
      picked.push_back(static_cast<int32_t>(below(random, rows)));
      expected.push_back(values[static_cast<size_t>(picked.back())]);
    }
    EXPECT_EQ(values_of(take(column, picked.data(), static_cast<int32_t>(picked.size()))), expected);

    const auto begin = static_cast<int32_t>(below(random, rows + 1));
    const auto count = static_cast<int32_t>(below(random, rows - begin + 1));
    const Column part = slice(column, begin, count);
    EXPECT_EQ(values_of(part), std::vector<Value>(values.begin() + begin, values.begin() + begin + count));

    const Column other = random_column(GetParam(), 77, true, random);
    std::vector<Value> joined = values_of(part);
    for (const Column* each : {&other, &column}) {
      const std::vector<Value> more = values_of(*each);
      joined.insert(joined.end(), more.begin(), more.end());
    }
    const Column whole = concat({&part, &other, &column});
    EXPECT_EQ(values_of(whole), joined);
    EXPECT_EQ(whole.null_count, part.null_count + other.null_count + column.null_count);
  }
}

TEST_P(ColumnOfType, AppendFromCopiesRows) {
  test::Random random(7);
  const Column column = random_column(GetParam(), 150, true, random);
  ColumnBuilder builder(GetParam());
  for (int32_t i = 0; i < column.length; ++i) builder.append_from(column, i);
  EXPECT_EQ(values_of(builder.finish()), values_of(column));
  EXPECT_EQ(builder.finish().length, 0);  // empty again
}

TEST_P(ColumnOfType, NullColumnIsAllNull) {
  const Column column = null_column(GetParam(), 70);
  EXPECT_EQ(column.null_count, 70);
  for (const Value& v : values_of(column)) EXPECT_TRUE(v.is_null());
  const int32_t rows[] = {3, 69};
  EXPECT_EQ(take(column, rows, 2).null_count, 2);
}

INSTANTIATE_TEST_SUITE_P(All, ColumnOfType, testing::ValuesIn(test::some_types()));

TEST(Bits, CopyAndFillAtAnyPosition) {
  test::Random random(11);
  for (int round = 0; round < 200; ++round) {
    BufferRef from = BufferRef::allocate(64);
    for (int i = 0; i < 64; ++i) from.as_mutable<uint8_t>()[i] = static_cast<uint8_t>(random());
    BufferRef to = BufferRef::copy_of(std::string(64, static_cast<char>(random())));
    const BufferRef before = BufferRef::copy_of(to.view());
    const int64_t n = below(random, 300);
    const int64_t source = below(random, 512 - n);
    const int64_t target = below(random, 512 - n);
    copy_bits(to.as_mutable<uint8_t>(), target, from.as<uint8_t>(), source, n);
    for (int64_t i = 0; i < 512; ++i) {
      const bool copied = i >= target && i < target + n;
      ASSERT_EQ(get_bit(to.as<uint8_t>(), i),
                copied ? get_bit(from.as<uint8_t>(), source + i - target) : get_bit(before.as<uint8_t>(), i))
          << "bit " << i;
    }
    fill_bits(to.as_mutable<uint8_t>(), target, n, round % 2 == 0);
    for (int64_t i = target; i < target + n; ++i) ASSERT_EQ(get_bit(to.as<uint8_t>(), i), round % 2 == 0);
  }
}

TEST(Bits, CountIgnoresBitsPastTheEnd) {
  const BufferRef ones = BufferRef::copy_of(std::string(16, '\xff'));
  for (const int64_t rows : {0, 1, 63, 64, 65, 127}) EXPECT_EQ(count_bits(ones.as<uint8_t>(), rows), rows);
}

TEST(Views, ShareBuffersAndKeepInlineStringsInPlace) {
  const BufferRef arena = BufferRef::copy_of("a string that is longer than twelve bytes");
  ColumnBuilder builder(Kind::string);
  const int32_t index = builder.share(arena);
  builder.append_view(arena.view(), index, 0);
  builder.append_view(arena.view().substr(2, 6), index, 2);
  const Column column = builder.finish();
  EXPECT_EQ(column.string(0).data(), arena.view().data());
  EXPECT_EQ(column.string(1), "string");
  EXPECT_TRUE(column.values<StringView>()[1].is_inline());
  // Parts of one chunk join without listing the chunk twice.
  const std::vector<const Column*> twice(2, &column);
  EXPECT_EQ(concat(twice).variadic.size(), 1U);
}

TEST(Builder, LongStringsOutgrowTheirBuffer) {
  ColumnBuilder builder(Kind::string);
  std::vector<std::string> texts;
  for (size_t i = 0; i < 300; ++i) {
    texts.emplace_back(i * 37 % 5000, static_cast<char>('a' + i % 26));
    builder.append_string(texts.back());
  }
  const Column column = builder.finish();
  for (size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(column.string(static_cast<int64_t>(i)), texts[i]);
}

TEST(Builder, IntegersFillWiderColumns) {
  EXPECT_EQ(value_at(test::column_of(Kind::float64, {Value::int64(3)}), 0).number, 3.0);
  EXPECT_EQ(value_at(test::column_of(Kind::int32, {Value::int64(3)}), 0).kind, Kind::int32);
  EXPECT_EQ(value_at(test::column_of(Type::decimal(10, 2), {Value::int64(3)}), 0).to_string(), "3.00");
  EXPECT_DEATH(test::column_of(Kind::int32, {Value::int64(int64_t{1} << 40)}), "internal check failed");
}

}  // namespace column_test
}  // namespace rideflow
