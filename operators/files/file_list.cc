#include "operators/files/file_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rideflow {
namespace {

bool has_wildcards(std::string_view s) {
  return s.find_first_of("*?") != std::string_view::npos;
}

bool is_ordinary(const std::string& name) {
  return name[0] != '.' && name[0] != '_' && !name.ends_with(".tmp") && !name.ends_with(".part");
}

// Names may hold anything but '/': line breaks and '%' are written as %0A and %25.
void append_escaped(std::string& out, std::string_view name) {
  for (const char c : name) {
    if (c == '\n' || c == '%') {
      out += c == '\n' ? "%0A" : "%25";
    } else {
      out.push_back(c);
    }
  }
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out.push_back(text[i + 1] == '0' ? '\n' : '%');
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
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
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
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
  const size_t slash = path_.rfind('/');
  const std::string last = slash == std::string::npos ? path_ : path_.substr(slash + 1);
  if (!has_wildcards(last)) return;
  pattern_ = last;
  directory_ = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
}

Result<std::vector<DirEntry>> FilePattern::list(FileSystem& fs) const {
  if (!pattern_.empty()) return list_directory(fs);
  RF_ASSIGN(DirEntry entry, fs.stat(path_));
  is_dir_ = entry.is_dir;
  if (is_dir_) return list_directory(fs);
  const size_t slash = path_.rfind('/');
  entry.name = slash == std::string::npos ? path_ : path_.substr(slash + 1);
  return std::vector<DirEntry>{entry};
}

Result<std::vector<DirEntry>> FilePattern::list_directory(FileSystem& fs) const {
  RF_ASSIGN(std::vector<DirEntry> all, fs.list(is_dir_ ? path_ : directory_));
  std::erase_if(all, [this](const DirEntry& e) {
    return e.is_dir || e.name.empty() || !is_ordinary(e.name) ||
           (!pattern_.empty() && !matches_wildcards(pattern_, e.name));
  });
  std::sort(all.begin(), all.end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return all;
}

std::string FilePattern::path_of(const std::string& name) const {
  if (!pattern_.empty()) return join_path(directory_, name);
  return is_dir_ ? join_path(path_, name) : path_;
}

bool FileList::add(const std::vector<std::string>& names) {
  const size_t before = names_.size();
  for (const std::string& name : names) {
    if (known_.insert(name).second) names_.push_back(name);
  }
  return names_.size() > before;
}

std::string FileList::encode() const {
  for (; encoded_ < names_.size(); ++encoded_) {
    encoded_names_.push_back('\n');
    append_escaped(encoded_names_, names_[encoded_]);
  }
  return fmt::format("{}{}", done_, encoded_names_);
}

Result<FileList> FileList::decode(std::string_view detail) {
  FileList list;
  if (detail.empty()) return list;
  const int64_t done = done_of(detail);
  std::vector<std::string> names;
  for (size_t at = detail.find('\n'); at != std::string_view::npos;) {
    const size_t next = detail.find('\n', at + 1);
    names.push_back(unescaped(detail.substr(at + 1, next == std::string_view::npos ? next : next - at - 1)));
    at = next;
  }
  if (done < 0 || static_cast<size_t>(done) > names.size()) {
    return Status::external(Code::data_loss, "the stored position of a file source can't be read");
  }
  list.add(names);
  list.done_ = static_cast<size_t>(done);
  return list;
}

int64_t FileList::done_of(std::string_view detail) {
  int64_t done = -1;
  const auto [end, error] = std::from_chars(detail.data(), detail.data() + detail.size(), done);
  return error == std::errc() ? done : -1;
}

}  // namespace rideflow
