// Text patterns of filters and extraction functions.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string_view>
#include <vector>

#include "engine/status.h"
#include "rollup/query_control.h"

namespace rideflow::rollup {

// SQL's like: % any run of characters, _ one character (of UTF-8). An escape character makes the next one
// plain, whatever that is, and is looked for first: it may be % or _ itself. At the pattern's end it means
// nothing.
class LikePattern {
 public:
  // `escape`: one character, or empty. invalid_argument for more, and for patterns of more than 4 KiB.
  static Result<LikePattern> parse(std::string_view pattern, std::string_view escape);
  bool matches(std::string_view text) const;
  size_t size() const { return tokens_.size(); }

 private:
  std::vector<uint16_t> tokens_;  // a byte, or kAnyRun, kOneCharacter
};

// Java's syntax as far as RE2 has it; linear time, bounded memory, which is held. invalid_argument says what
// is wrong.
Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern, QueryControl& control);
// For one use: nothing is held.
Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern);
// Of one pattern and one text; a pattern that is none matches nothing. `escape` 0: none.
bool like_match(std::string_view text, std::string_view pattern, char escape);

// Where `part` stands first from there on, in linear time whatever both are; npos: nowhere.
size_t find_text(std::string_view text, std::string_view part, size_t from = 0);
inline bool contains(std::string_view text, std::string_view part) {
  return find_text(text, part) != std::string_view::npos;
}
// Anywhere in the text, as Java's find().
bool regex_find(const re2::RE2& regex, std::string_view text);

}  // namespace rideflow::rollup
