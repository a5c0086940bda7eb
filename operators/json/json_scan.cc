#include "operators/json/json_scan.h"

namespace rideflow {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Four hex digits, or -1.
int hex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_high_surrogate(int c) {
  return c >= 0xd800 && c < 0xdc00;
}
bool is_low_surrogate(int c) {
  return c >= 0xdc00 && c < 0xe000;
}

void append_utf8(std::string& out, int c) {
  const auto put = [&](int byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 63));
    put(0x80 | (c & 63));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 63));
    put(0x80 | ((c >> 6) & 63));
    put(0x80 | (c & 63));
  }
}

}  // namespace

std::string_view to_string(JsonType type) {
  switch (type) {
    case JsonType::none:
      return "nothing";
    case JsonType::null:
      return "null";
    case JsonType::boolean:
      return "a boolean";
    case JsonType::number:
      return "a number";
    case JsonType::string:
      return "a string";
    case JsonType::array:
      return "an array";
    case JsonType::object:
      return "an object";
  }
  return "";
}

bool JsonScanner::enter(char bracket, int depth) {
  if (!ok()) return false;
  if (depth > kMaxJsonDepth) return fail("nested deeper than 128");
  if (peek() != bracket) return fail(bracket == '{' ? "expected an object" : "expected an array");
  ++p_;
  return true;
}

bool JsonScanner::next_key(JsonToken& key, bool& first) {
  if (!ok()) return false;
  skip_space();
  if (peek() == '}' && p_ < end_) {
    ++p_;
    return false;
  }
  if (!first) {
    if (peek() != ',') return fail("expected ',' or '}'");
    ++p_;
    skip_space();
  }
  first = false;
  if (peek() != '"') return fail("expected a key in quotes");
  if (!string(key)) return false;
  skip_space();
  if (peek() != ':') return fail("expected ':' after a key");
  ++p_;
  skip_space();
  return true;
}

bool JsonScanner::next_item(bool& first) {
  if (!ok()) return false;
  skip_space();
  if (peek() == ']') {
    ++p_;
    return false;
  }
  if (!first) {
    if (peek() != ',') return fail("expected ',' or ']'");
    ++p_;
    skip_space();
    if (peek() == ']') return fail("expected a value after ','");
  }
  first = false;
  return true;
}

bool JsonScanner::value(JsonToken& token) {
  if (!ok()) return false;
  token.begin = p_;
  token.escaped = false;
  switch (peek()) {
    case '"':
      return string(token);
    case '{':
      token.type = JsonType::object;
      return true;
    case '[':
      token.type = JsonType::array;
      return true;
    case 't':
      return literal(token, "true", JsonType::boolean);
    case 'f':
      return literal(token, "false", JsonType::boolean);
    case 'n':
      return literal(token, "null", JsonType::null);
    default: {
      const char* const end = p_ < end_ ? scan_number_padded(p_, end_, token.number) : nullptr;
      if (end == nullptr) return fail("expected a value");
      token.type = JsonType::number;
      token.end = p_ = end;
      return true;
    }
  }
}

bool JsonScanner::skip(JsonToken& token, int depth) {
  JsonToken inner;
  bool first = true;
  if (token.type == JsonType::object) {
    if (!enter('{', depth)) return false;
    while (next_key(inner, first)) {
      if (!value(inner)) return false;
      if (inner.type >= JsonType::array && !skip(inner, depth + 1)) return false;
    }
  } else {
    if (!enter('[', depth)) return false;
    while (next_item(first)) {
      if (!value(inner)) return false;
      if (inner.type >= JsonType::array && !skip(inner, depth + 1)) return false;
    }
  }
  token.end = p_;
  return ok();
}

bool JsonScanner::string(JsonToken& token) {
  token.begin = ++p_;
  token.type = JsonType::string;
  token.escaped = false;
  for (;;) {
    p_ = find_string_end(p_, end_);
    if (p_ == end_) return fail("a string without its closing quote");
    if (*p_ == '"') break;
    if (*p_ != '\\') return fail("a control character in a string");
    token.escaped = true;
    if (!escape()) return false;
  }
  token.end = p_++;
  return true;
}

bool JsonScanner::escape() {
  const char c = p_ + 1 < end_ ? p_[1] : '\0';
  if (escapes_ == Escapes::skipped && static_cast<unsigned char>(c) >= 0x20) {
    p_ += 2;
    return true;
  }
  if (c != 'u') {
    if (c == '\0' || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
      return fail("an unknown escape in a string");
    }
    p_ += 2;
    return true;
  }
  const int unit = hex4(p_ + 2, end_);
  if (unit < 0) return fail("expected four hexadecimal digits after \\u");
  if (is_low_surrogate(unit)) return fail("half a surrogate pair in a string");
  p_ += 6;
  if (!is_high_surrogate(unit)) return true;
  const bool follows =
      end_ - p_ >= 6 && p_[0] == '\\' && p_[1] == 'u' && is_low_surrogate(hex4(p_ + 2, end_));
  if (!follows) return fail("half a surrogate pair in a string");
  p_ += 6;
  return true;
}

bool JsonScanner::literal(JsonToken& token, std::string_view word, JsonType type) {
  if (static_cast<size_t>(end_ - p_) < word.size() || std::memcmp(p_, word.data(), word.size()) != 0) {
    return fail("expected a value");
  }
  p_ += word.size();
  token.end = p_;
  token.type = type;
  return true;
}

bool check_escapes(std::string_view text) {
  // A string token ends at its quote, which stands behind it.
  JsonScanner scanner({text.data() - 1, text.size() + 2});
  JsonToken token;
  return scanner.value(token) && token.end == text.data() + text.size();
}

void unescape_json(std::string_view text, std::string& out) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    if (*p != '\\') {
      out.push_back(*p++);
      continue;
    }
    const char c = p[1];
    p += 2;
    switch (c) {
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u': {
        int unit = hex4(p, end);
        p += 4;
        if (is_high_surrogate(unit)) {
          unit = 0x10000 + ((unit - 0xd800) << 10) + (hex4(p + 2, end) - 0xdc00);
          p += 6;
        }
        append_utf8(out, unit);
        break;
      }
      default:
        out.push_back(c);
    }
  }
}

}  // namespace rideflow
