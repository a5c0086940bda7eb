#include "tests/support/source_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace rideflow::test {
namespace fs = std::filesystem;

namespace {

std::string find_root() {
  if (const char* given = std::getenv("RIDEFLOW_SOURCE_ROOT")) return given;
  for (const fs::path& start : {fs::read_symlink("/proc/self/exe"), fs::current_path()}) {
    for (fs::path dir = start; dir != dir.parent_path(); dir = dir.parent_path()) {
      if (fs::exists(dir / "CMakePresets.json") && fs::exists(dir / "main.cc")) return dir.string();
    }
  }
  ADD_FAILURE() << "the repository's root was not found: set RIDEFLOW_SOURCE_ROOT";
  return ".";
}

}  // namespace

const std::string& source_root() {
  static const std::string root = find_root();
  return root;
}

std::vector<SourceFile> read_sources(const std::vector<std::string>& folders,
                                     const std::vector<std::string>& suffixes) {
  const auto wanted = [&](const fs::path& path) {
    const std::string name = path.filename().string();
    return std::any_of(suffixes.begin(), suffixes.end(),
                       [&](const std::string& s) { return name.ends_with(s); });
  };
  std::vector<SourceFile> files;
  const auto add = [&](const fs::path& path) {
    files.push_back({fs::relative(path, source_root()).string(), read_file(path.string())});
  };
  for (const std::string& folder : folders) {
    const fs::path top = fs::path(source_root()) / folder;
    if (fs::is_regular_file(top)) add(top);
    if (!fs::is_directory(top)) continue;
    for (auto it = fs::recursive_directory_iterator(top); it != fs::recursive_directory_iterator(); ++it) {
      const std::string name = it->path().filename().string();
      if (it->is_directory() && (name == "node_modules" || name == "dist")) it.disable_recursion_pending();
      if (it->is_regular_file() && wanted(it->path())) add(it->path());
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::string read_file(std::string_view path) {
  const fs::path full = fs::path(source_root()) / path;  // an absolute `path` replaces the root
  std::ifstream in(full, std::ios::binary);
  EXPECT_TRUE(in.good()) << "cannot read " << full;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace rideflow::test
