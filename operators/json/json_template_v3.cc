// JsonTemplate::match for CPUs with AVX2.
#include "operators/json/json_template_kernel.h"

namespace rideflow {
namespace {

struct Avx2 {
  __m256i v;

  static Avx2 load(const char* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
  static Avx2 load_two(const char* p, const char* q) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(q));
    return {_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1)};
  }
  static Avx2 all(char c) { return {_mm256_set1_epi8(c)}; }
  static Avx2 zero() { return {_mm256_setzero_si256()}; }
  static bool disjoint(Avx2 a, Avx2 b) { return _mm256_testz_si256(a.v, b.v) != 0; }
  uint32_t bits() const { return static_cast<uint32_t>(_mm256_movemask_epi8(v)); }
};

inline Avx2 operator|(Avx2 a, Avx2 b) {
  return {_mm256_or_si256(a.v, b.v)};
}
inline Avx2 operator&(Avx2 a, Avx2 b) {
  return {_mm256_and_si256(a.v, b.v)};
}
inline Avx2 operator^(Avx2 a, Avx2 b) {
  return {_mm256_xor_si256(a.v, b.v)};
}
inline Avx2 operator-(Avx2 a, Avx2 b) {
  return {_mm256_sub_epi8(a.v, b.v)};
}
inline Avx2 equal(Avx2 a, Avx2 b) {
  return {_mm256_cmpeq_epi8(a.v, b.v)};
}
inline Avx2 least(Avx2 a, Avx2 b) {
  return {_mm256_min_epu8(a.v, b.v)};
}

}  // namespace

size_t match_records_v3(const TemplateProgram& program, const RecordText* records, size_t count, size_t row,
                        bool* ascii) {
  return match_records<Avx2>(program, records, count, row, ascii);
}

}  // namespace rideflow
