#include "rollup/query/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "rollup/query/json.h"

namespace rideflow::rollup {
namespace {

using ExpressionRef = std::shared_ptr<const Expression>;

class Literal : public Expression {
 public:
  explicit Literal(QueryValue v) : value_(std::move(v)) {}
  Result<QueryValue> eval(const Scope&) const override { return value_; }
  void collect(std::vector<std::string>&) const override {}

 private:
  QueryValue value_;
};

class Name : public Expression {
 public:
  Name(std::string name, ColumnRef column) : name_(std::move(name)), column_(std::move(column)) {
    if (column_.expression) reach_ = column_.expression->reach() + 1;
  }
  Result<QueryValue> eval(const Scope& scope) const override {
    if (scope.page == nullptr) return (*scope.lookup)(name_);
    RF_ASSIGN(const Datum d, scope.page->datum(column_, scope.row));
    return value_of(d);
  }
  void collect(std::vector<std::string>& names) const override { names.push_back(name_); }

 private:
  std::string name_;
  ColumnRef column_;
};

class Call : public Expression {
 public:
  Call(const ExpressionFunctionEntry* f, std::vector<ExpressionRef> args)
      : function_(f), args_(std::move(args)) {
    for (const ExpressionRef& arg : args_) reach_ = std::max(reach_, arg->reach() + 1);
  }
  Result<QueryValue> eval(const Scope& scope) const override {
    std::vector<QueryValue> values;
    for (const ExpressionRef& arg : args_) {
      RF_ASSIGN(QueryValue v, arg->eval(scope));
      if (!function_->nulls && is_null(v)) return QueryValue();
      values.push_back(std::move(v));
    }
    return call_function(*function_, values, scope.control);
  }
  void collect(std::vector<std::string>& names) const override {
    for (const ExpressionRef& arg : args_) arg->collect(names);
  }

 private:
  const ExpressionFunctionEntry* function_;
  std::vector<ExpressionRef> args_;
};

// a op b op c …, from left to right: one level, where a call of each would be as deep as the chain is long.
class Chain : public Expression {
 public:
  explicit Chain(ExpressionRef first) : first_(std::move(first)) { reach_ = first_->reach() + 1; }
  // REQUIRES: not shared yet.
  void append(const ExpressionFunctionEntry* f, ExpressionRef right) {
    reach_ = std::max(reach_, right->reach() + 1);
    rest_.emplace_back(f, std::move(right));
  }
  Result<QueryValue> eval(const Scope& scope) const override {
    std::vector<QueryValue> values(2);
    RF_ASSIGN(values[0], first_->eval(scope));
    for (const auto& link : rest_) {
      if (is_null(values[0])) return QueryValue();
      RF_ASSIGN(values[1], link.second->eval(scope));
      if (is_null(values[1])) return QueryValue();
      RF_ASSIGN(values[0], call_function(*link.first, values, scope.control));
    }
    return std::move(values[0]);
  }
  void collect(std::vector<std::string>& names) const override {
    first_->collect(names);
    for (const auto& link : rest_) link.second->collect(names);
  }

 private:
  ExpressionRef first_;
  std::vector<std::pair<const ExpressionFunctionEntry*, ExpressionRef>> rest_;
};

// and, or: what stands to the right is looked at only when nothing before it decides.
class Logic : public Expression {
 public:
  Logic(bool is_and, ExpressionRef first) : and_(is_and) { append(std::move(first)); }
  bool is_and() const { return and_; }
  // REQUIRES: not shared yet.
  void append(ExpressionRef term) {
    reach_ = std::max(reach_, term->reach() + 1);
    terms_.push_back(std::move(term));
  }
  Result<QueryValue> eval(const Scope& scope) const override {
    bool unknown = false;
    for (const ExpressionRef& term : terms_) {
      RF_TRY(scope.count());
      RF_ASSIGN(const QueryValue v, term->eval(scope));
      if (is_null(v)) {
        unknown = true;
      } else if (expression_truth(v) != and_) {
        return QueryValue(int64_t{and_ ? 0 : 1});
      }
    }
    if (unknown) return QueryValue();
    return QueryValue(int64_t{and_ ? 1 : 0});
  }
  void collect(std::vector<std::string>& names) const override {
    for (const ExpressionRef& term : terms_) term->collect(names);
  }

