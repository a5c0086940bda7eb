#include "dsl/expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "dsl/expression_lexer.h"
#include "dsl/foreign_words.h"
#include "engine/interval_text.h"
#include "engine/number_text.h"
#include "engine/time.h"

namespace rideflow {

namespace {

const std::set<std::string, std::less<>>& reserved_words() {
  static const std::set<std::string, std::less<>> words = {
      "and",  "or",   "not",  "in",  "is",   "like", "between", "case",
      "when", "then", "else", "end", "null", "true", "false",   "filter"};
  return words;
}

constexpr int kOr = 1, kAnd = 2, kNot = 3, kCompare = 4, kConcat = 5, kAdd = 6, kMultiply = 7, kUnary = 8,
              kPostfix = 9;

int binary_precedence(std::string_view symbol) {
  if (symbol == "=" || symbol == "<>" || symbol == "<" || symbol == "<=" || symbol == ">" || symbol == ">=")
    return kCompare;
  if (symbol == "||") return kConcat;
  if (symbol == "+" || symbol == "-") return kAdd;
  if (symbol == "*" || symbol == "/" || symbol == "%") return kMultiply;
  return symbol == "::" || symbol == "." ? kPostfix : 0;
}

class Parser {
 public:
  Parser(std::string_view text, const std::vector<TextPos>& places) : text_(text), places_(places) {}

  AstRef run(ExpressionError& error) {
    AstRef tree;
    if (text_.size() > kMaxExpressionBytes) {
      fail(0, fmt::format("the expression is longer than {} bytes", kMaxExpressionBytes));
    } else {
      LexResult lexed = lex_expression(text_);
      tokens_ = std::move(lexed.tokens);
      if (!lexed.error.empty()) {
        fail(lexed.error_offset, std::move(lexed.error));
        error_.at_end = lexed.error_at_end;
      } else if (peek().kind == Token::Kind::end) {
        fail(0, "an expression is missing here");
      } else {
        tree = expression(0);
        if (tree && peek().kind != Token::Kind::end)
          fail_unexpected(peek(), "after the end of the expression");
      }
    }
    if (!failed_) return tree;
    error = error_;
    return nullptr;
  }

 private:
  // ---- tokens and errors
  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& take() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool is_symbol(std::string_view symbol, size_t ahead = 0) const {
    return peek(ahead).kind == Token::Kind::symbol && peek(ahead).text == symbol;
  }
  bool is_word(std::string_view word, size_t ahead = 0) const {
    return peek(ahead).kind == Token::Kind::word && lower_case(peek(ahead).text) == word;
  }
  bool accept_symbol(std::string_view symbol) {
    if (!is_symbol(symbol)) return false;
    take();
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!is_word(word)) return false;
    take();
    return true;
  }
  TextPos pos_of(size_t offset) const {
    return places_.empty() ? TextPos{} : places_[std::min(offset, places_.size() - 1)];
  }
  AstRef fail(size_t offset, std::string message) {
    if (!failed_) error_ = {pos_of(offset), std::move(message)};
    failed_ = true;
    return nullptr;
  }
  AstRef fail_unexpected(const Token& token, std::string_view where) {
    if (token.kind == Token::Kind::end) {
      fail(token.offset, fmt::format("the expression ends {}", where));
      error_.at_end = true;
      return nullptr;
    }
    const std::string_view advice = foreign_operator(token);
    if (!advice.empty())
      return fail(token.offset, fmt::format("unexpected '{}' {}: {}", token.text, where, advice));
    if (token.kind == Token::Kind::symbol && token.text == ",")
      return fail(token.offset, fmt::format("unexpected ',' {}", where));
    return fail(token.offset, fmt::format("unexpected '{}' {}", token.text, where));
  }
  // What to write instead of a word of another dialect, also behind 'not'.
  std::string_view foreign_operator(const Token& token) const {
    const bool negated = &token == &peek() && is_word("not") && peek(1).kind == Token::Kind::word;
    const Token& word = negated ? peek(1) : token;
    return word.kind == Token::Kind::word ? advice_on_operator(lower_case(word.text)) : std::string_view();
  }
  bool expect_symbol(std::string_view symbol, std::string_view where) {
    if (accept_symbol(symbol)) return true;
    fail_unexpected(peek(), fmt::format("where '{}' should {}", symbol, where));
    return false;
  }
  bool expect_word(std::string_view word, std::string_view where) {
    if (accept_word(word)) return true;
    fail_unexpected(peek(), fmt::format("where '{}' should {}", word, where));
    return false;
  }

