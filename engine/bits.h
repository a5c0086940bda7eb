// Bitmaps of validity and boolean columns, 64 rows at a time.
//
// Bitmaps live in Buffers: whole 64-bit words, aligned, with readable padding behind. Bits past the last row
// may be anything unless a function says otherwise. Pure functions.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/buffer.h"

namespace rideflow {

inline int64_t word_count(int64_t rows) {
  return (rows + 63) / 64;
}
// The lowest n bits, 0 <= n <= 64.
inline uint64_t low_bits(int64_t n) {
  return n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
}
// The 64 bits from `bit` on. REQUIRES: 9 readable bytes there.
inline uint64_t load_bits(const uint8_t* bits, int64_t bit) {
  uint64_t word;
  std::memcpy(&word, bits + bit / 8, 8);
  const int shift = static_cast<int>(bit % 8);
  if (shift == 0) return word;
  return (word >> shift) | (uint64_t{bits[bit / 8 + 8]} << (64 - shift));
}
// Copies n bits between any positions. Bits of `to` around them stay.
void copy_bits(uint8_t* to, int64_t to_bit, const uint8_t* from, int64_t from_bit, int64_t n);
// Sets n bits from `bit` on to `value`.
void fill_bits(uint8_t* to, int64_t bit, int64_t n, bool value);
// A new bitmap of `rows` bits, all `value`; bits past the end are 0.
BufferRef make_bitmap(int64_t rows, bool value);
// Bit i of the result is bit rows[i] of `bits`.
BufferRef gather_bits(const uint8_t* bits, const int32_t* rows, int32_t n);

}  // namespace rideflow
