// The loop of JsonTemplate::match, over the 32-byte vector of the file that includes this: json_template.cc
// (SSE2, which every x86-64 has) and json_template_v3.cc (AVX2).
//
// All is in an anonymous namespace and calls nothing of the standard library: an inline function that was
// compiled for x86-64-v3 must not be the copy that the linker keeps for everybody.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "operators/json/json_template.h"

#define ALWAYS_INLINE [[gnu::always_inline]] inline

namespace rideflow {

// For json_template.cc, behind a CPU check.
size_t match_records_v3(const TemplateProgram& program, const RecordText* records, size_t count, size_t row,
                        bool* ascii);

namespace {

// A Vector holds 32 bytes:
//   static Vector load(const char* p), all(char c), zero()
//   static Vector load_two(const char* p, const char* q): 16 bytes of each
//   a | b, a & b, a ^ b, a - b, equal(a, b), least(a, b) of unsigned bytes
//   static bool disjoint(a, b): no bit is set in both
//   uint32_t bits() const: the highest bit of each byte

// The bytes that end a string or may not stand in one.
template <class Vector>
ALWAYS_INLINE Vector special(Vector v) {
  return equal(v, Vector::all('"')) | equal(v, Vector::all('\\')) | equal(least(v, Vector::all(0x1f)), v);
}

// Of two values side by side, each in 16 bytes and 16 bits of the masks.
constexpr uint32_t kFirsts = 0x00010001;
constexpr uint32_t kLasts = 0x80008000;
// What may stand in a number beside digits, by its place.
alignas(32) constexpr char kNumberMarks[] =
    "-..............."
    "-...............";

// 0 when both values are numbers: [-] digits [. digits], without a zero in front of a digit. `ends` are the
// places of the byte that stands behind a value. Every rule of the grammar leaves a bit where it does not
// hold. When the first is no number, the answer says nothing of the second.
template <class Vector>
ALWAYS_INLINE uint32_t wrong_numbers(Vector v, uint32_t ends) {
  const Vector offset = v - Vector::all('0');
  const uint32_t zeros = equal(offset, Vector::zero()).bits();
  const uint32_t all = (ends - kFirsts) & ~ends;  // the bytes of the value
  const uint32_t digits = equal(least(offset, Vector::all(9)), offset).bits() & all;
  const uint32_t others = digits ^ all;
  const uint32_t signs = others & kFirsts;
  const uint32_t points = others ^ signs;
  const uint32_t no_marks = others & ~equal(v, Vector::load(kNumberMarks)).bits();
  const uint32_t no_first_digit = (signs << 1) & ~digits;
  const uint32_t more_points = ((points | kLasts) - kFirsts) & points;
  const uint32_t point_at_end = ((all + kFirsts) >> 1) & others;
  const uint32_t leading_zeros = (kFirsts + signs) & zeros & (digits >> 1);
  const uint32_t empty_or_long = (ends & kFirsts) | (all & kLasts);
  return no_marks | no_first_digit | more_points | point_at_end | leading_zeros | empty_or_long;
}

constexpr uint32_t kNull = 0x6c6c756e;  // four letters, the first lowest
constexpr uint32_t kTrue = 0x65757274;
constexpr uint32_t kFals = 0x736c6166;

// Whether the `size` bytes at `p` are true, false or null.
inline bool is_word(const char* p, uint32_t size) {
  uint32_t word;
  std::memcpy(&word, p, sizeof(word));
  if (size == 4) return word == kNull || word == kTrue;
  return size == 5 && word == kFals && p[4] == 'e';
}

// A record that is being compared. Nothing branches on what is found wrong before the end, or before the
// first of two records is known not to match.
template <class Vector>
struct RecordLane {
  const char* p;
  const char* end;
  Vector bad = Vector::zero();   // bits that should not be there
  Vector seen = Vector::zero();  // the bytes of strings, and some beside them
  uint32_t wrong = 0;            // not 0: a value

