// UTF-8: checking and counting. Pure functions, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rideflow {

// Bytes of the valid code point that begins at s[at], 1 to 4, or 0 when there is none (overlong forms,
// surrogates and code points above U+10FFFF are invalid). REQUIRES: at < s.size().
inline size_t utf8_length_at(std::string_view s, size_t at) {
  const auto byte = [&](size_t i) -> unsigned {
    return at + i < s.size() ? static_cast<unsigned char>(s[at + i]) : 0U;
  };
  const auto follows = [&](size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return follows(1) ? 2 : 0;
  if (first < 0xF0) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    return first == 0xED && byte(1) > 0x9F ? 0 : 3;
  }
  if (first > 0xF4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  return first == 0xF4 && byte(1) > 0x8F ? 0 : 4;
}

inline bool is_valid_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const size_t length = utf8_length_at(s, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

// Code points of valid UTF-8: the bytes that begin one.
inline int64_t count_code_points(std::string_view s) {
  int64_t count = 0;
  for (const char c : s) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

// Where code point `index` (from 0) begins, or s.size() when there are fewer.
inline size_t code_point_offset(std::string_view s, int64_t index) {
  for (size_t i = 0; i < s.size(); ++i) {
    if ((static_cast<unsigned char>(s[i]) & 0xC0U) == 0x80U) continue;
    if (index-- == 0) return i;
  }
  return s.size();
}

}  // namespace rideflow
