// JsonScanner: walks one JSON text and checks every byte of it (RFC 8259; UTF-8 is the caller's check).
//
// Tokens are places in the text; nothing is copied. After the first error every call fails and error() says
// what and where. Reads up to 16 bytes past `end`: the text must lie in padded memory (engine/buffer.h).
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstring>
#include <string>
#include <string_view>

#include "operators/json/json_mark.h"
#include "operators/text_values.h"

namespace rideflow {

inline constexpr int kMaxJsonDepth = 128;
inline constexpr size_t kMaxJsonBytes = size_t{1} << 20;

enum class JsonType : uint8_t { none, null, boolean, number, string, array, object };
std::string_view to_string(JsonType type);  // "a number"

struct JsonToken {
  const char* begin = nullptr;  // of a string: behind its first quote; else the first byte
  const char* end = nullptr;    // of a string: its last quote; else behind the last byte
  JsonType type = JsonType::none;
  bool escaped = false;  // a string with backslashes
  NumberText number;     // of a number
  std::string_view text() const { return {begin, static_cast<size_t>(end - begin)}; }
};

class JsonScanner {
 public:
  // Escapes::skipped: what stands behind a backslash is not looked at; check_escapes() does it later, for the
  // strings that matter.
  enum class Escapes : uint8_t { checked, skipped };
  explicit JsonScanner(std::string_view text, Escapes escapes = Escapes::checked)
      : begin_(text.data()), p_(text.data()), end_(text.data() + text.size()), escapes_(escapes) {}

  bool ok() const { return error_ == nullptr; }
  const char* error() const { return error_; }  // a phrase: "expected ':' after a key"
  int64_t error_offset() const { return p_ - begin_; }

  const char* at() const { return p_; }
  char peek() const { return p_ < end_ ? *p_ : '\0'; }
  bool at_end() const { return p_ == end_; }
  void skip_space() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
  }

  // Steps into an object or array. Then, until it answers false: next_key() or next_item(), and the value.
  bool enter(char bracket, int depth);
  bool next_key(JsonToken& key, bool& first);  // stands at the value afterwards
  bool next_item(bool& first);
  // A scalar is read; an array or object only named: enter it, or skip() it.
  bool value(JsonToken& token);
  // The rest of an array or object that value() named, checked throughout. Sets token.end.
  bool skip(JsonToken& token, int depth);

 private:
  bool string(JsonToken& token);
  bool literal(JsonToken& token, std::string_view word, JsonType type);
  bool escape();
  bool fail(const char* what) {
    if (error_ == nullptr) error_ = what;
    return false;
  }

  const char* begin_;
  const char* p_;
  const char* end_;
  const char* error_ = nullptr;
  Escapes escapes_;
};

// The first quote, backslash or control character at or behind `p`, or `end`. Inline: it is most of the work.
inline const char* find_string_end(const char* p, const char* end) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  for (; p < end; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i special = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
    const __m128i hit = _mm_or_si128(special, _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(hit));
    if (mask != 0) {
      p += std::countr_zero(mask);
      return p < end ? p : end;
    }
  }
  return end;
}

// scan_number() for padded memory: numbers of up to 8 digits on each side of the point, without exponent, at
// once.
inline const char* scan_number_padded(const char* p, const char* end, NumberText& out) {
  // Up to 8 digits; what follows them in the word is pushed out.
  const auto value_of = [](const char* at, uint32_t digits) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    word = digits == 0 ? 0 : (word << (64 - 8 * digits)) & 0x0f0f0f0f0f0f0f0fULL;
    word = word * 10 + (word >> 8);
    return ((word & 0xff000000ffULL) * 0xf424000000064ULL +
            ((word >> 16) & 0xff000000ffULL) * 0x271000000001ULL) >>
           32;
  };
  static constexpr uint64_t kTens[] = {1,       10,        100,        1'000,      10'000,
                                       100'000, 1'000'000, 10'000'000, 100'000'000};
  const bool negative = *p == '-';
  const char* const digits = p + (negative ? 1 : 0);
  const __m128i offset =
      _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(digits)), _mm_set1_epi8('0'));
  const __m128i small = _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(9)), offset);
  const auto others = ~static_cast<uint32_t>(_mm_movemask_epi8(small));  // its upper half is set
  const auto whole = static_cast<uint32_t>(std::countr_zero(others));
  const bool point = digits[whole] == '.';
  const uint32_t fraction = point ? static_cast<uint32_t>(std::countr_zero(others >> (whole + 1))) : 0;
  const char* const after = digits + whole + (point ? 1 + fraction : 0);
  if (whole == 0 || whole > 8 || fraction > 7 || after - digits > 15 || (point && fraction == 0) ||
      (whole > 1 && *digits == '0') || (*after | 0x20) == 'e' || after > end) [[unlikely]] {
    return scan_number(p, end, out);
  }
  out.mantissa = value_of(digits, whole) * kTens[fraction] + value_of(digits + whole + 1, fraction);
  out.exponent = -static_cast<int32_t>(fraction);
  out.negative = negative;
  out.exact = true;
  out.whole = !point;
  return after;
}

inline JsonMark mark_of(const JsonToken& token) {
  if (token.type == JsonType::none) return {};
  const JsonMark::Kind string = token.escaped ? JsonMark::Kind::escaped : JsonMark::Kind::text;
  return {token.begin, static_cast<uint32_t>(token.text().size()),
          token.type == JsonType::string ? string : JsonMark::Kind::bare};
}

// The token again. False when a number is none after all, which no mark of a valid record is.
inline bool read_mark(const JsonMark& mark, JsonToken& token) {
  token.begin = mark.begin;
  token.end = mark.begin + mark.size;
  token.escaped = mark.kind == JsonMark::Kind::escaped;
  token.type = JsonType::string;
  if (mark.kind == JsonMark::Kind::missing) token.type = JsonType::none;
  if (mark.kind != JsonMark::Kind::bare) return true;
  switch (*mark.begin) {
    case 'n':
      token.type = JsonType::null;
      return true;
    case 't':
    case 'f':
      token.type = JsonType::boolean;
      return true;
    case '[':
      token.type = JsonType::array;
      return true;
    case '{':
      token.type = JsonType::object;
      return true;
    default:
      token.type = JsonType::number;
      return scan_number_padded(mark.begin, token.end, token.number) == token.end;
  }
}

// Whether unescape_json() can read the text of a string token.
bool check_escapes(std::string_view text);
// The bytes of a string token with escapes, in UTF-8. REQUIRES: the scanner accepted it.
void unescape_json(std::string_view text, std::string& out);

}  // namespace rideflow
