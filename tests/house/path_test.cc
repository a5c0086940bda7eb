// A comment or a page that names a file names one that is there.
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/house/rules.h"

namespace rideflow::house {
namespace {

namespace fs = std::filesystem;

/// The repository's own files and folders, as paths from its root.
struct Tree {
  std::set<std::string> files;
  std::set<std::string> folders;
  std::set<std::string> names;  // of files, without their folder
};

const std::vector<std::string>& top_folders() {
  static const std::vector<std::string> names = {
      "engine", "topics", "state", "rollup",   "objects", "operators", "dsl",   "runtime",   "tests",
      "bench",  "docs",   "jobs",  "examples", "ui",      "scripts",   "cmake", "packaging", ".ci"};
  return names;
}

Tree read_tree() {
  Tree tree;
  const auto add = [&](const fs::path& path) {
    const std::string relative = fs::relative(path, test::source_root()).string();
    if (fs::is_directory(path)) {
      tree.folders.insert(relative);
    } else {
      tree.files.insert(relative);
      tree.names.insert(path.filename().string());
    }
  };
  for (const auto& entry : fs::directory_iterator(test::source_root())) {
    if (entry.is_regular_file()) add(entry.path());
  }
  for (const std::string& folder : top_folders()) {
    const fs::path top = fs::path(test::source_root()) / folder;
    if (!fs::is_directory(top)) continue;
    add(top);
    for (auto it = fs::recursive_directory_iterator(top); it != fs::recursive_directory_iterator(); ++it) {
      const std::string name = it->path().filename().string();
      if (it->is_directory() && (name == "node_modules" || name == "dist")) it.disable_recursion_pending();
      add(it->path());
    }
  }
  return tree;
}

const Tree& tree() {
  static const Tree all = read_tree();
  return all;
}

/// Names that stand for files that others have or that are made: patterns, examples, builds.
const std::vector<std::string>& not_ours() {
  static const std::vector<std::string> patterns = {"*_v2.cc", "y_test.cc", "generated/*", "build/*",
                                                    "*/dist",  "ui/dist/*", "rdkafka*.h"};
  return patterns;
}

/// Whether a part of the path is a word in capitals (NAME, X_test.cc): a place to fill in.
bool has_placeholder(const std::string& path) {
  static const RE2 kCapitals(R"((?:^|/|\b)[A-Z]+(?:_\w+)?(?:/|\.|$))");
  return RE2::PartialMatch(path, kCapitals) && !tree().files.count(path) && !tree().names.count(path);
}

bool names_a_file(const std::string& word) {
  static const RE2 kEnding(R"([\w*]\.(?:h|cc|md|mjs|tsx?|css|cmake|sh)$)");
  if (RE2::PartialMatch(word, kEnding)) return true;
  return std::any_of(top_folders().begin(), top_folders().end(),
                     [&](const std::string& top) { return word.starts_with(top + "/"); });
}

bool is_there(const std::string& word, const std::string& folder) {
  const auto found = [&](const std::string& path) {
    const auto any = [&](const std::set<std::string>& of) {
      return std::any_of(of.begin(), of.end(), [&](const std::string& p) { return matches(path, p); });
    };
    if (path.find('*') != std::string::npos) return any(tree().files) || any(tree().folders);
    return tree().files.count(path) > 0 || tree().folders.count(path) > 0 ||
           tree().files.count(path + ".h") > 0;  // engine/task: the header and its source
  };
  if (found(word) || found((fs::path(folder) / word).lexically_normal().string())) return true;
  const auto of_name = [&](const std::string& name) { return matches(word, name); };
  if (word.find('/') == std::string::npos)
    return std::any_of(tree().names.begin(), tree().names.end(), of_name);
  return std::any_of(tree().files.begin(), tree().files.end(),
                     [&](const std::string& path) { return path.ends_with("/" + word); });
}

/// The prose of a line: all of a page, what is behind `//` in a source, a comment of a script.
std::string_view prose_of(const std::string& path, std::string_view line, std::string_view code) {
  if (path.ends_with(".md")) return line;
  const bool script = path.ends_with(".cmake") || path.ends_with("CMakeLists.txt");
  if (script) return line.starts_with('#') ? line : std::string_view();
  // Comments are blanks in `code`: the prose begins where the last of the code ends.
  const std::size_t end = code.find_last_not_of(' ');
  return line.substr(end == std::string_view::npos ? 0 : end + 1);
}

}  // namespace

std::vector<std::string> check_paths(const SourceFile& file) {
  static const RE2 kWord(R"(([^\w./*-]|^)([\w./*-]*[\w*]))");
  const bool source = !file.path.ends_with(".md") && !file.path.ends_with(".cmake");
  const std::string code = source ? without_comments(file.text, /*literals=*/false) : file.text;
  const std::string folder = fs::path(file.path).parent_path().string();
  std::vector<std::string> violations;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < file.text.size();) {
    const std::size_t end = std::min(file.text.find('\n', begin), file.text.size());
    const std::string_view line = std::string_view(file.text).substr(begin, end - begin);
    const std::string_view prose =
        prose_of(file.path, line, std::string_view(code).substr(begin, end - begin));
    re2::StringPiece rest(prose.data(), prose.size());
    begin = end + 1;
    ++number;
    std::string before, word;
    while (RE2::FindAndConsume(&rest, kWord, &before, &word)) {
      if (!before.empty() && std::string_view("<>{}$:@~\\").find(before) != std::string_view::npos) continue;
      if (word.starts_with("./")) word = word.substr(2);
      if (!names_a_file(word) || has_placeholder(word) || matches_any(not_ours(), word)) continue;
      if (!is_there(word, folder)) violations.push_back(at(file, number) + "'" + word + "' is not there");
    }
  }
  return violations;
}

namespace {

TEST(Paths, WhatCommentsAndPagesNameIsThere) {
  std::vector<std::string> folders = room_folders();
  folders.insert(folders.end(), {"tests", "bench", "examples", "cmake", "CMakeLists.txt", "docs", "jobs",
                                 "README.md", "SECURITY.md", "ui/src", "ui/README.md"});
  std::vector<std::string> violations;
  for (const SourceFile& file :
       test::read_sources(folders, {".h", ".cc", ".cmake", "CMakeLists.txt", ".ts", ".tsx", ".md"})) {
    const auto found = check_paths(file);
    violations.insert(violations.end(), found.begin(), found.end());
  }
  EXPECT_TRUE(violations.empty()) << join(violations);
}

TEST(Paths, StaleOnesAreCaught) {
  for (const std::string text :
       {"// see engine/gone.h\n", "// (gone.md)\n", "int a;  // as in runtime/gone_*\n"}) {
    EXPECT_EQ(check_paths({"engine/a.cc", text}).size(), 1U) << text;
  }
  EXPECT_EQ(check_paths({"docs/a.md", "[x](gone.md), `engine/task.h`\n"}).size(), 1U);
}

TEST(Paths, WhatIsThereOrMeantAsAnExamplePasses) {
  for (const std::string text : {"// engine/task.h, task.h and engine/task, in tests/house/.\n",
                                 "// runtime/posix_*, tests/X/run, NAME.test.cc\n", "#include <gone.h>\n",
                                 "open(\"gone.h\");\n", "// e.g. https://example.org/gone.md\n"}) {
    EXPECT_TRUE(check_paths({"engine/a.cc", text}).empty())
        << text << join(check_paths({"engine/a.cc", text}));
  }
  EXPECT_TRUE(check_paths({"docs/a.md", "[x](semantics.md), [y](../README.md)\n"}).empty());
}

}  // namespace
}  // namespace rideflow::house