 private:
  bool and_;
  std::vector<ExpressionRef> terms_;
};

struct BinaryOperator {
  std::string_view text;
  std::string_view function;
  int precedence;
};
constexpr BinaryOperator kOperators[] = {
    {"||", "||", 1}, {"&&", "&&", 2}, {"==", "==", 3}, {"!=", "!=", 3}, {"<=", "<=", 4},
    {">=", ">=", 4}, {"<", "<", 4},   {">", ">", 4},   {"+", "+", 5},   {"-", "-", 5},
    {"*", "*", 6},   {"/", "/", 6},   {"%", "%", 6},   {"^", "^", 7},
};

class Parser {
 public:
  Parser(std::string_view text, const QueryColumns* columns) : text_(text), columns_(columns) {}

  Result<ExpressionRef> parse() {
    RF_ASSIGN(ExpressionRef e, binary(1, 0));
    skip();
    if (at_ != text_.size()) return error("unexpected text");
    return e;
  }

 private:
  Status error(std::string_view what) const {
    return bad_query(
        "segment.virtual.ExpressionVirtualColumn",
        fmt::format("{} at position {} of the expression [{}]", what, at_ + 1, text_.substr(0, 200)));
  }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view token) {
    skip();
    if (text_.substr(at_).substr(0, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  const BinaryOperator* peek_operator() {
    skip();
    for (const BinaryOperator& op : kOperators) {
      if (text_.substr(at_).substr(0, op.text.size()) == op.text) return &op;
    }
    return nullptr;
  }

  Status check_size(int depth) {
    if (depth > Expression::kMaxDepth) {
      return too_much(fmt::format("is nested deeper than {} levels", Expression::kMaxDepth));
    }
    if (++nodes_ > Expression::kMaxNodes) {
      return too_much(fmt::format("has more than {} parts", Expression::kMaxNodes));
    }
    return {};
  }
  Status too_much(std::string_view what) const {
    return Status::user(Code::resource_exhausted,
                        fmt::format("An expression is too large: it {}: [{}].", what, text_.substr(0, 200)));
  }
  // With the virtual columns in it.
  Result<ExpressionRef> checked(ExpressionRef e) const {
    if (e->reach() <= Expression::kMaxReach) return e;
    return too_much(fmt::format("is nested deeper than {} levels with the virtual columns that it names",
                                Expression::kMaxReach));
  }

  Result<ExpressionRef> binary(int least, int depth) {
    RF_ASSIGN(ExpressionRef left, unary(depth));
    std::shared_ptr<Chain> chain;  // `left`, while it can be made longer
    std::shared_ptr<Logic> logic;
    for (;;) {
      const BinaryOperator* op = peek_operator();
      if (op == nullptr || op->precedence < least) return checked(std::move(left));
      at_ += op->text.size();
      RF_ASSIGN(ExpressionRef right,
                binary(op->text == "^" ? op->precedence : op->precedence + 1, depth + 1));
      if (op->text == "&&" || op->text == "||") {
        const bool is_and = op->text == "&&";
        if (logic == nullptr || logic->is_and() != is_and) logic = std::make_shared<Logic>(is_and, left);
        logic->append(std::move(right));
        left = logic;
        chain = nullptr;
      } else {
        if (chain == nullptr) chain = std::make_shared<Chain>(left);
        chain->append(find_expression_function(op->function), std::move(right));
        left = chain;
        logic = nullptr;
      }
    }
  }

  Result<ExpressionRef> unary(int depth) {
    RF_TRY(check_size(depth));
    skip();
    if (text_.substr(at_).substr(0, 2) != "!=" && take("!")) return apply("!", depth);
    if (take("-")) return apply("negate", depth);
    return primary(depth);
  }
  Result<ExpressionRef> apply(std::string_view function, int depth) {
    RF_ASSIGN(ExpressionRef inner, unary(depth + 1));
    return checked(std::make_shared<Call>(find_expression_function(function),
                                          std::vector<ExpressionRef>{std::move(inner)}));
  }

  Result<ExpressionRef> primary(int depth) {
    skip();
    if (at_ >= text_.size()) return error("the end");
    const char c = text_[at_];
    if (take("(")) {
      RF_ASSIGN(ExpressionRef inner, binary(1, depth + 1));
      if (!take(")")) return error("a missing ')'");
      return inner;
    }
    if (c == '\'' || c == '"') {
      RF_ASSIGN(std::string s, quoted(c));
      if (c == '\'') return ExpressionRef(std::make_shared<Literal>(QueryValue(std::move(s))));
      return name(std::move(s));
    }
    if ((c >= '0' && c <= '9') || c == '.') return number();
    std::string word;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                  text_[at_] == '_' || text_[at_] == '$')) {
      word += text_[at_++];
    }
    if (word.empty()) return error(fmt::format("unexpected '{}'", c));
    if (take("(")) return call(word, depth);
    if (word == "null") return ExpressionRef(std::make_shared<Literal>(QueryValue()));
    return name(std::move(word));
  }

  Result<ExpressionRef> name(std::string n) {
    ColumnRef column = columns_ == nullptr ? ColumnRef() : columns_->find(n);
    return checked(std::make_shared<Name>(std::move(n), std::move(column)));
  }

  Result<ExpressionRef> call(std::string word, int depth) {
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::vector<ExpressionRef> args;
    if (!take(")")) {
      do {
        RF_ASSIGN(ExpressionRef arg, binary(1, depth + 1));
        args.push_back(std::move(arg));
      } while (take(","));
      if (!take(")")) return error("a missing ')'");
    }
    const ExpressionFunctionEntry* f = find_expression_function(word);
    if (f == nullptr) return error(fmt::format("the function '{}', which does not exist here,", word));
    if (args.size() < f->least_args || args.size() > f->most_args) {
      return error(fmt::format("a call of {}() with {} arguments", word, args.size()));
    }
    return checked(std::make_shared<Call>(f, std::move(args)));
  }

  Result<ExpressionRef> number() {
    size_t end = at_;
    while (end < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '.' ||
            ((text_[end] == '-' || text_[end] == '+') && (text_[end - 1] == 'e' || text_[end - 1] == 'E')))) {
      ++end;
    }
    const std::string_view digits = text_.substr(at_, end - at_);
    at_ = end;
    if (const auto i = parse_long(digits)) return ExpressionRef(std::make_shared<Literal>(QueryValue(*i)));
    if (const auto d = parse_double(digits)) return ExpressionRef(std::make_shared<Literal>(QueryValue(*d)));
    return error("a bad number");
  }

