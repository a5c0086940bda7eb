#include "engine/keyed_table.h"

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace rideflow {
namespace keyed_table_test {

// A row is one counter, or (not trivial) a counter whose copies are counted.
struct Counted {
  static inline int64_t alive = 0;
  int64_t n = 0;
  Counted() { ++alive; }
  Counted(const Counted& o) : n(o.n) { ++alive; }
  ~Counted() { --alive; }
};

class CountedAggregate : public Aggregate {
 public:
  Type result_type() const override { return Kind::int64; }
  bool result_nullable() const override { return false; }
  int state_size() const override { return sizeof(Counted); }
  bool trivial() const override { return false; }
  void init(std::byte* s) const override { new (s) Counted(); }
  void destroy(std::byte* s) const override { reinterpret_cast<Counted*>(s)->~Counted(); }
  void clone(std::byte* to, const std::byte* from) const override {
    new (to) Counted(*reinterpret_cast<const Counted*>(from));
  }
  void update(const AggregateInput&, std::byte* const*, int) const override {}
  void merge(std::byte*, const std::byte*) const override {}
  Status finish(const std::byte*, ColumnBuilder&) const override { return {}; }
  void encode(const std::byte* s, std::string& out) const override {
    out.append(reinterpret_cast<const char*>(s), 8);
  }
  Status decode(std::string_view bytes, std::byte* s) const override {
    std::memcpy(s, bytes.data(), 8);
    return {};
  }
};

std::shared_ptr<PagePool> plain_pool() {
  return std::make_shared<PagePool>(
      std::make_shared<const RowLayout>(std::vector<std::shared_ptr<const Aggregate>>(), 40));
}
std::shared_ptr<PagePool> counted_pool() {
  return std::make_shared<PagePool>(std::make_shared<const RowLayout>(
      std::vector<std::shared_ptr<const Aggregate>>{std::make_shared<CountedAggregate>()}));
}

int64_t& number(std::byte* row) {
  return *reinterpret_cast<int64_t*>(row);
}

std::string key_text(uint64_t i) {
  return i % 3 == 0 ? "a rather long key " + std::to_string(i) : "k" + std::to_string(i);
}

using Content = std::map<std::string, int64_t>;
Content content(const KeyedTable& table) {
  Content all;
  for (int64_t i = 0; i < table.size(); ++i) {
    all[std::string(table.key(i).view())] = *reinterpret_cast<const int64_t*>(table.row(i));
  }
  return all;
}
Content content(const FrozenTable& table, bool changed_only) {
  Content all;
  table.each(changed_only, [&](std::string_view key, const std::byte* row) {
    all[std::string(key)] = *reinterpret_cast<const int64_t*>(row);
  });
  return all;
}

TEST(KeyedTable, EqualsAMapUnderRandomBatches) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    KeyedTable table(seed % 2 == 0 ? counted_pool() : plain_pool());
    Content expected;
    for (int round = 0; round < 60; ++round) {
      std::vector<std::string> texts;
      std::vector<Key> keys;
      std::vector<uint64_t> hashes;
      for (int i = 0; i < 300; ++i)
        texts.push_back(key_text(random() % (100 * static_cast<uint64_t>(round + 1))));
      for (const std::string& t : texts) {
        keys.push_back(Key::of(t));
        hashes.push_back(hash_key(t));
      }
      std::vector<int32_t> selection;
      for (int32_t i = 0; i < 300; ++i) {
        if (random() % 4 != 0) selection.push_back(i);
      }
      std::vector<std::byte*> rows(300);
      table.lookup_or_insert(hashes.data(), keys.data(), selection.data(),
                             static_cast<int32_t>(selection.size()), rows.data());
      for (const int32_t i : selection) {
        ++number(rows[static_cast<size_t>(i)]);
        ++expected[texts[static_cast<size_t>(i)]];
        EXPECT_EQ(KeyedTable::key_of(rows[static_cast<size_t>(i)]).view(), texts[static_cast<size_t>(i)]);
      }
    }
    EXPECT_EQ(content(table), expected);
    for (const auto& [key, n] : expected) ASSERT_NE(table.find(hash_key(key), Key::of(key)), nullptr);
    EXPECT_EQ(table.find(hash_key("none"), Key::of("none")), nullptr);
    table.clear();
    EXPECT_EQ(table.size(), 0);
    EXPECT_EQ(table.find(hash_key("k1"), Key::of("k1")), nullptr);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(KeyedTable, FrozenCopiesKeepTheirMomentWhateverFollows) {
  for (const bool trivial : {true, false}) {
    std::mt19937_64 random(7);
    {
      KeyedTable table(trivial ? plain_pool() : counted_pool());
      std::vector<std::pair<std::unique_ptr<FrozenTable>, Content>> copies;
      std::vector<Content> changes;
      Content touched;
      for (int round = 0; round < 30; ++round) {
        for (int i = 0; i < 200; ++i) {
          const std::string key = key_text(random() % 2000);
          ++number(table.row_of(hash_key(key), Key::of(key)));
          touched[key];
        }
        Content now = content(table);
        for (auto& [key, n] : touched) n = now[key];
        copies.emplace_back(table.freeze(), std::move(now));
        changes.push_back(std::move(touched));
        touched.clear();
        if (random() % 3 == 0)
          copies.erase(copies.begin() + static_cast<ptrdiff_t>(random() % copies.size())),
              changes.erase(changes.begin());
        if (round == 20) table.clear();
      }
      for (const auto& [copy, expected] : copies) EXPECT_EQ(content(*copy, false), expected);
      EXPECT_EQ(content(*copies.back().first, true), changes.back());
    }
    EXPECT_EQ(Counted::alive, 0);
  }
}

TEST(KeyedTable, OnlyTouchedEntriesCountAsChanged) {
  KeyedTable table(plain_pool());
  for (int i = 0; i < 1000; ++i)
    table.row_of(hash_key(key_text(static_cast<uint64_t>(i))), Key::of(key_text(static_cast<uint64_t>(i))));
  table.mark_all_clean();
  EXPECT_TRUE(content(*table.freeze(), true).empty());
  table.find(hash_key("k1"), Key::of("k1"));
  EXPECT_TRUE(content(*table.freeze(), true).empty());
  number(table.row_of(hash_key("k1"), Key::of("k1"))) = 5;
  number(table.mutable_row(500)) = 6;
  EXPECT_EQ(content(*table.freeze(), true).size(), 2U);
  EXPECT_TRUE(content(*table.freeze(), true).empty());
}

TEST(KeyedTable, AKeyWithTwoNumbersFitsInAHundredBytes) {
  KeyedTable table(plain_pool());  // 40 bytes: a count and a sum of doubles
  for (uint64_t i = 0; i < 100'000; ++i) {
    const std::string key = "k" + std::to_string(i);
    table.row_of(hash_key(key), Key::of(key));
  }
  EXPECT_LE(table.bytes() / 100'000, 100U);
}

}  // namespace keyed_table_test
}  // namespace rideflow
