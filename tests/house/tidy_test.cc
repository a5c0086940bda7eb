// What every text file of the repository keeps to: its size, its width, no tabs, nothing left for later, no
// path of one developer's machine.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/house/rules.h"

namespace rideflow::house {
namespace {

constexpr std::size_t kColumns = 120;
constexpr std::size_t kLines = 1000;

/// Words in two halves, so that this file passes its own test.
const std::vector<std::string>& banned_words() {
  static const std::vector<std::string> words = {std::string("TO") + "DO",   std::string("FIX") + "ME",
                                                 std::string("XX") + "X:",   std::string("/wo") + "rk/",
                                                 std::string("/ro") + "ot/", std::string("/ho") + "me/"};
  return words;
}

/// Columns as a reader counts them: UTF-8 continuation bytes take none.
std::size_t width(std::string_view line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::vector<std::string> check_tidy(const SourceFile& file) {
  std::vector<std::string> violations;
  const bool prose = file.path.ends_with(".md");  // with tables, whose rows can't be broken
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < file.text.size();) {
    const std::size_t end = std::min(file.text.find('\n', begin), file.text.size());
    const std::string_view line = std::string_view(file.text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    const auto report = [&](const std::string& what) { violations.push_back(at(file, number) + what); };
    if (width(line) > kColumns && !prose)
      report(fmt::format("{} columns, at most {}", width(line), kColumns));
    if (line.find('\t') != std::string_view::npos) report("a tab");
    if (line.ends_with(' ') || line.ends_with('\r')) report("blanks at the end");
    for (const std::string& word : banned_words()) {
      if (line.find(word) != std::string_view::npos) report("'" + word + "'");
    }
  }
  if (number > kLines)
    violations.push_back(at(file, number) + fmt::format("{} lines, at most {}", number, kLines));
  if (!file.text.empty() && !file.text.ends_with('\n'))
    violations.push_back(at(file, number) + "no final newline");
  return violations;
}

namespace {

TEST(Tidy, EveryTextFile) {
  std::vector<std::string> folders = room_folders();
  folders.insert(folders.end(), {"tests", "bench", "examples", "cmake", "CMakeLists.txt", "test",
                                 "quickstart", "docs", "README.md", "ui/src", "ui/test"});
  std::vector<SourceFile> files =
      test::read_sources(folders, {".h", ".cc", ".cmake", "CMakeLists.txt", ".sh", ".ts", ".tsx", ".mjs",
                                   ".css", ".md", "/run", "test", "quickstart"});
  const auto scripts = test::read_sources({"scripts", ".ci", "bench/report"}, {""});
  files.insert(files.end(), scripts.begin(), scripts.end());
  std::vector<std::string> violations;
  for (const SourceFile& file : files) {
    const auto found = check_tidy(file);
    violations.insert(violations.end(), found.begin(), found.end());
  }
  EXPECT_TRUE(violations.empty()) << join(violations);
}

TEST(Tidy, WhatIsReadFirstIsShort) {
  const auto lines = [](std::string_view path) {
    const std::string text = test::read_file(path);
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_LE(lines("README.md"), 3 * 45) << "three screens";
  EXPECT_LE(lines("docs/architecture.md"), 200);
}

// A header is a promise to others; what only its own source needs stands there.
TEST(Tidy, EveryHeaderHasAReader) {
  std::vector<std::string> folders = room_folders();
  folders.insert(folders.end(), {"tests", "bench", "examples"});
  const std::vector<SourceFile> files = test::read_sources(folders, {".h", ".cc"});
  std::vector<std::string> violations;
  for (const SourceFile& header : room_sources()) {
    if (!header.path.ends_with(".h")) continue;
    const std::string include = "#include \"" + header.path + "\"";
    const std::string own = header.path.substr(0, header.path.size() - 1) + "cc";
    const bool read = std::any_of(files.begin(), files.end(), [&](const SourceFile& file) {
      return file.path != own && file.text.find(include) != std::string::npos;
    });
    if (!read) violations.push_back(header.path + ": nobody includes it");
  }
  EXPECT_TRUE(violations.empty()) << join(violations);
}

TEST(Tidy, ViolationsAreCaught) {
  EXPECT_EQ(check_tidy({"a.cc", std::string(121, 'x') + "\n"}).size(), 1U);
  EXPECT_EQ(check_tidy({"a.cc", "\tx\n"}).size(), 1U);
  EXPECT_EQ(check_tidy({"a.cc", "x \n"}).size(), 1U);
  EXPECT_EQ(check_tidy({"a.cc", "x"}).size(), 1U) << "no final newline";
  EXPECT_EQ(check_tidy({"a.cc", std::string(1001, '\n')}).size(), 1U);
  for (const std::string& word : banned_words())
    EXPECT_EQ(check_tidy({"a.cc", "// " + word + "\n"}).size(), 1U) << word;
}

TEST(Tidy, WhatIsTidyPasses) {
  EXPECT_TRUE(check_tidy({"a.md", "|" + std::string(200, 'x') + "\n"}).empty());
  std::string wide;
  for (int i = 0; i < 120; ++i) wide += "é";
  EXPECT_TRUE(check_tidy({"a.cc", wide + "\n// a note\n"}).empty());
}

}  // namespace
}  // namespace rideflow::house
