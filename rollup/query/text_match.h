// Text patterns of filters and extraction functions.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string_view>

#include "engine/status.h"

namespace rideflow::rollup {

// SQL's like: % any run of characters, _ one character (of UTF-8), `escape` makes the next one plain.
bool like_match(std::string_view text, std::string_view pattern, char escape);

// Java's syntax as far as RE2 has it; linear time, bounded memory. invalid_argument says what is wrong.
Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern);
// Anywhere in the text, as Java's find().
bool regex_find(const re2::RE2& regex, std::string_view text);

}  // namespace rideflow::rollup
