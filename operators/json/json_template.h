// JsonTemplate: what the records of one layout have in common, in a form that is compared 32 bytes at a time.
//
// A template is a row of runs with one value between each two. Of a run the places of all bytes are known: it
// is the literal text between values, and may go on through string values that had the same length in every
// record so far: of those each byte may be anything that a JSON string holds as it is, so no quote, backslash
// or control character. The fewer runs, the faster: what follows a value of unknown length waits for its end.
// That is why two records are compared at a time: one waits while the other works.
//
// match() is right or says no: what it accepts has the literals in their places, strings in the places of
// strings, and in the other places numbers, true, false or null. It also says no to some that are fine
// (arrays, numbers of 16 characters or with an exponent). Built by JsonLearnedTemplate. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "operators/json/json_mark.h"

namespace rideflow {

// Up to 32 bytes of a run, as the kernels see it. All masks are 0 behind the run's end.
struct alignas(32) TemplateStep {
  char bytes[32] = {};
  char literals[32] = {};  // 0xff where the byte has to be the same
  char strings[32] = {};   // 0xff where it belongs to a string
  bool has_strings = false;
};

// A run: its first step, those behind it, and what follows.
struct TemplateRun : TemplateStep {
  // A value, or the record's end. `text` has its quotes in the literals around it; `any` is a string with its
  // quotes or a scalar.
  enum class Next : uint8_t { scalar, text, any, end };

  Next next = Next::end;
  char behind[16] = {};  // that value: the byte that the next run begins with, in every place
  uint32_t size = 0;
  const TemplateStep* more = nullptr;
};

struct TemplateRead {
  // The place of the value: bytes behind the beginnings of runs. The beginnings of two records take turns.
  uint32_t begin_start = 0;
  uint32_t begin = 0;
  uint32_t end_start = 0;
  uint32_t end = 0;
  bool any = false;                            // the quotes of a string are in the place
  JsonMark::Kind kind = JsonMark::Kind::text;  // where it is not any
  JsonMark* marks = nullptr;                   // by row
};

struct RecordText {
  const char* begin = nullptr;
  const char* end = nullptr;
};

// What the kernels read.
struct TemplateProgram {
  const TemplateRun* runs = nullptr;
  const TemplateRead* reads = nullptr;
  size_t read_count = 0;
  const char** starts = nullptr;  // room for two beginnings of every run
};

class JsonTemplate {
 public:
  struct Place {
    uint32_t begin_run = 0;
    uint32_t begin = 0;
    uint32_t end_run = 0;
    uint32_t end = 0;
  };

  // In the order of the record's bytes, then finish(). REQUIRES: a literal in front of every value, and
  // behind the last.
  void add_literal(std::string_view bytes);
  Place add_string(uint32_t size);          // a string of that many bytes, without its quotes
  Place add_value(TemplateRun::Next kind);  // text, scalar or any
  void finish();
  // The value is to be noted in `marks`. REQUIRES: what the add_ function gave.
  void read(const Place& place, JsonMark* marks);

  // Matches one record after the other until one does not: how many did. Of the i-th the values that are read
  // are in their marks[row + i], and ascii[i] tells whether there are no bytes above 127 outside of literals.
  // REQUIRES: records in padded memory (engine/buffer.h).
  size_t match(std::span<const RecordText> records, size_t row, bool* ascii);
  // By the kernel that every CPU runs; for tests.
  size_t match_portably(std::span<const RecordText> records, size_t row, bool* ascii);

 private:
  void append(const char* bytes, size_t size, bool literal);
  TemplateProgram program();

  std::vector<TemplateRun> runs_{1};
  std::vector<std::vector<TemplateStep>> more_{1};  // of the run at the same place
  std::vector<TemplateRead> reads_;
  std::vector<const char*> starts_;
};

}  // namespace rideflow
