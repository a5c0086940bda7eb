// Every counter of engine/metrics.h is written by somebody: one that is always 0 says something false to who
// reads it.
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "tests/house/rules.h"

namespace rideflow::house {
namespace {

/// The names of the fields `Counter a, b;`.
std::vector<std::string> counters_of(const std::string& code) {
  static const RE2 kFields(R"(\bCounter\s+(\w+(?:\s*,\s*\w+)*)\s*;)");
  static const RE2 kName(R"((\w+))");
  std::vector<std::string> names;
  re2::StringPiece rest = code;
  re2::StringPiece fields;
  while (RE2::FindAndConsume(&rest, kFields, &fields)) {
    std::string name;
    while (RE2::FindAndConsume(&fields, kName, &name)) names.push_back(name);
  }
  return names;
}

bool writes(const std::string& code, const std::string& name) {
  return RE2::PartialMatch(code, R"((?:\.|->))" + name + R"(\s*\.\s*(?:add|set|raise)\()");
}

TEST(Metrics, EveryCounterIsWritten) {
  const std::vector<std::string> names =
      counters_of(without_comments(test::read_file("engine/metrics.h"), true));
  ASSERT_GE(names.size(), 20U);
  std::string code;
  for (const SourceFile& file : room_sources()) code += without_comments(file.text, true);
  for (const std::string& name : names) EXPECT_TRUE(writes(code, name)) << "nothing writes '" << name << "'";
}

TEST(Metrics, OnesThatNothingWritesAreCaught) {
  EXPECT_EQ(counters_of("struct A {\n  Counter a, b;\n  Counter c;\n};"),
            (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(writes("metrics->a.add(1);", "a"));
  EXPECT_TRUE(writes("node.metrics.a.set(1);", "a"));
  EXPECT_FALSE(writes("samples.add(task.a.get());", "a"));
  EXPECT_FALSE(writes("aa.add(1);", "a"));
}

}  // namespace
}  // namespace rideflow::house
