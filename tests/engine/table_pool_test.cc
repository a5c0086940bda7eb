#include "engine/table_pool.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace rideflow {
namespace table_pool_test {

std::shared_ptr<PagePool> pages() {
  return std::make_shared<PagePool>(std::make_shared<const RowLayout>(
      std::vector<std::shared_ptr<const Aggregate>>(), static_cast<int>(sizeof(int64_t))));
}

void fill(KeyedTable& table, int64_t keys) {
  for (int64_t i = 0; i < keys; ++i) {
    const std::string key = "k" + std::to_string(i);
    table.row_of(hash_key(key), Key::of(key));
  }
}

TEST(TablePool, ATableComesBackEmptyAndInParts) {
  TablePool pool(pages());
  std::unique_ptr<KeyedTable> table = pool.take();
  fill(*table, 100'000);
  const KeyedTable* const large = table.get();
  pool.give_back(std::move(table));
  EXPECT_EQ(pool.waiting(), 1U) << "100,000 entries are not emptied at once";
  int turns = 0;
  for (; pool.waiting() > 0; ++turns) {
    EXPECT_NE(pool.take().get(), large);
    pool.reclaim(0);
    ASSERT_LE(turns, 100);
  }
  EXPECT_GE(turns, 10);
  table = pool.take();
  EXPECT_EQ(table.get(), large);
  EXPECT_EQ(table->size(), 0);
  EXPECT_EQ(table->find(hash_key("k7"), Key::of("k7")), nullptr);
  fill(*table, 10);
  EXPECT_EQ(table->size(), 10);
}

TEST(TablePool, WhatWaitsDoesNotGrowWithWhatComes) {
  TablePool pool(pages());
  constexpr int64_t kBatch = 20'000;
  for (int window = 0; window < 50; ++window) {
    std::unique_ptr<KeyedTable> table = pool.take();
    for (int64_t keys = 0; keys < 5 * kBatch; keys += kBatch) {
      fill(*table, keys + kBatch);
      pool.reclaim(kBatch);
    }
    pool.give_back(std::move(table));
    ASSERT_LE(pool.waiting(), 1U) << window;
  }
}

TEST(TablePool, SmallTablesAreReadyAtOnce) {
  TablePool pool(pages());
  std::unique_ptr<KeyedTable> table = pool.take();
  fill(*table, 1000);
  const KeyedTable* const small = table.get();
  pool.give_back(std::move(table));
  pool.give_back(nullptr);
  EXPECT_EQ(pool.waiting(), 0U);
  EXPECT_EQ(pool.take().get(), small);
}

TEST(TablePool, ManySmallTablesAreKept) {
  TablePool pool(pages());
  std::set<const KeyedTable*> kept;
  std::vector<std::unique_ptr<KeyedTable>> tables;
  for (int i = 0; i < 2'000; ++i) {
    tables.push_back(pool.take());
    fill(*tables.back(), 2);
    kept.insert(tables.back().get());
  }
  for (auto& table : tables) pool.give_back(std::move(table));
  for (auto& table : tables) {
    table = pool.take();
    EXPECT_EQ(kept.erase(table.get()), 1U) << "a table was made anew";
    ASSERT_EQ(table->size(), 0);
  }
}

// Tables keep the size of their index.
TEST(TablePool, OfLargeTablesItKeepsFew) {
  TablePool pool(pages());
  std::vector<std::unique_ptr<KeyedTable>> tables;
  for (int i = 0; i < 100; ++i) {
    tables.push_back(pool.take());
    fill(*tables.back(), 4'000);
  }
  const size_t full = tables[0]->bytes();
  for (auto& table : tables) pool.give_back(std::move(table));
  size_t kept = 0;
  for (auto& table : tables) {
    table = pool.take();
    kept += table->bytes();
  }
  EXPECT_LE(kept, size_t{5} << 20) << "of tables of " << full;
}

}  // namespace table_pool_test
}  // namespace rideflow
