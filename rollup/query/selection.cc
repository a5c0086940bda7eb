#include "rollup/query/selection.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "rollup/query/filter.h"

namespace rideflow::rollup {
namespace {

// Of a mask of 8 rows: the numbers of its bits.
struct BitNumbers {
  std::array<uint8_t, 8> at{};
  uint8_t n = 0;
};
constexpr std::array<BitNumbers, 256> make_bit_numbers() {
  std::array<BitNumbers, 256> table{};
  for (unsigned mask = 0; mask < 256; ++mask) {
    for (uint8_t bit = 0; bit < 8; ++bit) {
      if ((mask >> bit & 1) != 0) table[mask].at[table[mask].n++] = bit;
    }
  }
  return table;
}
constexpr std::array<BitNumbers, 256> kBitNumbers = make_bit_numbers();

// Writes 8 row numbers, of which as many count as the mask has bits.
size_t append_rows(unsigned mask, uint32_t first, uint32_t* rows) {
  const BitNumbers& bits = kBitNumbers[mask];
  const __m128i zero = _mm_setzero_si128();
  const __m128i base = _mm_set1_epi32(static_cast<int>(first));
  uint64_t packed = 0;
  std::memcpy(&packed, bits.at.data(), sizeof packed);
  const __m128i words = _mm_unpacklo_epi8(_mm_cvtsi64_si128(static_cast<long long>(packed)), zero);
  auto* to = reinterpret_cast<__m128i*>(rows);
  _mm_storeu_si128(to, _mm_add_epi32(base, _mm_unpacklo_epi16(words, zero)));
  _mm_storeu_si128(to + 1, _mm_add_epi32(base, _mm_unpackhi_epi16(words, zero)));
  return bits.n;
}

}  // namespace

size_t select_true(const uint8_t* truth, size_t n, uint32_t* rows) {
  static_assert(kTrue == 2 && kFalse < kTrue && kUnknown < kTrue, "true is the one with bit 1");
  size_t found = 0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(truth + i));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_slli_epi16(v, 6)));
    if (mask == 0) continue;
    found += append_rows(mask & 0xff, static_cast<uint32_t>(i), rows + found);
    found += append_rows(mask >> 8, static_cast<uint32_t>(i + 8), rows + found);
  }
  for (; i < n; ++i) {
    rows[found] = static_cast<uint32_t>(i);
    found += truth[i] == kTrue ? 1 : 0;
  }
  return found;
}

CodeTable::CodeTable(std::vector<uint8_t> truths) : truths_(std::move(truths)) {
  const auto is_true = [](uint8_t t) { return t == kTrue; };
  const bool one = std::count_if(truths_.begin() + 1, truths_.end(), is_true) == 1 &&
                   std::count(truths_.begin() + 1, truths_.end(), kFalse) + 2 == std::ssize(truths_);
  if (!one) return;
  only_ = static_cast<uint32_t>(std::find_if(truths_.begin() + 1, truths_.end(), is_true) - truths_.begin());
}

void CodeTable::look_up(const uint32_t* codes, size_t n, uint8_t* out) const {
  const uint8_t* truths = truths_.data();
  if (only_ == 0) {
    for (size_t i = 0; i < n; ++i) out[i] = truths[codes[i]];
    return;
  }
  const uint32_t only = only_;
  const uint8_t null = truths[0];
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<uint8_t>((codes[i] == only ? uint8_t{kTrue} : 0) | (codes[i] == 0 ? null : 0));
  }
}

}  // namespace rideflow::rollup
