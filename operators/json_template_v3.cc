// JsonTemplate::matches for CPUs with AVX2.
#include "operators/json_template_kernel.h"

namespace rideflow {
namespace {

struct Avx2 {
  __m256i v;

  static Avx2 load(const char* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
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
inline Avx2 equal(Avx2 a, Avx2 b) {
  return {_mm256_cmpeq_epi8(a.v, b.v)};
}
inline Avx2 least(Avx2 a, Avx2 b) {
  return {_mm256_min_epu8(a.v, b.v)};
}

}  // namespace

JsonTemplate::Match match_template_v3(const TemplateStep* step, const char* record, const char* end,
                                      const char** starts) {
  return match_steps<Avx2>(step, record, end, starts);
}

}  // namespace rideflow
