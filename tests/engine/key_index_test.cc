#include "engine/key_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "engine/hash.h"

namespace rideflow {
namespace key_index_test {

constexpr size_t kSegmentBytes = 256 << 10;

uint32_t hash_of(uint32_t number) {
  return static_cast<uint32_t>(mix64(number));
}

// How often a number stands under a hash.
int64_t count(const KeyIndex& index, uint32_t hash, uint32_t number) {
  const KeyIndex::Place place = index.place_of(hash);
  int64_t found = 0;
  for (uint32_t at = hash & place.mask; place.slots[at].number != 0; at = (at + 1) & place.mask) {
    found += place.slots[at].number == number && place.slots[at].hash == hash ? 1 : 0;
  }
  return found;
}

TEST(KeyIndex, FindsEveryNumberOnceAtEverySize) {
  KeyIndex index;
  constexpr uint32_t kNumbers = 300'000;
  for (uint32_t n = 1; n <= kNumbers; ++n) {
    ASSERT_EQ(count(index, hash_of(n), n), 0);
    index.insert(hash_of(n), n);
    if (n != 60 && n != 20'000 && n != kNumbers) continue;
    for (uint32_t m = 1; m <= n; ++m) ASSERT_EQ(count(index, hash_of(m), m), 1) << m << " of " << n;
  }
}

TEST(KeyIndex, NoInsertionMakesMoreThanOneSegment) {
  KeyIndex index;
  size_t bytes = index.bytes();
  for (uint32_t n = 1; n <= 1'000'000; ++n) {
    index.insert(hash_of(n), n);
    ASSERT_LE(index.bytes() - bytes, kSegmentBytes) << n;
    bytes = index.bytes();
  }
  EXPECT_LE(bytes, size_t{1'000'000} * 8 * 3 + kSegmentBytes) << "a third full at least";
}

// Hashes that somebody chose: splitting does not part them, and the directory must not grow for ever.
TEST(KeyIndex, EqualHashesAndEqualUpperBitsEnd) {
  KeyIndex equal;
  for (uint32_t n = 1; n <= 3000; ++n) equal.insert(0xabcdef01, n);
  for (uint32_t n = 1; n <= 3000; ++n) ASSERT_EQ(count(equal, 0xabcdef01, n), 1);

  KeyIndex upper;
  for (uint32_t n = 1; n <= 60'000; ++n) upper.insert(0xffff0000 | n, n);
  for (uint32_t n = 1; n <= 60'000; n += 97) ASSERT_EQ(count(upper, 0xffff0000 | n, n), 1);
  EXPECT_LE(upper.bytes(), kSegmentBytes * 20);
  upper.insert(7, 60'001);
  EXPECT_EQ(count(upper, 7, 60'001), 1);
}

TEST(KeyIndex, IsEmptyAndUsableWhenCleared) {
  for (const uint32_t numbers : {10U, 30'000U, 200'000U, 1'600'000U}) {
    KeyIndex index;
    for (uint32_t n = 1; n <= numbers; ++n) index.insert(hash_of(n), n);
    const size_t bytes = index.bytes();
    index.clear();
    EXPECT_LE(index.bytes(), std::max(bytes, size_t{16} << 20));
    for (uint32_t n = 1; n <= numbers; ++n) ASSERT_EQ(count(index, hash_of(n), n), 0);
    for (uint32_t n = 1; n <= 1000; ++n) index.insert(hash_of(n), n);
    for (uint32_t n = 1; n <= 1000; ++n) ASSERT_EQ(count(index, hash_of(n), n), 1);
  }
}

TEST(KeyIndex, GivesRoomBackThatIsNotUsed) {
  KeyIndex index;
  for (uint32_t n = 1; n <= 200'000; ++n) index.insert(hash_of(n), n);
  const size_t large = index.bytes();
  for (int i = 0; i < 12; ++i) {
    index.clear();
    index.insert(1, 1);
  }
  EXPECT_LE(index.bytes() * 100, large);
}

TEST(KeyIndex, RoomThatIsReservedIsTaken) {
  for (const uint32_t numbers : {100U, 20'000U, 250'000U}) {
    KeyIndex index;
    index.reserve(numbers);
    const size_t bytes = index.bytes();
    for (uint32_t n = 1; n <= numbers; ++n) index.insert(hash_of(n), n);
    EXPECT_LE(index.bytes(), bytes * 3 / 2) << numbers;
    for (uint32_t n = 1; n <= numbers; ++n) ASSERT_EQ(count(index, hash_of(n), n), 1);
    index.reserve(numbers * 2);
    EXPECT_EQ(count(index, hash_of(1), 1), 1) << "what is in it stays";
  }
  KeyIndex huge;
  huge.reserve(int64_t{1} << 40);
  EXPECT_LE(huge.bytes(), kSegmentBytes * 16);
}

}  // namespace key_index_test
}  // namespace rideflow
