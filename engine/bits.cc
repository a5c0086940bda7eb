#include "engine/bits.h"

#include <algorithm>
#include <bit>

#include "engine/column.h"

namespace rideflow {

void copy_bits(uint8_t* to, int64_t to_bit, const uint8_t* from, int64_t from_bit, int64_t n) {
  while (n > 0) {
    const int64_t offset = to_bit % 64;
    const int64_t count = std::min<int64_t>(64 - offset, n);
    const uint64_t mask = low_bits(count) << offset;
    uint8_t* at = to + to_bit / 64 * 8;
    uint64_t word;
    std::memcpy(&word, at, 8);
    word = (word & ~mask) | ((load_bits(from, from_bit) << offset) & mask);
    std::memcpy(at, &word, 8);
    to_bit += count;
    from_bit += count;
    n -= count;
  }
}

void fill_bits(uint8_t* to, int64_t bit, int64_t n, bool value) {
  while (n > 0) {
    const int64_t offset = bit % 64;
    const int64_t count = std::min<int64_t>(64 - offset, n);
    const uint64_t mask = low_bits(count) << offset;
    uint8_t* at = to + bit / 64 * 8;
    uint64_t word;
    std::memcpy(&word, at, 8);
    word = value ? word | mask : word & ~mask;
    std::memcpy(at, &word, 8);
    bit += count;
    n -= count;
  }
}

BufferRef make_bitmap(int64_t rows, bool value) {
  BufferRef bits = BufferRef::allocate_zeroed(bitmap_bytes(rows));
  if (value && rows > 0) fill_bits(bits.as_mutable<uint8_t>(), 0, rows, true);
  return bits;
}

BufferRef gather_bits(const uint8_t* bits, const int32_t* rows, int32_t n) {
  BufferRef out = BufferRef::allocate(bitmap_bytes(n));
  auto* words = out.as_mutable<uint64_t>();
  for (int32_t begin = 0; begin < n; begin += 64) {
    const int32_t end = std::min(n, begin + 64);
    uint64_t word = 0;
    for (int32_t i = begin; i < end; ++i) word |= uint64_t{get_bit(bits, rows[i])} << (i - begin);
    words[begin / 64] = word;
  }
  return out;
}

int64_t count_bits(const uint8_t* bits, int64_t rows) {
  int64_t count = 0;
  for (int64_t w = 0; w < rows / 64; ++w) {
    uint64_t word;
    std::memcpy(&word, bits + w * 8, 8);
    count += std::popcount(word);
  }
  for (int64_t i = rows / 64 * 64; i < rows; ++i) count += get_bit(bits, i);
  return count;
}

}  // namespace rideflow