  // ---- nodes
  AstRef make(Ast node, size_t offset) {
    node.pos = pos_of(offset);
    int depth = node.filter ? node.filter->depth : 0;
    for (const AstRef& arg : node.args) {
      if (!arg) return nullptr;
      depth = std::max(depth, arg->depth);
    }
    node.depth = depth + 1;
    if (node.depth > kMaxExpressionDepth)
      return fail(offset, fmt::format("the expression is nested deeper than {} levels", kMaxExpressionDepth));
    if (++nodes_ > kMaxExpressionNodes)
      return fail(offset, fmt::format("the expression has more than {} parts", kMaxExpressionNodes));
    return std::make_shared<const Ast>(std::move(node));
  }
  AstRef make(AstKind kind, std::vector<AstRef> args, size_t offset, std::string text = {}) {
    Ast node;
    node.kind = kind;
    node.args = std::move(args);
    node.text = std::move(text);
    return make(std::move(node), offset);
  }
  AstRef make_negatable(AstKind kind, std::vector<AstRef> args, bool negated, size_t offset,
                        std::string text = {}) {
    Ast node;
    node.kind = kind;
    node.args = std::move(args);
    node.negated = negated;
    node.text = std::move(text);
    return make(std::move(node), offset);
  }

  // ---- grammar
  AstRef expression(int least) {
    if (++depth_ > kMaxExpressionDepth)
      return fail(peek().offset,
                  fmt::format("the expression is nested deeper than {} levels", kMaxExpressionDepth));
    AstRef left = prefix();
    while (left) {
      AstRef next = infix(left, least);
      if (next == left) break;
      left = std::move(next);
    }
    --depth_;
    return left;
  }

  // The expression that `left` begins with the operator that follows, or `left` itself when none binds.
  AstRef infix(const AstRef& left, int least) {
    const Token& token = peek();
    if (token.kind == Token::Kind::symbol) {
      const int precedence = binary_precedence(token.text);
      if (precedence == 0 || precedence < least) return left;
      if (precedence == kPostfix) return postfix(left);
      const size_t offset = token.offset;
      const std::string symbol = take().text;
      AstRef right = expression(precedence + 1);
      if (!right) return nullptr;
      if (precedence == kCompare && peek().kind == Token::Kind::symbol &&
          binary_precedence(peek().text) == kCompare)
        return fail(peek().offset, "comparisons can't be chained: write 'a < b and b < c'");
      return make(AstKind::binary, {left, std::move(right)}, offset, symbol);
    }
    if (token.kind != Token::Kind::word) return left;
    const std::string word = lower_case(token.text);
    if (word == "and" && kAnd >= least) return chain(AstKind::and_, "and", left, kAnd);
    if (word == "or" && kOr >= least) return chain(AstKind::or_, "or", left, kOr);
    if (kCompare < least) return left;
    if (word == "is") return is_test(left);
    if (word == "in" || word == "between" || word == "like") return predicate(left, false);
    if (word == "not" && (is_word("in", 1) || is_word("between", 1) || is_word("like", 1))) {
      take();
      return predicate(left, true);
    }
    return left;
  }

  AstRef chain(AstKind kind, std::string_view word, const AstRef& left, int precedence) {
    const size_t offset = peek().offset;
    std::vector<AstRef> args = {left};
    while (accept_word(word)) {
      args.push_back(expression(precedence + 1));
      if (!args.back()) return nullptr;
    }
    return make(kind, std::move(args), offset);
  }

  AstRef postfix(const AstRef& left) {
    const size_t offset = take().offset;
    if (tokens_[at_ - 1].text == "::") {
      Ast node;
      node.kind = AstKind::cast;
      node.args = {left};
      if (!type_name(node.type, false)) return nullptr;
      return make(std::move(node), offset);
    }
    const Token& name = peek();
    if (name.kind != Token::Kind::word && name.kind != Token::Kind::quoted)
      return fail_unexpected(name, "where a field's name should follow '.'");
    take();
    return make(AstKind::field, {left}, name.offset, name.text);
  }

