// JsonMark: what a record has for one value, in 16 bytes, for a block of records
// (operators/json/json_decoder.h). Plain data: json_template_v3.cc writes it.
#pragma once

#include <cstdint>
#include <string_view>

namespace rideflow {

struct JsonMark {
  // bare: whatever its first byte says, but not a string.
  enum class Kind : uint8_t { missing, text, escaped, bare };

  const char* begin = nullptr;  // of a string: behind its first quote
  uint32_t size = 0;            // of a string: without its quotes
  Kind kind = Kind::missing;

  std::string_view text() const { return {begin, size}; }
};

}  // namespace rideflow
