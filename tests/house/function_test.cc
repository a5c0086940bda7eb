// A function fits on a screen: at most 70 lines, from the line that opens its body to the one that closes it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>

#include "tests/house/rules.h"

namespace rideflow::house {
namespace {

constexpr int kFunctionLines = 70;

/// What stands in front of a brace, from the last `;` or brace on, without what is in parentheses: does it
/// begin a function's body? (Not a class's, a namespace's, an array's, a lambda's that initialises
/// something.)
bool begins_function(const std::string& head, bool has_parameters) {
  static const RE2 kOther(
      R"(^\s*(?:namespace|class|struct|union|enum|extern)\b|^\s*template\s*<.*>\s*(?:class|struct)\b)");
  static const RE2 kAssigned(R"((?:^|[^=!<>])=(?:$|[^=]))");
  static const RE2 kOperator(R"(\boperator\s*[^\s\w]+)");
  if (!has_parameters || RE2::PartialMatch(head, kOther)) return false;
  std::string plain = head;
  RE2::GlobalReplace(&plain, kOperator, "operator");
  return !RE2::PartialMatch(plain, kAssigned);
}

/// Reads a source without comments and literals, a character after the other.
class FunctionScan {
 public:
  explicit FunctionScan(const SourceFile& file) : file_(file) {}

  std::vector<std::string> run() {
    bool directive = false;  // a line of the preprocessor
    bool blank = true;       // nothing on the line yet
    for (const char c : without_comments(file_.text, /*literals=*/true)) {
      directive = directive || (blank && c == '#');
      if (!directive) take(c);
      blank = c == '\n' || (blank && c == ' ');
      if (c == '\n') {
        ++line_;
        directive = false;
      }
    }
    return std::move(violations_);
  }

 private:
  struct Open {
    int line;
    bool function;
    bool initialiser;  // `b_{c}`: what stands before it goes on behind it
    int parentheses;   // in which the brace stands
  };

  void take(char c) {
    if (c == '{') return open();
    if (c == '}') return close();
    if (c == '(') ++parentheses_;
    if (c == ')') {
      --parentheses_;
      has_parameters_ = true;
    }
    if (c == ';' && parentheses_ == 0) return begin_head();
    if (parentheses_ == 0 && c != ')') head_.push_back(c == '\n' ? ' ' : c);
  }

  void open() {
    const bool initialiser = !head_.empty() && (std::isalnum(static_cast<unsigned char>(head_.back())) != 0 ||
                                                head_.back() == '_' || head_.back() == '>');
    const bool outside = std::none_of(stack_.begin(), stack_.end(), [](const Open& o) { return o.function; });
    const bool function =
        outside && !initialiser && parentheses_ == 0 && begins_function(head_, has_parameters_);
    stack_.push_back({line_, function, initialiser, std::exchange(parentheses_, 0)});
    if (!initialiser) begin_head();
  }

  void close() {
    if (stack_.empty()) return;
    const Open opened = stack_.back();
    stack_.pop_back();
    parentheses_ = opened.parentheses;
    const int lines = line_ - opened.line + 1;
    if (opened.function && lines > kFunctionLines) {
      violations_.push_back(at(file_, static_cast<std::size_t>(opened.line)) +
                            fmt::format("a function of {} lines, at most {}", lines, kFunctionLines));
    }
    if (!opened.initialiser) begin_head();
  }

  void begin_head() {
    head_.clear();
    has_parameters_ = false;
  }

  const SourceFile& file_;
  std::vector<std::string> violations_;
  std::vector<Open> stack_;
  std::string head_;
  bool has_parameters_ = false;
  int parentheses_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<std::string> check_functions(const SourceFile& file) {
  return FunctionScan(file).run();
}

namespace {

std::string lines_of(int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += "  f(x);\n";
  return out;
}

TEST(Functions, EachFitsOnAScreen) {
  std::vector<std::string> folders = room_folders();
  folders.insert(folders.end(), {"tests", "bench", "examples"});
  std::vector<std::string> violations;
  for (const SourceFile& file : test::read_sources(folders, {".h", ".cc"})) {
    const auto found = check_functions(file);
    violations.insert(violations.end(), found.begin(), found.end());
  }
  EXPECT_TRUE(violations.empty()) << join(violations);
}

TEST(Functions, LongOnesAreCaught) {
  for (const std::string head :
       {"int f(int a)", "Status A::f(B b) const", "A::A(int b) : a_(b), c_{b}", "bool operator==(A a)",
        "struct A {\n  void f() override", "namespace {\nclass A : public B {\n public:\n  void f()",
        "#define X(a) {\nvoid f(int a = 3)", "TEST(A, B)", "auto f(int a) -> int"}) {
    EXPECT_TRUE(check_functions({"a.cc", head + " {\n" + lines_of(68) + "}\n};\n"}).empty()) << head;
    EXPECT_EQ(check_functions({"a.cc", head + " {\n" + lines_of(69) + "}\n};\n"}).size(), 1U) << head;
  }
}

TEST(Functions, WhatIsNoFunctionMayBeLong) {
  for (const std::string head :
       {"namespace a", "class A : public B<C(D)>", "const Row kTable[] =", "enum class A"}) {
    EXPECT_TRUE(check_functions({"a.cc", head + " {\n" + lines_of(200) + "};\n"}).empty()) << head;
  }
  EXPECT_TRUE(check_functions({"a.cc", "// f() {\n" + lines_of(200)}).empty());
}

}  // namespace
}  // namespace rideflow::house
