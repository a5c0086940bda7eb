// What a command of the workshop installs is what it uses: the desk's loop needs neither Node nor a JDK nor a
// browser.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <sstream>

#include "tests/support/source_tree.h"

namespace rideflow::house::packages_test {
namespace {

/// The packages that `./test` would install with these options.
std::set<std::string> needs(const std::string& options) {
  const std::string command = fmt::format("'{}/test' --list-deps {}", test::source_root(), options);
  FILE* out = popen(command.c_str(), "r");
  EXPECT_NE(out, nullptr);
  std::string text;
  std::array<char, 4096> block{};
  while (out) {
    const std::size_t count = fread(block.data(), 1, block.size(), out);
    if (count == 0) break;
    text.append(block.data(), count);
  }
  EXPECT_EQ(out ? pclose(out) : -1, 0) << command;
  std::istringstream lines(text);
  return {std::istream_iterator<std::string>(lines), {}};
}

bool has(const std::set<std::string>& packages, std::string_view part) {
  return std::any_of(packages.begin(), packages.end(),
                     [&](const std::string& name) { return name.find(part) != std::string::npos; });
}

TEST(Packages, ATestOfTheEngineAloneInstallsWhatTheEngineNeeds) {
  for (const std::string options : {"--quick", "--preset debug", "--preset tsan", "--preset asan"}) {
    const std::set<std::string> packages = needs(options);
    for (const char* part : {"g++", "cmake", "librocksdb-dev", "libgtest-dev", "libgmock-dev"})
      EXPECT_TRUE(has(packages, part)) << "./test " << options << " needs " << part;
    for (const char* part : {"jdk", "jre", "maven", "node", "npm", "chromium", "benchmark", "python3"})
      EXPECT_FALSE(has(packages, part)) << "./test " << options << " does not use " << part;
    EXPECT_FALSE(packages.contains("openssl")) << "the program; libraries are built with it";
    EXPECT_EQ(has(packages, "clang"), options == "--preset asan") << options;
  }
}

TEST(Packages, TheWholeTestInstallsWhatItsSuitesUse) {
  const std::set<std::string> packages = needs("");
  for (const char* part :
       {"libgtest-dev", "jre", "maven", "nodejs", "npm", "chromium", "openssl", "benchmark", "python3-venv"})
    EXPECT_TRUE(has(packages, part)) << part;
  EXPECT_FALSE(has(packages, "clang"));
}

}  // namespace
}  // namespace rideflow::house::packages_test