  // Text in quotes, with \n \t \\ \' \" and \uXXXX.
  Result<std::string> quoted(char quote) {
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] != '\\' || at_ + 1 >= text_.size()) {
        out += text_[at_];
        continue;
      }
      const char c = text_[++at_];
      if (c == 'u' && at_ + 4 < text_.size()) {
        append_code_point(out, text_.substr(at_ + 1, 4));
        at_ += 4;
      } else {
        out += c == 'n' ? '\n' : (c == 't' ? '\t' : c);
      }
    }
    if (at_ >= text_.size()) return error("a quote that is not closed");
    ++at_;
    return out;
  }
  static void append_code_point(std::string& out, std::string_view hex) {
    uint32_t c = 0;
    std::from_chars(hex.data(), hex.data() + hex.size(), c, 16);
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | c >> 6);
      out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
      out += static_cast<char>(0xE0 | c >> 12);
      out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (c & 0x3F));
    }
  }

  std::string_view text_;
  const QueryColumns* columns_;
  size_t at_ = 0;
  size_t nodes_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Expression>> Expression::parse(std::string_view text,
                                                            const QueryColumns* columns) {
  return Parser(text, columns).parse();
}

Result<QueryValue> Expression::eval(Page& page, size_t row) const {
  Scope scope;
  scope.page = &page;
  scope.row = row;
  scope.control = &page.view().control();
  RF_TRY(scope.count());
  return eval(scope);
}

Result<QueryValue> Expression::eval_by_name(const Lookup& lookup, QueryControl* control) const {
  Scope scope;
  scope.lookup = &lookup;
  scope.control = control;
  RF_TRY(scope.count());
  return eval(scope);
}

bool expression_truth(const QueryValue& v) {
  if (const auto* s = std::get_if<std::string>(&v)) return *s == "true";
  const auto n = number_of(datum_of(v));
  return n && *n != 0;
}

}  // namespace rideflow::rollup
