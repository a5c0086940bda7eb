#include "operators/json/json_template.h"

#include <algorithm>

#include "engine/cpu.h"
#include "operators/json/json_template_kernel.h"

namespace rideflow {
namespace {

struct Sse2 {
  __m128i low, high;

  static Sse2 load(const char* p) {
    return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)),
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16))};
  }
  static Sse2 load_two(const char* p, const char* q) {
    return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)),
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(q))};
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
inline Sse2 operator-(Sse2 a, Sse2 b) {
  return {_mm_sub_epi8(a.low, b.low), _mm_sub_epi8(a.high, b.high)};
}
inline Sse2 equal(Sse2 a, Sse2 b) {
  return {_mm_cmpeq_epi8(a.low, b.low), _mm_cmpeq_epi8(a.high, b.high)};
}
inline Sse2 least(Sse2 a, Sse2 b) {
  return {_mm_min_epu8(a.low, b.low), _mm_min_epu8(a.high, b.high)};
}

}  // namespace

void JsonTemplate::append(const char* bytes, size_t size, bool literal) {
  TemplateRun& run = runs_.back();
  for (size_t i = 0; i < size; ++i, ++run.size) {
    const size_t at = run.size % 32;
    if (at == 0 && run.size > 0) more_.back().emplace_back();
    TemplateStep& step = run.size < 32 ? run : more_.back().back();
    step.bytes[at] = literal ? bytes[i] : '\0';
    (literal ? step.literals : step.strings)[at] = '\xff';
    step.has_strings = step.has_strings || !literal;
  }
}

void JsonTemplate::add_literal(std::string_view bytes) {
  if (runs_.size() > 1 && runs_.back().size == 0 && !bytes.empty()) {
    TemplateRun& before = runs_[runs_.size() - 2];
    std::fill(std::begin(before.behind), std::end(before.behind), bytes[0]);
  }
  append(bytes.data(), bytes.size(), true);
}

JsonTemplate::Place JsonTemplate::add_string(uint32_t size) {
  const auto run = static_cast<uint32_t>(runs_.size() - 1);
  const uint32_t begin = runs_.back().size;
  append(nullptr, size, false);
  return {run, begin, run, runs_.back().size};
}

JsonTemplate::Place JsonTemplate::add_value(TemplateRun::Next kind) {
  const auto run = static_cast<uint32_t>(runs_.size() - 1);
  runs_.back().next = kind;
  const Place place{run, runs_.back().size, run + 1, 0};
  runs_.emplace_back();
  more_.emplace_back();
  return place;
}

void JsonTemplate::finish() {
  for (size_t i = 0; i < runs_.size(); ++i) runs_[i].more = more_[i].data();
  starts_.resize(2 * runs_.size());
}

void JsonTemplate::read(const Place& place, JsonMark* marks) {
  using Next = TemplateRun::Next;
  // Within a run there are strings alone.
  const Next kind = place.begin_run == place.end_run ? Next::text : runs_[place.begin_run].next;
  reads_.push_back({2 * place.begin_run, place.begin, 2 * place.end_run, place.end, kind == Next::any,
                    kind == Next::scalar ? JsonMark::Kind::bare : JsonMark::Kind::text, marks});
}

TemplateProgram JsonTemplate::program() {
  return {runs_.data(), reads_.data(), reads_.size(), starts_.data()};
}

size_t JsonTemplate::match(std::span<const RecordText> records, size_t row, bool* ascii) {
  if (!cpu_has_v3()) return match_portably(records, row, ascii);
  return match_records_v3(program(), records.data(), records.size(), row, ascii);
}

size_t JsonTemplate::match_portably(std::span<const RecordText> records, size_t row, bool* ascii) {
  return match_records<Sse2>(program(), records.data(), records.size(), row, ascii);
}

}  // namespace rideflow
