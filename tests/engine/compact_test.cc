#include "engine/compact.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/random_column.h"

namespace rideflow {
namespace compact_test {

using test::below;
using test::random_column;
using test::values_of;

constexpr size_t kChunk = size_t{600} << 10;

// Two columns of texts in one chunk, as a decoder makes them.
Batch rows_of_chunk(int32_t rows) {
  BufferRef chunk = BufferRef::allocate(kChunk);
  std::memset(chunk.mutable_data(), 'x', chunk.size());
  Batch batch;
  batch.schema = make_schema({{"a", Kind::string, true}, {"b", Kind::string, true}});
  batch.rows = rows;
  for (int column = 0; column < 2; ++column) {
    Column texts;
    texts.type = Kind::string;
    texts.length = rows;
    texts.data = BufferRef::allocate_zeroed(static_cast<size_t>(rows) * sizeof(StringView));
    for (int32_t row = 0; row < rows; ++row) {
      const int32_t at = row * 40 + column * 20;
      const std::string_view text = chunk.view().substr(static_cast<size_t>(at), 20);
      texts.data.as_mutable<StringView>()[row] = StringView::make_ref(text, 0, at);
    }
    texts.variadic = {chunk};
    batch.columns.push_back(std::move(texts));
  }
  return batch;
}

TEST(Compact, AChunkIsCountedOnceHoweverManyColumnsPointIntoIt) {
  const Batch batch = rows_of_chunk(10);
  EXPECT_GE(batch.bytes(), kChunk);
  EXPECT_LT(batch.bytes(), kChunk + 2'000);
}

TEST(Compact, FewRowsOfAChunkLetItGo) {
  const Batch all = rows_of_chunk(100);
  const int32_t picked[] = {3, 50};
  const Batch kept = compact(take(all, picked, 2));
  EXPECT_LT(kept.bytes(), 1'000U);
  for (int column = 0; column < 2; ++column) EXPECT_EQ(kept.column(column).string(1), std::string(20, 'x'));
}

TEST(Compact, WhatIsMostlyNeededIsNotCopied) {
  const Batch batch = rows_of_chunk(kChunk / 40 - 1);
  const Batch kept = compact(batch);
  EXPECT_EQ(kept.column(0).variadic[0], batch.column(0).variadic[0]);
}

TEST(Compact, ValuesOfAllTypesStay) {
  const uint64_t seed = 20260102;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::Random random(seed);
  const Type text = Kind::string;
  for (int round = 0; round < 30; ++round) {
    Batch batch;
    batch.rows = 500;
    for (const Type& type : {text, Type(Kind::int64), Type::list(text),
                             Type::structure({{"s", Kind::string, true}, {"n", Kind::int64, true}})}) {
      batch.columns.push_back(random_column(type, 500, round % 2 == 0, random));
    }
    std::vector<int32_t> rows;
    for (int32_t row = 0; row < 500; ++row) {
      if (below(random, 100) < 3) rows.push_back(row);
    }
    Batch part;
    part.rows = static_cast<int32_t>(rows.size());
    for (const Column& column : batch.columns) part.columns.push_back(take(column, rows.data(), part.rows));
    const Batch kept = compact(part);
    for (size_t i = 0; i < part.columns.size(); ++i)
      EXPECT_EQ(values_of(kept.columns[i]), values_of(part.columns[i]));
  }
}

}  // namespace compact_test
}  // namespace rideflow
