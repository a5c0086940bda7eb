// FileList: the files of one partition of a file source, in the order in which they were found.
//
// It is what a position's `detail` records: how many files are done, and all names found so far. New names
// are put behind the known ones, sorted among themselves.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/env.h"

namespace rideflow {

// A file, a directory (all its files but hidden ones and those that begin with '_' or end in .tmp), or a
// pattern with * and ? in its last part.
class FilePattern {
 public:
  explicit FilePattern(std::string path);
  const std::string& path() const { return path_; }
  // Files that match now, by name. not_found: there is no such file or directory.
  Result<std::vector<DirEntry>> list(FileSystem& fs) const;
  std::string path_of(const std::string& name) const;

 private:
  Result<std::vector<DirEntry>> list_directory(FileSystem& fs) const;

  std::string path_;
  std::string directory_;
  std::string pattern_;          // "" where the path has none
  mutable bool is_dir_ = false;  // the path itself is a directory: learnt by list()
};

bool matches_wildcards(std::string_view pattern, std::string_view name);

class FileList {
 public:
  // Adds the names that are new, in their order. True when there were any.
  bool add(const std::vector<std::string>& names);
  const std::string* current() const { return done_ < names_.size() ? &names_[done_] : nullptr; }
  void finish_current() { ++done_; }
  void finish_all() { done_ = names_.size(); }
  size_t done() const { return done_; }
  size_t size() const { return names_.size(); }

  std::string encode() const;
  static Result<FileList> decode(std::string_view detail);
  // Only how many are done. -1: not such a text.
  static int64_t done_of(std::string_view detail);

 private:
  size_t done_ = 0;
  std::vector<std::string> names_;
  std::set<std::string> known_;
  mutable std::string encoded_names_;
  mutable size_t encoded_ = 0;
};

}  // namespace rideflow
