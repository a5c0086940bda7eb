#include "operators/files/file_pattern.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {
namespace {

constexpr int kDeepest = 64;  // links may lead round in circles

bool is_pattern(std::string_view s) {
  return s.find_first_of("*?") != std::string_view::npos;
}

bool is_ordinary(const DirEntry& entry) {
  const std::string& name = entry.name;
  if (name.empty() || name[0] == '.' || name[0] == '_') return false;
  return entry.is_dir || (!name.ends_with(".tmp") && !name.ends_with(".part"));
}

char lower_letter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool matches_wildcards(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' || lower_letter(pattern[p]) == lower_letter(name[n]))) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

FilePattern::FilePattern(std::string path) : path_(std::move(path)) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  const size_t first = path_.find_first_of("*?");
  if (first == std::string::npos) return;
  const size_t slash = path_.rfind('/', first);
  directory_ = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
  for (size_t at = slash == std::string::npos ? 0 : slash + 1; at <= path_.size();) {
    const size_t end = std::min(path_.find('/', at), path_.size());
    if (end > at) parts_.push_back(path_.substr(at, end - at));
    at = end + 1;
  }
  if (parts_.back() == "**") parts_.emplace_back("*");  // all files, however deep
}

Result<std::vector<DirEntry>> FilePattern::list(FileSystem& fs) const {
  std::vector<DirEntry> found;
  if (parts_.empty()) {
    RF_ASSIGN(DirEntry entry, fs.stat(path_));
    is_dir_ = entry.is_dir;
    if (!is_dir_) {
      entry.name = path_.substr(path_.rfind('/') + 1);
      return std::vector<DirEntry>{entry};
    }
    RF_ASSIGN(found, fs.list(path_));
    std::erase_if(found, [](const DirEntry& e) { return e.is_dir || !is_ordinary(e); });
  } else {
    RF_TRY(walk(fs, "", 0, 0, found));
  }
  std::sort(found.begin(), found.end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  // 'a/**/**/b' leads to the same file by several ways.
  const auto same = [](const DirEntry& a, const DirEntry& b) { return a.name == b.name; };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
  return found;
}

Status FilePattern::walk(FileSystem& fs, const std::string& below, size_t part, int depth,
                         std::vector<DirEntry>& found) const {
  if (depth > kDeepest) return {};
  Result<std::vector<DirEntry>> entries = fs.list(below.empty() ? directory_ : join_path(directory_, below));
  // A folder may go while we walk; the one where the pattern begins has to be there.
  if (!entries.ok() && entries.status().code() == Code::not_found && depth > 0) return {};
  if (!entries.ok()) return std::move(entries).status();
  for (DirEntry& entry : *entries) {
    if (is_ordinary(entry)) RF_TRY(visit(fs, below, std::move(entry), part, depth, found));
  }
  return {};
}

Status FilePattern::visit(FileSystem& fs, const std::string& below, DirEntry entry, size_t part, int depth,
                          std::vector<DirEntry>& found) const {
  const std::string name = entry.name;
  const std::string path = below.empty() ? name : join_path(below, name);
  size_t at = part;
  while (at < parts_.size() && parts_[at] == "**") ++at;  // no folder at all
  const bool any_depth = at > part;
  const bool last = at + 1 == parts_.size();
  const bool matches = is_pattern(parts_[at]) ? matches_wildcards(parts_[at], name) : parts_[at] == name;
  if (!entry.is_dir) {
    if (!last || !matches) return {};
    entry.name = path;
    found.push_back(std::move(entry));
    return {};
  }
  if (any_depth) RF_TRY(walk(fs, path, part, depth + 1, found));
  return matches && !last ? walk(fs, path, at + 1, depth + 1, found) : Status();
}

std::string FilePattern::path_of(const std::string& name) const {
  if (!parts_.empty()) return join_path(directory_, name);
  return is_dir_ ? join_path(path_, name) : path_;
}

std::string FilePattern::near_misses(FileSystem& fs) const {
  const std::string& dir = parts_.empty() ? path_ : directory_;
  const Result<std::vector<DirEntry>> entries = fs.list(dir);
  if (!entries.ok()) return {};
  size_t files = 0;
  size_t folders = 0;
  size_t left_out = 0;
  std::string some_file;
  std::string some_folder;
  for (const DirEntry& entry : *entries) {
    if (!is_ordinary(entry)) {
      left_out += entry.is_dir ? 0 : 1;
    } else if (entry.is_dir) {
      if (folders++ == 0) some_folder = entry.name;
    } else if (!parts_.empty() && files++ == 0) {
      some_file = entry.name;
    }
  }
  std::string text;
  const auto add = [&text](std::string words) { text += (text.empty() ? "" : ", ") + std::move(words); };
  if (files > 0) add(fmt::format("{} other file(s) such as '{}'", files, some_file));
  if (folders > 0) {
    add(fmt::format("{} folder(s) such as '{}', which '{}' would read too", folders, some_folder,
                    join_path(dir, parts_.empty() ? "**" : join_path("**", parts_.back()))));
  }
  if (left_out > 0) {
    add(fmt::format("{} file(s) that begin with '.' or '_' or end in .tmp or .part, which are left out",
                    left_out));
  }
  return text.empty() ? text : fmt::format("'{}' has {}", dir, text);
}

}  // namespace rideflow
