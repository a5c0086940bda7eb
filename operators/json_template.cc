#include "operators/json_template.h"

#include "operators/json_template_kernel.h"

namespace rideflow {
namespace {

struct Sse2 {
  __m128i low, high;

  static Sse2 load(const char* p) {
    return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)),
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16))};
  }
  static Sse2 all(char c) { return {_mm_set1_epi8(c), _mm_set1_epi8(c)}; }
  static Sse2 zero() { return all(0); }
  static bool disjoint(Sse2 a, Sse2 b) {
    const __m128i both = _mm_or_si128(_mm_and_si128(a.low, b.low), _mm_and_si128(a.high, b.high));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(both, _mm_setzero_si128())) == 0xffff;
  }
  uint32_t bits() const {
    return static_cast<uint32_t>(_mm_movemask_epi8(low)) | static_cast<uint32_t>(_mm_movemask_epi8(high))
                                                               << 16;
  }
};

inline Sse2 operator|(Sse2 a, Sse2 b) {
  return {_mm_or_si128(a.low, b.low), _mm_or_si128(a.high, b.high)};
}
inline Sse2 operator&(Sse2 a, Sse2 b) {
  return {_mm_and_si128(a.low, b.low), _mm_and_si128(a.high, b.high)};
}
inline Sse2 operator^(Sse2 a, Sse2 b) {
  return {_mm_xor_si128(a.low, b.low), _mm_xor_si128(a.high, b.high)};
}
inline Sse2 equal(Sse2 a, Sse2 b) {
  return {_mm_cmpeq_epi8(a.low, b.low), _mm_cmpeq_epi8(a.high, b.high)};
}
inline Sse2 least(Sse2 a, Sse2 b) {
  return {_mm_min_epu8(a.low, b.low), _mm_min_epu8(a.high, b.high)};
}

}  // namespace

JsonTemplate::JsonTemplate() : steps_(1) {}

void JsonTemplate::append(const char* bytes, size_t size, bool literal) {
  for (size_t i = 0; i < size; ++i, ++run_size_) {
    if (steps_.back().size == 32) steps_.emplace_back();
    TemplateStep& step = steps_.back();
    step.bytes[step.size] = literal ? bytes[i] : '\0';
    (literal ? step.literals : step.strings)[step.size] = '\xff';
    step.has_strings = step.has_strings || !literal;
    ++step.size;
  }
}

void JsonTemplate::add_literal(std::string_view bytes) {
  append(bytes.data(), bytes.size(), true);
}

JsonTemplate::Place JsonTemplate::add_string(uint32_t size) {
  const uint32_t begin = run_size_;
  append(nullptr, size, false);
  return {run_step_, begin, run_step_, run_size_};
}

JsonTemplate::Place JsonTemplate::add_value(TemplateStep::Next kind) {
  Place place{run_step_, run_size_, 0, 0};
  steps_.back().next = kind;
  place.end_step = run_step_ = static_cast<uint32_t>(steps_.size());
  run_size_ = 0;
  steps_.emplace_back();
  return place;
}

void JsonTemplate::finish() {
  steps_.back().next = TemplateStep::Next::end;
}

JsonTemplate::Match JsonTemplate::matches(std::string_view record, const char** starts) const {
  static const bool fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
  if (!fast) return matches_portably(record, starts);
  return match_template_v3(steps_.data(), record.data(), record.data() + record.size(), starts);
}

JsonTemplate::Match JsonTemplate::matches_portably(std::string_view record, const char** starts) const {
  return match_steps<Sse2>(steps_.data(), record.data(), record.data() + record.size(), starts);
}

}  // namespace rideflow
