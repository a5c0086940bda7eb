// FilePattern: which files a path means.
//
// A file; a directory (its files, not those of its subfolders); or a pattern: '*' and '?' in any part, and
// '**' as a part of its own for any number of folders. Wildcards take letters of either case, so that
// '*.csv' finds 'A.CSV'. Files and folders are left out whose names begin with '.' or '_', and files that
// end in .tmp or .part: writers use these for what is not whole yet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/env.h"

namespace rideflow {

class FilePattern {
 public:
  explicit FilePattern(std::string path);
  const std::string& path() const { return path_; }
  bool has_wildcards() const { return !parts_.empty(); }
  // Files that match now, by name; a name is the path behind the directory where the wildcards begin.
  // not_found: there is no such file or directory.
  Result<std::vector<DirEntry>> list(FileSystem& fs) const;
  std::string path_of(const std::string& name) const;
  // What stands where the pattern looks and is none of its files, in words for a message; "" for nothing.
  std::string near_misses(FileSystem& fs) const;

 private:
  Status walk(FileSystem& fs, const std::string& below, size_t part, int depth,
              std::vector<DirEntry>& found) const;
  Status visit(FileSystem& fs, const std::string& below, DirEntry entry, size_t part, int depth,
               std::vector<DirEntry>& found) const;

  std::string path_;
  std::string directory_;           // where wildcards begin
  std::vector<std::string> parts_;  // of the path from there on; empty: it has no wildcards
  mutable bool is_dir_ = false;     // the path itself is a directory: learnt by list()
};

// '*' any characters, '?' one; letters of either case.
bool matches_wildcards(std::string_view pattern, std::string_view name);

}  // namespace rideflow