  explicit RecordLane(const RecordText& record) : p(record.begin), end(record.end) {}
  // No pointer is made that is far behind the end: a value ends at most 33 bytes behind it.
  bool has(uint32_t size) const { return end - p >= static_cast<ptrdiff_t>(size); }
  bool matches() const { return p == end && wrong == 0 && Vector::disjoint(bad, bad); }
};

template <class Vector>
ALWAYS_INLINE void compare(RecordLane<Vector>& lane, const TemplateStep& step, size_t at) {
  const Vector v = Vector::load(lane.p + at);
  const Vector differing = (v ^ Vector::load(step.bytes)) & Vector::load(step.literals);
  lane.bad = lane.bad | differing;
  if (!step.has_strings) return;
  const Vector strings = Vector::load(step.strings);
  lane.seen = lane.seen | (v & strings);
  lane.bad = lane.bad | (special(v) & strings);
}

// To the closing quote of the string that goes on at `p`. What waits for the quote's place waits for few
// operations; whether something else is in front of it is asked beside them.
template <class Vector>
ALWAYS_INLINE void pass_text(RecordLane<Vector>& lane) {
  for (;; lane.p += 32) {
    const Vector v = Vector::load(lane.p);
    lane.seen = lane.seen | v;
    const uint32_t quotes = equal(v, Vector::all('"')).bits();
    const uint32_t found = special(v).bits();
    if (found != 0) [[likely]] {
      lane.wrong |= found & (~found + 1) & ~quotes;
      lane.p += __builtin_ctz(quotes | 0x80000000U);
      return;
    }
    if (lane.p >= lane.end) {
      lane.wrong = 1;
      return;
    }
  }
}

// The places of the byte behind the value among the first 15 of both lanes; one behind them where it is not.
ALWAYS_INLINE uint32_t size_of(uint32_t ends) {
  return static_cast<uint32_t>(__builtin_ctz(ends | 0x10000U));
}

template <class Vector>
[[gnu::noinline]] bool wrong_scalar(const char* p, const TemplateRun& run) {
  const Vector v = Vector::load_two(p, p);
  const uint32_t ends = equal(v, Vector::load_two(run.behind, run.behind)).bits();
  return wrong_numbers(v, ends) != 0 && !is_word(p, size_of(ends & 0xffff));
}

// Both to the end of a number, true, false or null: where the byte is that the next run begins with. Long
// ones do not fit.
template <class Vector>
ALWAYS_INLINE void pass_scalars(RecordLane<Vector>& first, RecordLane<Vector>& second,
                                const TemplateRun& run) {
  const Vector v = Vector::load_two(first.p, second.p);
  const uint32_t ends = equal(v, Vector::load_two(run.behind, run.behind)).bits();
  if (wrong_numbers(v, ends) != 0) [[unlikely]] {
    first.wrong |= wrong_scalar<Vector>(first.p, run) ? 1 : 0;
    second.wrong |= wrong_scalar<Vector>(second.p, run) ? 1 : 0;
  }
  first.p += size_of(ends & 0xffff);
  second.p += size_of(ends >> 16);
}

// To the end of a string with its quotes, or of a scalar, which is null most of the time.
template <class Vector>
ALWAYS_INLINE void pass_any(RecordLane<Vector>& lane, const TemplateRun& run) {
  uint32_t word;
  std::memcpy(&word, lane.p, sizeof(word));
  if (*lane.p == '"') {
    ++lane.p;
    pass_text(lane);
    ++lane.p;
  } else if (word == kNull && lane.p[4] == run.behind[0]) {
    lane.p += 4;
  } else {
    const Vector v = Vector::load_two(lane.p, lane.p);
    lane.wrong |= wrong_scalar<Vector>(lane.p, run) ? 1 : 0;
    lane.p += size_of(equal(v, Vector::load_two(run.behind, run.behind)).bits() & 0xffff);
  }
}

enum class Walk : uint8_t { whole, first_differs, second_ends };

// Both records by all runs. Stops where the first is known not to match, or where the second is too short.
template <class Vector>
ALWAYS_INLINE Walk walk(const TemplateProgram& program, RecordLane<Vector>& first,
                        RecordLane<Vector>& second) {
  const char** starts = program.starts;
  for (const TemplateRun* run = program.runs;; ++run) {
    if (!first.has(run->size) || !Vector::disjoint(first.bad, first.bad)) return Walk::first_differs;
    if (!second.has(run->size)) return Walk::second_ends;
    starts[0] = first.p;
    starts[1] = second.p;
    starts += 2;
    compare(first, *run, 0);
    compare(second, *run, 0);
    const TemplateStep* step = run->more;
    for (size_t at = 32; at < run->size; at += 32, ++step) {
      compare(first, *step, at);
      compare(second, *step, at);
    }
    first.p += run->size;
    second.p += run->size;
    if (run->next == TemplateRun::Next::scalar) {
      pass_scalars(first, second, *run);
    } else if (run->next == TemplateRun::Next::text) {
      pass_text(first);
      pass_text(second);
    } else if (run->next == TemplateRun::Next::any) {
      pass_any(first, *run);
      pass_any(second, *run);
    } else {
      return Walk::whole;
    }
  }
}

inline void note(const TemplateProgram& program, const char* const* starts, size_t row) {
  for (const TemplateRead* read = program.reads; read != program.reads + program.read_count; ++read) {
    const char* begin = starts[read->begin_start] + read->begin;
    const char* end = starts[read->end_start] + read->end;
    JsonMark::Kind kind = read->kind;
    if (read->any) {
      const bool text = *begin == '"';
      begin += text ? 1 : 0;
      end -= text ? 1 : 0;
      kind = text ? JsonMark::Kind::text : JsonMark::Kind::bare;
    }
    JsonMark& mark = read->marks[row];
    mark.begin = begin;
    mark.size = static_cast<uint32_t>(end - begin);
    mark.kind = kind;
  }
}

template <class Vector>
inline size_t match_records(const TemplateProgram& program, const RecordText* records, size_t count,
                            size_t row, bool* ascii) {
  size_t lanes = 2;
  for (size_t done = 0; done < count;) {
    if (done + 1 == count) lanes = 1;
    RecordLane<Vector> first(records[done]);
    RecordLane<Vector> second(records[done + lanes - 1]);  // one record alone is compared twice
    const Walk walked = walk(program, first, second);
    if (walked == Walk::first_differs) return done;
    if (walked == Walk::second_ends) {
      lanes = 1;
      continue;
    }
    if (!first.matches()) return done;
    note(program, program.starts, row + done);
    ascii[done++] = first.seen.bits() == 0;
    if (lanes == 1) continue;
    if (!second.matches()) return done;
    note(program, program.starts + 1, row + done);
    ascii[done++] = second.seen.bits() == 0;
  }
  return count;
}

}  // namespace

}  // namespace rideflow

#undef ALWAYS_INLINE
