#include "rollup/query/text_match.h"

#include "rollup/query/json.h"

namespace rideflow::rollup {
namespace {

constexpr size_t kMaxPattern = 4096;
constexpr int64_t kMaxRegexMemory = int64_t{4} << 20;

// Bytes of the UTF-8 character at the start of a text that is not empty.
size_t character(std::string_view text) {
  size_t n = 1;
  while (n < text.size() && (static_cast<uint8_t>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

}  // namespace

bool like_match(std::string_view text, std::string_view pattern, char escape) {
  size_t t = 0;
  size_t p = 0;
  size_t star = std::string_view::npos;  // the last %, and where its run ends so far
  size_t run = 0;
  while (t < text.size()) {
    const bool escaped = p + 1 < pattern.size() && escape != 0 && pattern[p] == escape;
    if (!escaped && p < pattern.size() && pattern[p] == '%') {
      star = p++;
      run = t;
    } else if (!escaped && p < pattern.size() && pattern[p] == '_') {
      t += character(text.substr(t));
      ++p;
    } else if (p < pattern.size() && text[t] == pattern[escaped ? p + 1 : p]) {
      ++t;
      p += escaped ? 2 : 1;
    } else if (star != std::string_view::npos) {
      run += character(text.substr(run));
      t = run;
      p = star + 1;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern) {
  if (pattern.size() > kMaxPattern)
    return bad_query("query.filter.RegexDimFilter", "the pattern is too long");
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kMaxRegexMemory);
  auto regex = std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) return bad_query("query.filter.RegexDimFilter", regex->error());
  return regex;
}

bool regex_find(const re2::RE2& regex, std::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

}  // namespace rideflow::rollup