  AstRef is_test(const AstRef& left) {
    const size_t offset = take().offset;
    const bool negated = accept_word("not");
    if (accept_word("null")) return make_negatable(AstKind::is_null, {left}, negated, offset);
    if (accept_word("true")) return make_negatable(AstKind::is_truth, {left}, negated, offset, "true");
    if (accept_word("false")) return make_negatable(AstKind::is_truth, {left}, negated, offset, "false");
    if (accept_word("distinct")) {
      if (!expect_word("from", "follow 'distinct'")) return nullptr;
      AstRef right = expression(kCompare + 1);
      if (!right) return nullptr;
      return make_negatable(AstKind::distinct_from, {left, std::move(right)}, negated, offset);
    }
    return fail_unexpected(peek(), "where 'null', 'true', 'false' or 'distinct from' should follow 'is'");
  }

  AstRef predicate(const AstRef& left, bool negated) {
    const size_t offset = peek().offset;
    const std::string word = lower_case(take().text);
    std::vector<AstRef> args = {left};
    if (word == "in") {
      if (!expect_symbol("(", "follow 'in'")) return nullptr;
      if (!list(args, "in")) return nullptr;
      if (args.size() == 1) return fail(offset, "'in ()' needs at least one value");
      return make_negatable(AstKind::in, std::move(args), negated, offset);
    }
    args.push_back(expression(kCompare + 1));
    if (!args.back()) return nullptr;
    if (word == "between") {
      if (!expect_word("and", "stand between the two bounds of 'between'")) return nullptr;
      args.push_back(expression(kCompare + 1));
      if (!args.back()) return nullptr;
      return make_negatable(AstKind::between, std::move(args), negated, offset);
    }
    if (accept_word("escape")) {
      args.push_back(expression(kCompare + 1));
      if (!args.back()) return nullptr;
    }
    return make_negatable(AstKind::like, std::move(args), negated, offset);
  }

  // Expressions up to the closing parenthesis, the opening one already taken.
  bool list(std::vector<AstRef>& args, std::string_view of) {
    if (accept_symbol(")")) return true;
    while (true) {
      args.push_back(expression(0));
      if (!args.back()) return false;
      if (accept_symbol(",")) continue;
      return expect_symbol(")", fmt::format("close the list of '{}'", of));
    }
  }

  AstRef prefix() {
    const Token token = take();
    switch (token.kind) {
      case Token::Kind::number:
        return make(AstKind::number, {}, token.offset, token.text);
      case Token::Kind::string:
        return make(AstKind::string, {}, token.offset, token.text);
      case Token::Kind::quoted:
        return make(AstKind::name, {}, token.offset, token.text);
      case Token::Kind::word:
        return word(token);
      case Token::Kind::end:
        return fail_unexpected(token, "where a value should follow");
      case Token::Kind::symbol:
        break;
    }
    if (token.text == "(") {
      AstRef inner = expression(0);
      if (!inner || !expect_symbol(")", "close the parenthesis")) return nullptr;
      return inner;
    }
    if (token.text == "-") {
      if (peek().kind == Token::Kind::number && !is_symbol("::", 1) && !is_symbol(".", 1))
        return make(AstKind::number, {}, token.offset, "-" + take().text);
      AstRef inner = expression(kUnary);
      return inner ? make(AstKind::negate, {std::move(inner)}, token.offset) : nullptr;
    }
    if (token.text == "+") return expression(kUnary);
    return fail_unexpected(token, "where a value should stand");
  }

  AstRef word(const Token& token) {
    const std::string word = lower_case(token.text);
    if (word == "null") return make(AstKind::null_literal, {}, token.offset);
    if (word == "true" || word == "false") {
      Ast node;
      node.kind = AstKind::boolean;
      node.number = word == "true" ? 1 : 0;
      return make(std::move(node), token.offset);
    }
    if (word == "not") {
      AstRef inner = expression(kNot);
      return inner ? make(AstKind::not_, {std::move(inner)}, token.offset) : nullptr;
    }
    if (word == "case") return case_of(token.offset);
    if (peek().kind == Token::Kind::string && (word == "interval" || word == "timestamp" || word == "date"))
      return typed_literal(word, token.offset);
    if (reserved_words().contains(word))
      return fail(token.offset,
                  fmt::format("'{}' is a keyword: a value should stand here (a column of that name is "
                              "written `{}`)",
                              token.text, token.text));
    if (!accept_symbol("(")) return make(AstKind::name, {}, token.offset, token.text);
    if (word == "cast" || word == "try_cast") return cast(word, token.offset);
    if (word == "extract") return extract(token.offset);
    return call(word, token.offset);
  }

