#include "rollup/query/text_match.h"

#include <cstring>

#include "rollup/query/json.h"

namespace rideflow::rollup {
namespace {

constexpr size_t kMaxPattern = 4096;
constexpr int64_t kMaxRegexMemory = int64_t{1} << 20;  // of the program and its automaton
constexpr uint16_t kAnyRun = 256;
constexpr uint16_t kOneCharacter = 257;
constexpr uint16_t kEnd = 258;

// Bytes of the UTF-8 character at the start of a text that is not empty.
size_t character(std::string_view text) {
  size_t n = 1;
  while (n < text.size() && (static_cast<uint8_t>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

}  // namespace

Result<LikePattern> LikePattern::parse(std::string_view pattern, std::string_view escape) {
  constexpr std::string_view kLikeClass = "query.filter.LikeDimFilter";
  if (pattern.size() > kMaxPattern) return bad_query(kLikeClass, "the pattern is too long");
  if (!escape.empty() && character(escape) != escape.size()) {
    return bad_query(kLikeClass, "Escape must be null or a single character");
  }
  LikePattern out;
  for (size_t p = 0; p < pattern.size();) {
    const bool escaped = !escape.empty() && pattern.substr(p).starts_with(escape);
    if (escaped) p += escape.size();
    if (p >= pattern.size()) break;
    if (!escaped && (pattern[p] == '%' || pattern[p] == '_')) {
      const uint16_t token = pattern[p++] == '%' ? kAnyRun : kOneCharacter;
      if (token != kAnyRun || out.tokens_.empty() || out.tokens_.back() != kAnyRun)
        out.tokens_.push_back(token);
      continue;
    }
    for (size_t n = character(pattern.substr(p)); n > 0; --n)
      out.tokens_.push_back(static_cast<uint8_t>(pattern[p++]));
  }
  return out;
}

bool LikePattern::matches(std::string_view text) const {
  size_t t = 0;
  size_t p = 0;
  size_t star = SIZE_MAX;  // the last %, and where its run ends so far
  size_t run = 0;
  while (t < text.size()) {
    const uint16_t token = p < tokens_.size() ? tokens_[p] : kEnd;
    if (token == kAnyRun) {
      star = p++;
      run = t;
    } else if (token == kOneCharacter) {
      t += character(text.substr(t));
      ++p;
    } else if (token == static_cast<uint8_t>(text[t])) {
      ++t;
      ++p;
    } else if (star != SIZE_MAX) {
      run += character(text.substr(run));
      t = run;
      p = star + 1;
    } else {
      return false;
    }
  }
  while (p < tokens_.size() && tokens_[p] == kAnyRun) ++p;
  return p == tokens_.size();
}

Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern, QueryControl& control) {
  if (!control.step(pattern.size()) || !control.hold(kMaxRegexMemory)) return control.status();
  return compile_regex(pattern);
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

bool like_match(std::string_view text, std::string_view pattern, char escape) {
  const auto parsed =
      LikePattern::parse(pattern, escape == 0 ? std::string_view() : std::string_view(&escape, 1));
  return parsed.ok() && parsed->matches(text);
}

size_t find_text(std::string_view text, std::string_view part, size_t from) {
  const void* at = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return at == nullptr ? std::string_view::npos
                       : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

bool regex_find(const re2::RE2& regex, std::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

}  // namespace rideflow::rollup
