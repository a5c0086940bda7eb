// Tokens of the expression language.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rideflow {

struct Token {
  enum class Kind : uint8_t {
    end,
    word,    // identifier or keyword; `text` as written
    quoted,  // `identifier`
    string,  // 'text', '' is one quote
    number,
    symbol,  // + - * / % || = <> < <= > >= ( ) , . ::
  };
  Kind kind = Kind::end;
  std::string text;
  size_t offset = 0;  // in the expression's text
};

// Tokens with an `end` at the back, or the first error. != comes out as <>, == is refused with a hint.
// Comments do not exist here: YAML has its own.
struct LexResult {
  std::vector<Token> tokens;
  std::string error;  // empty when all is well
  size_t error_offset = 0;
  bool error_at_end = false;  // a quote is not closed
};
LexResult lex_expression(std::string_view text);

// ASCII only; keywords and function names are compared so.
std::string lower_case(std::string_view text);

}  // namespace rideflow
