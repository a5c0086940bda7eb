// JsonColumnKernels for CPUs with AVX2. Digits become numbers by the multiply-and-add instructions: pairs,
// then fours, then eights.
#include "operators/json/json_columns_v3.h"

#include <immintrin.h>

#include <cstring>

namespace rideflow {
namespace {

__m128i load(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}

// A window into each of these is a mask by a length.
constexpr char kFrom[32] = {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
                            -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
constexpr char kToTheRight[32] = {-128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128,
                                  -128, -128, -128, -128, -128, 0,    1,    2,    3,    4,    5,
                                  6,    7,    8,    9,    10,   11,   12,   13,   14,   15};

// 16 digits, the first of them the highest.
uint64_t value_of(__m128i digits) {
  const __m128i tens = _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1);
  const __m128i hundreds = _mm_setr_epi16(100, 1, 100, 1, 100, 1, 100, 1);
  const __m128i ten_thousands = _mm_setr_epi16(10'000, 1, 10'000, 1, 10'000, 1, 10'000, 1);
  const __m128i fours = _mm_madd_epi16(_mm_maddubs_epi16(digits, tens), hundreds);
  const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), ten_thousands);
  const auto both = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  return (both & 0xffffffff) * 100'000'000 + (both >> 32);
}

constexpr double kPowers[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                              1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};

// At most 15 digits and one point: both factors are exact doubles, so the division rounds once.
bool read_number(const JsonMark& mark, double& to) {
  if (mark.kind != JsonMark::Kind::bare) return false;
  const uint32_t sign = *mark.begin == '-' ? 1 : 0;
  const char* const p = mark.begin + sign;
  const uint32_t size = mark.size - sign;
  if (size > 16) return false;
  const __m128i zero = _mm_set1_epi8('0');
  const __m128i v = _mm_sub_epi8(load(p), zero);
  const auto digits =
      static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v)));
  const uint32_t others = ~digits & ((1U << size) - 1);
  const auto whole =
      static_cast<uint32_t>(__builtin_ctz(others | 1U << size));  // digits in front of the point
  const uint32_t point = whole < size ? 1 : 0;
  if ((others & (others - 1)) != 0 || (point != 0 && p[whole] != '.') || size - point > 15) return false;
  const __m128i behind = _mm_sub_epi8(load(p + 1), zero);
  const __m128i joined = _mm_blendv_epi8(v, behind, load(kFrom + 16 - whole));
  const uint64_t value = value_of(_mm_shuffle_epi8(joined, load(kToTheRight + size - point)));
  const double number = static_cast<double>(static_cast<int64_t>(value)) / kPowers[size - point - whole];
  to = sign != 0 ? -number : number;
  return true;
}

// "2026-01-01T12:00" as one of the minutes has it, then ":12.345Z".
bool read_time(const JsonMark& mark, const TimestampReader::Minute* minutes, Micros& to) {
  if (mark.kind != JsonMark::Kind::text || mark.size != 24) return false;
  const TimestampReader::Minute& minute = minutes[mark.begin[15] & 1];
  const __m128i differing = _mm_xor_si128(load(mark.begin), load(minute.text));
  int64_t text;
  std::memcpy(&text, mark.begin + 16, sizeof(text));
  const __m128i digits = _mm_sub_epi8(_mm_cvtsi64_si128(text), _mm_cvtsi64_si128(0x5a3030302e30303a));
  const __m128i beyond = _mm_subs_epu8(digits, _mm_cvtsi64_si128(0x0009090900090900));
  if (_mm_testz_si128(_mm_or_si128(differing, beyond), _mm_set1_epi8(-1)) == 0) return false;
  const __m128i weights = _mm_setr_epi8(0, 10, 1, 0, 100, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i millis = _mm_setr_epi16(1000, 1000, 1, 1, 0, 0, 0, 0);
  const auto parts =
      static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_madd_epi16(_mm_maddubs_epi16(digits, weights), millis)));
  const uint64_t seconds = parts & 0xffffffff;  // in milliseconds
  to = minute.start + static_cast<Micros>(seconds + (parts >> 32)) * 1000;
  return seconds <= 59'000;
}

}  // namespace

size_t texts_v3(const JsonMark* marks, size_t rows, const char* base, StringView* to) {
  size_t i = 0;
  for (; i < rows && marks[i].kind == JsonMark::Kind::text; ++i) {
    const uint32_t size = marks[i].size;
    const bool is_inline = size <= 12;
    // The length takes the place of the four bytes in front, of which a text has some: its key's.
    const uint32_t kept = is_inline ? size : 4;
    const __m128i text = _mm_andnot_si128(load(kFrom + 12 - kept), load(marks[i].begin - 4));
    const auto place =
        static_cast<int64_t>(is_inline ? 0 : static_cast<uint64_t>(marks[i].begin - base) << 32);
    const __m128i rest = _mm_set_epi64x(place, 0);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_insert_epi32(_mm_or_si128(text, rest), static_cast<int>(size), 0));
  }
  return i;
}

size_t numbers_v3(const JsonMark* marks, size_t rows, double* to) {
  size_t i = 0;
  while (i < rows && read_number(marks[i], to[i])) ++i;
  return i;
}

size_t times_v3(const JsonMark* marks, size_t rows, const TimestampReader::Minute* minutes, Micros* to) {
  size_t i = 0;
  while (i < rows && read_time(marks[i], minutes, to[i])) ++i;
  return i;
}

}  // namespace rideflow
