#include "operators/files/file_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rideflow {
namespace {

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

int flags_of(const ListedFile& file) {
  return (file.torn ? 1 : 0) + (file.refused ? 2 : 0) + (file.alias ? 4 : 0) + (file.left_out ? 8 : 0);
}

// "next flags inode size modified head tail:name", numbers in hex; without identity "next flags:name".
void append_file(std::string& out, const ListedFile& file) {
  out += fmt::format("\n{:x} {}", file.next, flags_of(file));
  if (file.identity) {
    const FileIdentity& id = *file.identity;
    out += fmt::format(" {:x} {:x} {:x} {:x} {:x}", id.inode, id.size, id.modified, id.head, id.tail);
  }
  out.push_back(':');
  append_escaped(out, file.name);
}

template <class T>
bool take_number(std::string_view& text, T& number) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return error == std::errc();
}

bool parse_file(std::string_view line, ListedFile& file) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  file.name = unescaped(line.substr(colon + 1));
  std::string_view numbers = line.substr(0, colon);
  int flags = 0;
  if (!take_number(numbers, file.next) || !take_number(numbers, flags)) return false;
  file.torn = (flags & 1) != 0;
  file.refused = (flags & 2) != 0;
  file.alias = (flags & 4) != 0;
  file.left_out = (flags & 8) != 0;
  if (numbers.empty()) return true;
  FileIdentity id;
  const bool whole = take_number(numbers, id.inode) && take_number(numbers, id.size) &&
                     take_number(numbers, id.modified) && take_number(numbers, id.head) &&
                     take_number(numbers, id.tail);
  file.identity = id;
  return whole && numbers.empty();
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

Status unreadable() {
  return Status::external(Code::data_loss, "the stored position of a file source can't be read");
}

constexpr std::string_view kVersion = " v2 ";

}  // namespace

bool FileList::add(const std::vector<std::string>& names) {
  const size_t before = pending_.size();
  for (const std::string& name : names) {
    if (knows(name)) continue;
    ListedFile file;
    file.name = name;
    pending_.push_back(std::move(file));
    pending_names_.insert(name);
  }
  return pending_.size() > before;
}

void FileList::finish_current() {
  ListedFile file = std::move(pending_.front());
  pending_.pop_front();
  pending_names_.erase(file.name);
  ++finished_;
  add_done(std::move(file));
}

void FileList::finish_all() {
  while (!pending_.empty()) finish_current();
}

void FileList::read_on(const std::string& name, int64_t next) {
  auto node = done_.extract(name);
  if (node.empty()) return;
  encoded_ = false;
  node.mapped().next = next;
  node.mapped().refused = false;
  pending_names_.insert(name);
  pending_.push_back(std::move(node.mapped()));
}

void FileList::set_done(const std::string& name, ListedFile file) {
  encoded_ = false;
  index(file);
  done_[name] = std::move(file);
}

void FileList::add_done(ListedFile file) {
  if (encoded_) append_file(encoded_done_, file);
  index(file);
  std::string name = file.name;
  done_[std::move(name)] = std::move(file);
}

void FileList::forget(const std::string& name) {
  encoded_ = false;
  done_.erase(name);
}

void FileList::rename(const std::string& from, const std::string& to) {
  encoded_ = false;
  if (auto node = done_.extract(from)) {
    node.key() = to;
    node.mapped().name = to;
    index(node.mapped());
    done_.insert(std::move(node));
    return;
  }
  for (ListedFile& file : pending_) {
    if (file.name != from) continue;
    pending_names_.erase(from);
    pending_names_.insert(to);
    file.name = to;
    index(file);
  }
}

const ListedFile* FileList::with_inode(uint64_t inode) const {
  const auto name = names_.find(inode);
  if (inode == 0 || name == names_.end()) return nullptr;
  const ListedFile* const file = find(name->second);
  return file != nullptr && file->identity && file->identity->inode == inode ? file : nullptr;
}

void FileList::identify_current(const FileIdentity& identity) {
  pending_.front().identity = identity;
  index(pending_.front());
}

const ListedFile* FileList::find(const std::string& name) const {
  const auto done = done_.find(name);
  if (done != done_.end()) return &done->second;
  if (pending_names_.count(name) == 0) return nullptr;
  const auto pending = std::find_if(pending_.begin(), pending_.end(),
                                    [&](const ListedFile& file) { return file.name == name; });
  return pending == pending_.end() ? nullptr : &*pending;
}

void FileList::index(const ListedFile& file) {
  if (file.identity && file.identity->inode != 0) names_[file.identity->inode] = file.name;
}

std::string FileList::encode() const {
  if (!encoded_) {
    encoded_done_.clear();
    for (const auto& [name, file] : done_) append_file(encoded_done_, file);
    encoded_ = true;
  }
  std::string text = fmt::format("{}{}{}{}", finished_, kVersion, done_.size(), encoded_done_);
  for (const ListedFile& file : pending_) append_file(text, file);
  return text;
}

Result<FileList> FileList::decode(std::string_view detail) {
  if (detail.empty()) return FileList();
  const int64_t finished = finished_of(detail);
  const std::vector<std::string_view> lines = lines_of(detail);
  const size_t version = lines[0].find(kVersion);
  if (version == std::string_view::npos) {
    return decode_names(detail.substr(std::min(lines[0].size() + 1, detail.size())), finished);
  }
  size_t done = 0;
  const std::string_view count = lines[0].substr(version + kVersion.size());
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), done);
  if (finished < 0 || error != std::errc() || end != count.data() + count.size() || done >= lines.size()) {
    return unreadable();
  }
  FileList list;
  list.finished_ = finished;
  for (size_t i = 1; i < lines.size(); ++i) {
    ListedFile file;
    if (!parse_file(lines[i], file) || list.knows(file.name)) return unreadable();
    if (i <= done) {
      list.add_done(std::move(file));
    } else {
      list.index(file);
      list.pending_names_.insert(file.name);
      list.pending_.push_back(std::move(file));
    }
  }
  return list;
}

// Of earlier versions: nothing is known of what they read but the names.
Result<FileList> FileList::decode_names(std::string_view names, int64_t done) {
  FileList list;
  std::vector<std::string> all;
  if (!names.empty()) {
    for (const std::string_view line : lines_of(names)) all.push_back(unescaped(line));
  }
  if (done < 0 || static_cast<size_t>(done) > all.size()) return unreadable();
  list.add(all);
  for (int64_t i = 0; i < done; ++i) {
    list.pending_.front().next = ListedFile::kUnknown;
    list.finish_current();
  }
  return list;
}

int64_t FileList::finished_of(std::string_view detail) {
  int64_t finished = -1;
  const auto [end, error] = std::from_chars(detail.data(), detail.data() + detail.size(), finished);
  return error == std::errc() ? finished : -1;
}

}  // namespace rideflow
