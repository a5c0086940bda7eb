// Golden errors: every file of tests/dsl/errors/ is a job that is wrong, and begins with all that is said of
// it:
//   # expect: line:column  path: message
// RIDEFLOW_UPDATE_GOLDEN=1 rewrites those lines; read them before you commit them.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "dsl/job.h"
#include "tests/dsl/fake_catalog.h"
#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace errors_test {

constexpr std::string_view kMark = "# expect: ";

std::optional<std::string> lookup(std::string_view name) {
  if (name == "SET") return "value";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

std::vector<std::string> actual_lines(const std::string& text) {
  LoadOptions options;
  options.lookup = lookup;
  const LoadedJob job = load_job(text, "", fake_catalog(), options);
  std::vector<std::string> lines;
  const auto add = [&](const Diagnostic& d, std::string_view prefix) {
    std::string line = to_string(d, "");
    if (line.starts_with(':')) line.erase(0, 1);
    lines.push_back(std::string(prefix) + line);
  };
  for (const Diagnostic& error : job.errors) add(error, "");
  for (const Diagnostic& warning : job.warnings) add(warning, "warning ");
  return lines;
}

std::vector<std::string> expected_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; std::string_view(text).substr(at).starts_with(kMark);) {
    const size_t end = text.find('\n', at);
    lines.push_back(text.substr(at + kMark.size(), end - at - kMark.size()));
    at = end + 1;
  }
  return lines;
}

// The file with as many expect lines as needed: places move with them, so until they agree.
void rewrite(const SourceFile& file) {
  std::string body = file.text;
  while (body.starts_with(kMark)) body.erase(0, body.find('\n') + 1);
  std::vector<std::string> lines = {"unknown"};
  for (int i = 0; i < 3; ++i) {
    std::string head;
    for (const std::string& line : lines) head += std::string(kMark) + line + "\n";
    lines = actual_lines(head + body);
    if (lines.empty()) lines = {"no error"};
    std::ofstream(fmt::format("{}/{}", source_root(), file.path)) << head + body;
  }
}

TEST(Errors, AreAsTheFilesSay) {
  std::vector<SourceFile> files = read_sources({"tests/dsl/errors"}, {".yaml"});
  EXPECT_GE(files.size(), 60U);
  const bool update = std::getenv("RIDEFLOW_UPDATE_GOLDEN") != nullptr;
  for (const SourceFile& file : files) {
    if (update) rewrite(file);
    const std::vector<std::string> expected = expected_lines(file.text);
    EXPECT_FALSE(expected.empty()) << file.path << ": a golden file begins with its expected errors";
    EXPECT_EQ(actual_lines(file.text), expected) << file.path;
  }
}

TEST(Errors, AsJsonForEditors) {
  const LoadedJob job = load_job("job: x\nsorces: {}\n", "a.yaml", fake_catalog());
  EXPECT_EQ(
      format_diagnostics_json(job),
      R"x([{"file":"a.yaml","line":1,"column":1,"path":"","message":"'sinks' is missing: a job without sinks)x"
      R"x( computes nothing","severity":"error"},)x"
      R"x({"file":"a.yaml","line":1,"column":1,"path":"","message":"'sources' is missing: a job reads at least one)x"
      R"x( source","severity":"error"},{"file":"a.yaml","line":2,"column":1,"path":"sorces",)x"
      R"x("message":"unknown key 'sorces' (did you mean 'sources'?)","severity":"error"}])x");
  EXPECT_EQ(format_diagnostics(job).substr(0, 12), "a.yaml:1:1  ");
}

}  // namespace errors_test
}  // namespace rideflow::test
