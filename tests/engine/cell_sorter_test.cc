// Sorted cells are those of a map, whatever was put in.
#include "engine/cell_sorter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace rideflow {
namespace cell_sorter_test {

using Place = std::tuple<int32_t, int64_t, std::string>;
using Cells = std::vector<std::pair<Place, std::optional<std::string>>>;

Cells drained(CellSorter& sorter) {
  Cells cells;
  const Status status = sorter.drain([&](const CellChange& change) -> Status {
    cells.emplace_back(Place(change.cell.group.value, change.cell.slice, change.cell.key), change.value);
    return {};
  });
  EXPECT_TRUE(status.ok()) << status.to_string();
  EXPECT_TRUE(sorter.empty());
  return cells;
}

// Keys that differ early, late, in nothing but their length, and in bytes that are 0 or above 127.
std::string random_key(std::mt19937_64& random) {
  static const std::string kBytes("\0\1ab\xff", 5);
  std::string key(random() % 3 == 0 ? "the same head" : "");
  for (uint64_t left = random() % 12; left > 0; --left) key += kBytes[random() % kBytes.size()];
  return key;
}

TEST(CellSorter, GivesTheCellsOfAMapInItsOrder) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  CellSorter sorter;
  for (int round = 0; round < 30; ++round) {
    std::map<Place, std::optional<std::string>> model;
    for (uint64_t left = random() % 2000; left > 0; --left) {
      const KeyGroup group(static_cast<int32_t>(random() % 3));
      const int64_t slice = static_cast<int64_t>(random() % 5) - 2;
      const std::string key = random_key(random);
      const std::string_view head = std::string_view(key).substr(0, random() % (key.size() + 1));
      const std::string_view rest = std::string_view(key).substr(head.size());
      std::optional<std::string> value;
      if (random() % 4 == 0) {
        sorter.erase(group, slice, head, rest);
      } else {
        value = std::string(random() % 40, static_cast<char>('a' + random() % 26));
        sorter.put(group, slice, head, rest).append(*value);
      }
      model.emplace(Place(group.value, slice, key), value);  // the first counts
    }
    ASSERT_EQ(drained(sorter), Cells(model.begin(), model.end()));
  }
}

TEST(CellSorter, HoldsValuesLargerThanAChunk) {
  CellSorter sorter;
  const std::string large(size_t{3} << 20, 'x');
  for (const char* key : {"c", "a", "b"}) sorter.put(KeyGroup(1), 7, "k", key).append(key).append(large);
  Cells expected;
  for (const char* key : {"a", "b", "c"})
    expected.emplace_back(Place(1, 7, std::string("k") + key), key + large);
  EXPECT_TRUE(drained(sorter) == expected);
}

TEST(CellSorter, StopsAtTheFirstErrorAndIsEmpty) {
  CellSorter sorter;
  for (const char* key : {"a", "b"}) sorter.put(KeyGroup(0), 0, "", key);
  int taken = 0;
  const Status status = sorter.drain([&](const CellChange&) {
    ++taken;
    return Status::external(Code::unavailable, "full");
  });
  EXPECT_EQ(status.code(), Code::unavailable);
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(drained(sorter).empty());
}

}  // namespace cell_sorter_test
}  // namespace rideflow
