// The repository as the tests see it: its root folder and its files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rideflow::test {

/// The repository's root, absolute, without a trailing slash. Found from the test executable, which stands in
/// build/<preset>/ below it; RIDEFLOW_SOURCE_ROOT overrides.
const std::string& source_root();

struct SourceFile {
  std::string path;  // relative to the root, "engine/status.h"
  std::string text;
};

/// All files below `folders` (relative to the root) whose name ends with one of `suffixes`, sorted by path.
/// Folders that do not exist, and node_modules and dist folders, are skipped. A folder may also be one file.
std::vector<SourceFile> read_sources(const std::vector<std::string>& folders,
                                     const std::vector<std::string>& suffixes);

/// The whole file as bytes; the test fails if it cannot be read. `path` is absolute or relative to the root.
std::string read_file(std::string_view path);

}  // namespace rideflow::test