  AstRef typed_literal(const std::string& word, size_t offset) {
    const Token& text = take();
    Ast node;
    if (word == "interval") {
      const Result<int64_t> micros = parse_interval(text.text);
      if (!micros.ok()) return fail(text.offset, micros.status().message());
      node.kind = AstKind::interval;
      node.number = *micros;
    } else if (word == "timestamp") {
      const std::optional<Micros> time = parse_timestamp(text.text);
      if (!time)
        return fail(text.offset,
                    fmt::format("'{}' is not a timestamp (write '2026-01-31T12:00:00Z')", text.text));
      node.kind = AstKind::timestamp;
      node.number = *time;
    } else {
      const std::optional<int32_t> days = parse_date(text.text);
      if (!days) return fail(text.offset, fmt::format("'{}' is not a date (write '2026-01-31')", text.text));
      node.kind = AstKind::date;
      node.number = *days;
    }
    return make(std::move(node), offset);
  }

  AstRef case_of(size_t offset) {
    Ast node;
    node.kind = AstKind::case_;
    const auto add = [&] {
      node.args.push_back(expression(0));
      return node.args.back() != nullptr;
    };
    if (!is_word("when")) {
      node.has_operand = true;
      if (!add()) return nullptr;
    }
    if (!is_word("when")) return fail_unexpected(peek(), "where 'when' should follow 'case'");
    while (accept_word("when")) {
      if (!add() || !expect_word("then", "follow the condition of 'when'") || !add()) return nullptr;
    }
    if (accept_word("else")) {
      node.has_else = true;
      if (!add()) return nullptr;
    }
    if (!expect_word("end", "close the 'case'")) return nullptr;
    return make(std::move(node), offset);
  }

  AstRef cast(const std::string& word, size_t offset) {
    Ast node;
    node.kind = word == "cast" ? AstKind::cast : AstKind::try_cast;
    node.args.push_back(expression(0));
    if (!node.args.back() || !expect_word("as", fmt::format("name the type of '{}'", word)) ||
        !type_name(node.type, true) || !expect_symbol(")", fmt::format("close '{}'", word)))
      return nullptr;
    return make(std::move(node), offset);
  }

  // A type's text: a word and, when it has parameters, everything up to its closing parenthesis.
  bool type_name(Type& type, bool in_parenthesis) {
    const Token& first = peek();
    if (first.kind != Token::Kind::word) {
      fail_unexpected(first, "where a type should stand");
      return false;
    }
    take();
    size_t end = first.offset + first.text.size();
    if (is_symbol("(")) {
      int open = 0;
      do {
        if (peek().kind == Token::Kind::end) {
          fail(peek().offset, "the type has no closing parenthesis");
          return false;
        }
        open += is_symbol("(") ? 1 : is_symbol(")") ? -1 : 0;
        end = peek().offset + peek().text.size();
        take();
      } while (open > 0);
    }
    (void)in_parenthesis;
    const Result<Field> field = parse_field_type(text_.substr(first.offset, end - first.offset));
    if (!field.ok()) {
      fail(first.offset, field.status().message());
      return false;
    }
    type = field->type;
    return true;
  }

  AstRef extract(size_t offset) {
    const Token unit = take();
    if (unit.kind != Token::Kind::word && unit.kind != Token::Kind::string)
      return fail_unexpected(unit, "where extract() needs a unit: extract(hour from x)");
    std::vector<AstRef> args = {make(AstKind::string, {}, unit.offset, lower_case(unit.text))};
    if (!accept_word("from") && !accept_symbol(","))
      return fail_unexpected(peek(), "where 'from' should follow the unit: extract(hour from x)");
    if (!list(args, "extract")) return nullptr;
    return make(AstKind::call, std::move(args), offset, "extract");
  }

