#include "operators/text_case.h"

#include <cstdint>

#include "engine/utf8.h"

namespace rideflow {

namespace {

bool between(uint32_t c, uint32_t first, uint32_t last) {
  return c >= first && c <= last;
}

// Ranges where capital and small letters alternate: capitals even, or odd.
bool is_even_pairs(uint32_t c) {
  return (between(c, 0x100, 0x12F) || between(c, 0x132, 0x137) || between(c, 0x14A, 0x177) ||
          between(c, 0x460, 0x481) || between(c, 0x48A, 0x4BF) || between(c, 0x4D0, 0x52F) ||
          between(c, 0x1E00, 0x1E95) || between(c, 0x1EA0, 0x1EFF));
}
bool is_odd_pairs(uint32_t c) {
  return between(c, 0x139, 0x148) || between(c, 0x179, 0x17E) || between(c, 0x4C1, 0x4CE);
}

uint32_t to_lower(uint32_t c) {
  if (between(c, 0xC0, 0xDE) && c != 0xD7) return c + 32;
  if (is_even_pairs(c)) return c | 1;
  if (is_odd_pairs(c)) return c % 2 == 1 ? c + 1 : c;
  if (c == 0x130) return 'i';
  if (c == 0x178) return 0xFF;
  if (between(c, 0x391, 0x3AB) && c != 0x3A2) return c + 32;
  if (c == 0x386) return 0x3AC;
  if (between(c, 0x388, 0x38A)) return c + 37;
  if (c == 0x38C) return 0x3CC;
  if (between(c, 0x38E, 0x38F)) return c + 63;
  if (between(c, 0x410, 0x42F)) return c + 32;
  if (between(c, 0x400, 0x40F)) return c + 80;
  return c;
}

uint32_t to_upper(uint32_t c) {
  if (between(c, 0xE0, 0xFE) && c != 0xF7) return c - 32;
  if (c == 0xFF) return 0x178;
  if (is_even_pairs(c)) return c & ~1U;
  if (is_odd_pairs(c)) return c % 2 == 0 ? c - 1 : c;
  if (c == 0x131) return 'I';
  if (c == 0x3C2) return 0x3A3;  // the sigma at a word's end
  if (between(c, 0x3B1, 0x3CB)) return c - 32;
  if (c == 0x3AC) return 0x386;
  if (between(c, 0x3AD, 0x3AF)) return c - 37;
  if (c == 0x3CC) return 0x38C;
  if (between(c, 0x3CD, 0x3CE)) return c - 63;
  if (between(c, 0x430, 0x44F)) return c - 32;
  if (between(c, 0x450, 0x45F)) return c - 80;
  return c;
}

uint32_t decode(std::string_view text, size_t at, size_t length) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[at + i])); };
  if (length == 2) return (byte(0) & 0x1FU) << 6 | (byte(1) & 0x3FU);
  return (byte(0) & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
}

void encode(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | c >> 6);
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else {
    out += static_cast<char>(0xE0U | c >> 12);
    out += static_cast<char>(0x80U | (c >> 6 & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  }
}

char ascii_case(char c, bool upper) {
  const bool changes = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
  return changes ? static_cast<char>(c ^ 0x20) : c;
}

}  // namespace

void append_case(std::string& out, std::string_view text, bool upper) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length_at(text, i);
    if (length <= 1) {
      out += ascii_case(text[i++], upper);
    } else if (length == 4) {
      out.append(text, i, 4);
      i += 4;
    } else {
      const uint32_t c = decode(text, i, length);
      encode(out, upper ? to_upper(c) : to_lower(c));
      i += length;
    }
  }
}

}  // namespace rideflow
