#include "dsl/expression_lexer.h"

#include <fmt/format.h>

#include <array>

#include "dsl/foreign_words.h"

namespace rideflow {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  LexResult run() {
    while (result_.error.empty()) {
      while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
        ++at_;
      if (at_ >= text_.size()) break;
      next();
    }
    push(Token::Kind::end, "", text_.size());
    return std::move(result_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void push(Token::Kind kind, std::string text, size_t offset) {
    result_.tokens.push_back({kind, std::move(text), offset});
  }
  void fail(size_t offset, std::string message) {
    result_.error = std::move(message);
    result_.error_offset = offset;
  }

  void next() {
    const char c = peek();
    if (begins_word(c)) return word();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '\'') return quoted('\'', Token::Kind::string);
    if (c == '`') return quoted('`', Token::Kind::quoted);
    symbol();
  }
  void word() {
    const size_t begin = at_;
    while (begins_word(peek()) || is_digit(peek())) ++at_;
    push(Token::Kind::word, std::string(text_.substr(begin, at_ - begin)), begin);
  }
  void number() {
    const size_t begin = at_;
    while (is_digit(peek())) ++at_;
    if (peek() == '.') {
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
      at_ += 1 + sign;
      while (is_digit(peek())) ++at_;
    }
    if (begins_word(peek()))
      return fail(at_, fmt::format("'{}{}' is not a number (put blanks between a number and a word)",
                                   text_.substr(begin, at_ - begin), peek()));
    push(Token::Kind::number, std::string(text_.substr(begin, at_ - begin)), begin);
  }
  void quoted(char quote, Token::Kind kind) {
    const size_t begin = at_++;
    std::string out;
    while (at_ < text_.size()) {
      if (text_[at_] == quote) {
        ++at_;
        if (peek() != quote) {
          if (kind == Token::Kind::quoted && out.empty()) return fail(begin, "a name in backticks is empty");
          return push(kind, std::move(out), begin);
        }
      }
      out += text_[at_++];
    }
    result_.error_at_end = true;
    fail(begin, quote == '\'' ? "a string begins here and has no closing quote (write '' for a quote inside)"
                              : "a name begins here and has no closing backtick");
  }
  void symbol() {
    static constexpr std::array<std::string_view, 6> kTwo = {"||", "<>", "<=", ">=", "!=", "::"};
    static constexpr std::string_view kOne = "+-*/%=<>(),.";
    const std::string_view rest = text_.substr(at_);
    for (const std::string_view foreign : {"->>", "->", "<=>", "<<", ">>", "**", "!~"}) {
      if (rest.starts_with(foreign))
        return fail(at_,
                    fmt::format("'{}' is not an operator here: {}", foreign, advice_on_operator(foreign)));
    }
    for (const std::string_view two : kTwo) {
      if (!rest.starts_with(two)) continue;
      push(Token::Kind::symbol, two == "!=" ? "<>" : std::string(two), at_);
      at_ += 2;
      return;
    }
    if (rest.starts_with("==")) return fail(at_, "'==' is not an operator (write '=')");
    if (rest.starts_with("&&")) return fail(at_, "'&&' is not an operator (write 'and')");
    if (rest[0] == '"')
      return fail(at_, "strings stand in 'single quotes', names with other characters in `backticks`");
    if (rest[0] == '!') return fail(at_, "'!' is not an operator (write 'not')");
    if (kOne.find(rest[0]) == std::string_view::npos) {
      const std::string_view advice = advice_on_operator(rest.substr(0, 1));
      return fail(at_, fmt::format("'{}' means nothing in an expression{}{}", rest[0],
                                   advice.empty() ? "" : ": ", advice));
    }
    push(Token::Kind::symbol, std::string(rest.substr(0, 1)), at_++);
  }

  std::string_view text_;
  size_t at_ = 0;
  LexResult result_;
};

}  // namespace

LexResult lex_expression(std::string_view text) {
  return Lexer(text).run();
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace rideflow
