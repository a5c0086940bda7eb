// The loop of JsonTemplate::matches, over the 32-byte vector of the file that includes this: json_template.cc
// (SSE2, which every x86-64 has) and json_template_v3.cc (AVX2).
//
// All is in an anonymous namespace and calls nothing of the standard library: an inline function that was
// compiled for x86-64-v3 must not be the copy that the linker keeps for everybody.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "operators/json_template.h"

namespace rideflow {

// For json_template.cc, behind a CPU check.
JsonTemplate::Match match_template_v3(const TemplateStep* step, const char* record, const char* end,
                                      const char** starts);

namespace {

// A Vector holds 32 bytes:
//   static Vector load(const char* p), all(char c), zero()
//   a | b, a & b, a ^ b, equal(a, b), least(a, b) of unsigned bytes
//   static bool disjoint(a, b): no bit is set in both
//   uint32_t bits() const: the highest bit of each byte

// The bytes that end a string or may not stand in one.
template <class Vector>
inline Vector special(Vector v) {
  return equal(v, Vector::all('"')) | equal(v, Vector::all('\\')) | equal(least(v, Vector::all(0x1f)), v);
}

// Whether the bytes `v` are those of the step; `seen` gathers those of strings.
template <class Vector>
inline bool equal_step(Vector v, const TemplateStep& step, Vector& seen) {
  const Vector differing = v ^ Vector::load(step.bytes);
  const Vector literals = Vector::load(step.literals);
  if (!step.has_strings) return Vector::disjoint(differing, literals);
  const Vector strings = Vector::load(step.strings);
  seen = seen | (v & strings);
  const Vector bad = (differing & literals) | (special(v) & strings);
  return Vector::disjoint(bad, bad);
}

// The closing quote of the string that goes on at `p`, or null. What waits for the quote's place waits for
// few operations; whether something else is in front of it is asked beside them.
template <class Vector>
inline const char* string_end(const char* p, const char* end, Vector& seen) {
  for (; p < end; p += 32) {
    const Vector v = Vector::load(p);
    seen = seen | v;
    const uint32_t quotes = equal(v, Vector::all('"')).bits();
    const uint32_t found = special(v).bits();
    if (found == 0) continue;
    return (found & (~found + 1) & quotes) != 0 ? p + __builtin_ctz(quotes) : nullptr;
  }
  return nullptr;
}

inline uint32_t bits(__m128i v) {
  return static_cast<uint32_t>(_mm_movemask_epi8(v));
}

// Whether the `size` bytes at `p`, at most 15, are a number, true, false or null; `v` are the first 16.
inline bool is_scalar(const char* p, uint32_t size, __m128i v) {
  const __m128i offset = _mm_sub_epi8(v, _mm_set1_epi8('0'));
  const uint32_t digits = bits(_mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(9)), offset));
  const uint32_t minus = *p == '-' ? 1 : 0;
  const uint32_t others = (~digits ^ minus) & ((1U << size) - 1);  // but for a sign
  const uint32_t from_first_digit = digits >> minus;
  if ((from_first_digit & 1) == 0 || size == minus) {
    uint32_t word;
    std::memcpy(&word, p, sizeof(word));
    if (size == 4) return word == 0x6c6c756e || word == 0x65757274;  // "null", "true"
    return size == 5 && word == 0x736c6166 && p[4] == 'e';           // "fals"
  }
  // No sign, nor anything else but one point between digits; and no zero in front of a digit.
  const uint32_t points = bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('.')));
  const bool one_point = (others & (others - 1)) == 0 && (others & ~points) == 0 && others >> (size - 1) == 0;
  const bool leading_zero = p[minus] == '0' && (from_first_digit & 2) != 0 && size > minus + 1;
  return one_point && !leading_zero;
}

// The end of a number, true, false or null at `p`: where the byte is that the next literal begins with. Null
// for what is none of them and for long ones.
inline const char* scalar_end(const char* p, char behind) {
  const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const uint32_t ends = bits(_mm_cmpeq_epi8(v, _mm_set1_epi8(behind))) | 0x10000U;
  const auto size = static_cast<uint32_t>(__builtin_ctz(ends));
  return size < 16 && is_scalar(p, size, v) ? p + size : nullptr;
}

// The end of a string with its quotes, or of a scalar.
template <class Vector>
inline const char* any_end(const char* p, const char* end, char behind, Vector& seen) {
  if (*p != '"') return scalar_end(p, behind);
  const char* const close = string_end(p + 1, end, seen);
  return close == nullptr ? nullptr : close + 1;
}

template <class Vector>
inline const char* value_end(const TemplateStep* step, const char* p, const char* end, Vector& seen) {
  switch (step->next) {
    case TemplateStep::Next::scalar:
      return scalar_end(p, step[1].bytes[0]);
    case TemplateStep::Next::any:
      return any_end(p, end, step[1].bytes[0], seen);
    default:
      return string_end(p, end, seen);
  }
}

template <class Vector>
inline JsonTemplate::Match match_steps(const TemplateStep* step, const char* p, const char* end,
                                       const char** starts) {
  Vector seen = Vector::zero();
  for (;; ++step) {
    *starts++ = p;
    const char* const next = p + step->size;
    if (next > end || !equal_step(Vector::load(p), *step, seen)) return JsonTemplate::Match::no;
    p = next;
    if (step->next == TemplateStep::Next::run) continue;
    if (step->next == TemplateStep::Next::end) break;
    p = value_end(step, p, end, seen);
    if (p == nullptr) return JsonTemplate::Match::no;
  }
  if (p != end) return JsonTemplate::Match::no;
  return seen.bits() == 0 ? JsonTemplate::Match::ascii : JsonTemplate::Match::other;
}

}  // namespace

}  // namespace rideflow