  AstRef call(const std::string& name, size_t offset) {
    Ast node;
    node.kind = AstKind::call;
    node.text = name;
    node.distinct = accept_word("distinct");
    if (is_symbol("*")) {
      const size_t star = take().offset;
      if (name != "count") return fail(star, "'*' stands only in count(*)");
      node.args.push_back(make(AstKind::star, {}, star));
      if (!expect_symbol(")", "close 'count(*'")) return nullptr;
    } else if (!list(node.args, name)) {
      return nullptr;
    }
    if (is_word("filter") && is_symbol("(", 1)) {
      take();
      take();
      if (!expect_word("where", "follow 'filter ('")) return nullptr;
      node.filter = expression(0);
      if (!node.filter || !expect_symbol(")", "close the filter")) return nullptr;
    }
    return make(std::move(node), offset);
  }

  std::string_view text_;
  const std::vector<TextPos>& places_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int nodes_ = 0;
  bool failed_ = false;
  ExpressionError error_;
};

void collect(const Ast& ast, std::vector<std::string>& out) {
  if (ast.kind == AstKind::name) out.push_back(ast.text);
  for (const AstRef& arg : ast.args) collect(*arg, out);
  if (ast.filter) collect(*ast.filter, out);
}

// Microseconds of one unit of an interval literal; 0 for an unknown one.
int64_t unit_micros(std::string unit) {
  static const std::map<std::string, int64_t> units = {{"microsecond", 1},        {"us", 1},
                                                       {"millisecond", 1'000},    {"ms", 1'000},
                                                       {"second", 1'000'000},     {"sec", 1'000'000},
                                                       {"s", 1'000'000},          {"minute", 60'000'000},
                                                       {"min", 60'000'000},       {"m", 60'000'000},
                                                       {"hour", 3'600'000'000},   {"h", 3'600'000'000},
                                                       {"day", 86'400'000'000},   {"d", 86'400'000'000},
                                                       {"week", 604'800'000'000}, {"w", 604'800'000'000}};
  unit = lower_case(unit);
  auto it = units.find(unit);
  if (it == units.end() && unit.ends_with('s')) it = units.find(unit.substr(0, unit.size() - 1));
  return it == units.end() ? 0 : it->second;
}

}  // namespace

AstRef parse_expression(std::string_view text, const std::vector<TextPos>& places, ExpressionError& error) {
  return Parser(text, places).run(error);
}

Result<int64_t> parse_interval(std::string_view text) {
  const auto bad = [&] {
    return Status::user(
        Code::invalid_argument,
        fmt::format("'{}' is not an interval (write '5 minutes', '1 hour 30 minutes' or '90s'; months "
                    "and years have no fixed length)",
                    text));
  };
  std::string_view rest = text;
  const auto skip = [&] {
    while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
  };
  skip();
  if (rest.starts_with('P') || rest.starts_with("-P")) {
    const std::optional<int64_t> iso = parse_interval_text(rest);
    return iso ? Result<int64_t>(*iso) : bad();
  }
  const bool minus = rest.starts_with('-');
  if (minus) rest.remove_prefix(1);
  constexpr int64_t kMillion = 1'000'000;
  Int128 total = 0;  // millionths of a microsecond: exact
  bool any = false;
  for (skip(); !rest.empty(); skip()) {
    const size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const std::optional<ScaledNumber> number = scale_number(rest.substr(0, digits), 6);
    if (!number || number->value > INT64_MAX) return bad();
    rest.remove_prefix(digits);
    skip();
    const size_t letters = std::min(rest.find_first_of(" 0123456789."), rest.size());
    const int64_t unit = unit_micros(std::string(rest.substr(0, letters)));
    if (unit == 0) return bad();
    rest.remove_prefix(letters);
    total += number->value * unit;
    any = true;
  }
  const Int128 micros = (total + kMillion / 2) / kMillion;
  if (!any || micros > INT64_MAX) return bad();
  return static_cast<int64_t>(minus ? -micros : micros);
}

std::string quote_name(std::string_view name) {
  const LexResult lexed = lex_expression(name);
  const bool plain = lexed.error.empty() && lexed.tokens.size() == 2 &&
                     lexed.tokens[0].kind == Token::Kind::word && lexed.tokens[0].text == name &&
                     !reserved_words().contains(lower_case(name));
  if (plain) return std::string(name);
  std::string out = "`";
  for (const char c : name) out += c == '`' ? std::string("``") : std::string(1, c);
  return out + "`";
}

void collect_names(const Ast& ast, std::vector<std::string>& out) {
  collect(ast, out);
}

}  // namespace rideflow
