// JsonTemplate: what the records of one layout have in common, in a form that is compared 32 bytes at a time.
//
// A step is a run of bytes whose places are known, then one value whose length is not. A run is the literal
// text between values, and may go on through string values that had the same length in every record so far:
// of those each byte may be anything that a JSON string holds as it is, so no quote, backslash or control
// character. The fewer steps, the faster: only a value of unknown length makes what follows wait.
//
// matches() is right or says no: what it accepts has the literals in their places, strings in the places of
// strings, and in the other places numbers, true, false or null. It also says no to some that are fine
// (arrays, numbers of 16 characters or with an exponent). Built by JsonShapes; immutable after finish().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rideflow {

// Up to 32 bytes of a run, as the kernels see it. All masks are 0 behind `size`.
struct TemplateStep {
  // More of the run, a value, or the record's end. `text` has its quotes in the literals around it; `any` is
  // a string with its quotes or a scalar.
  enum class Next : uint8_t { run, text, scalar, any, end };

  char bytes[32] = {};
  char literals[32] = {};  // 0xff where the byte has to be the same
  char strings[32] = {};   // 0xff where it belongs to a string
  uint32_t size = 0;
  bool has_strings = false;
  Next next = Next::run;
};

class JsonTemplate {
 public:
  // The place of a value: bytes behind the beginnings of steps.
  struct Place {
    uint32_t begin_step = 0;
    uint32_t begin = 0;
    uint32_t end_step = 0;
    uint32_t end = 0;
  };

  JsonTemplate();
  void add_literal(std::string_view bytes);
  Place add_string(uint32_t size);           // a string of that many bytes, without its quotes
  Place add_value(TemplateStep::Next kind);  // text, scalar or any
  void finish();
  size_t steps() const { return steps_.size(); }

  enum class Match : uint8_t { no, ascii, other };  // other: there may be bytes above 127 outside of literals
  // Sets starts[0 .. steps()) to where the steps begin. REQUIRES: the record in padded memory
  // (engine/buffer.h).
  Match matches(std::string_view record, const char** starts) const;
  // By the kernel that every CPU runs; for tests.
  Match matches_portably(std::string_view record, const char** starts) const;

 private:
  void append(const char* bytes, size_t size, bool literal);

  std::vector<TemplateStep> steps_;
  uint32_t run_step_ = 0;  // of the run that is being built: its first step
  uint32_t run_size_ = 0;
};

}  // namespace rideflow
