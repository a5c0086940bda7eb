// The part of FileReader that looks at what is there and compares it with what it knows: new files, renamed,
// grown, replaced and changed ones.
#include <fmt/format.h>

#include <algorithm>

#include "operators/files/file_reader.h"

namespace rideflow {

void FileReader::list(Listing& listing, FileSystem& files, Env& env) {
  listing.begun_at = env.monotonic();
  Result<std::vector<DirEntry>> found = listing.pattern.list(files);
  listing.ended_at = env.monotonic();
  listing.status = found.status();
  if (found.ok()) listing.found = *std::move(found);
}

// At most five times a second, and less often where it takes long.
Status FileReader::scan() {
  RF_TRY(take_listing());
  if (listed_ != nullptr || env_->monotonic() < next_scan_) return {};
  begin_listing();
  return take_listing();
}

// False: what the part asks for is still being listed; its task is woken.
Result<bool> FileReader::scanned_for(Part& part) {
  if (part.asks_for == 0) part.asks_for = listings_ + 1;  // one under way may have seen less
  for (int i = 0; i < 2; ++i) {
    RF_TRY(take_listing());
    if (listed_number_ >= part.asks_for) {
      part.asks_for = 0;
      return true;
    }
    if (listed_ == nullptr) begin_listing();
  }
  return false;
}

void FileReader::begin_listing() {
  listing_ = std::make_shared<Listing>(Listing{pattern_, ++listings_, 0, 0, {}, {}});
  listed_ = env_->offload(
      [listing = listing_, files = files_, owned = owned_files_, env = env_] {
        list(*listing, *files, *env);
        return Status();
      },
      Lane::others);  // the directory may be on another machine, which may be dead
  listed_->wake_when_done(waker_);
}

Status FileReader::take_listing() {
  if (listed_ == nullptr || !listed_->done()) return {};
  listed_ = nullptr;
  return take(*listing_);
}

Status FileReader::take(Listing& listing) {
  pattern_ = listing.pattern;
  listed_number_ = listing.number;
  next_scan_ = listing.ended_at + std::max(kMicrosPerSecond / 5, 10 * (listing.ended_at - listing.begun_at));
  const bool first = !opened_;
  if (listing.status.ok()) {
    found_ = std::move(listing.found);
    ++found_version_;
    opened_ = true;
    if (first) tell_left_out();
    return {};
  }
  if (listing.status.code() != Code::not_found) return listing.status;
  if (first && !options_.watch) return no_match(listing.status);
  if (first) tell_left_out();
  opened_ = true;
  found_.clear();  // it may still come
  ++found_version_;
  return {};
}

Status FileReader::no_match(const Status& status) {
  const bool missing = !status.ok();
  const std::string near = pattern_.near_misses(*files_);
  if (!missing && !pattern_.has_wildcards()) return {};  // an empty directory: a warning said so
  return Status::user(Code::not_found,
                      fmt::format("{} '{}'{}{}; 'watch: true' would wait for it",
                                  missing ? "there is no file or directory" : "no file matches",
                                  options_.path, near.empty() ? "" : ": ",
                                  near.empty() && !options_.path.starts_with('/')
                                      ? " (from the directory in which rideflow runs)"
                                      : near));
}

// Once: that there is nothing to read, or that what is beside it is not read.
void FileReader::tell_left_out() {
  const std::string near = pattern_.near_misses(*files_);
  if (found_.empty()) {
    env_->warn("no_files", {{"step", step_},
                            {"path", options_.path},
                            {"instead", near},
                            {"then", options_.watch ? "waits for them" : "ends"}});
  } else if (!pattern_.has_wildcards() && !near.empty()) {
    env_->warn("files_left_out", {{"step", step_}, {"path", options_.path}, {"what", near}});
  }
}

// Before anything else is made of a name: its old one may be another file's already.
Status FileReader::take_renamed_files() {
  if (renamed_version_ == found_version_) return {};
  renamed_version_ = found_version_;
  for (const DirEntry& entry : found_) {
    Part& part = at(partition_of(entry.name));
    if (part.assigned && !part.list.knows(entry.name)) RF_TRY(take_renamed(part, entry).status());
  }
  return {};
}

// New names come behind the known ones; of the known ones, what became of them.
Status FileReader::take_found(Part& part) {
  if (part.found_version == found_version_) return {};
  RF_TRY(take_renamed_files());
  part.found_version = found_version_;
  std::vector<std::string> fresh;
  for (const DirEntry& entry : found_) {
    if (!belongs(entry.name, part.partition)) continue;
    const auto done = part.list.done().find(entry.name);
    if (done != part.list.done().end()) {
      RF_TRY(take_change(part, done->second, entry));
    } else if (!part.list.knows(entry.name)) {
      fresh.push_back(entry.name);
    }
  }
  part.list.add(fresh);
  return {};
}

// True when the file is one that is known by another name.
Result<bool> FileReader::take_renamed(Part& part, const DirEntry& entry) {
  for (Part& other : parts_) {
    const ListedFile* const known = other.assigned ? other.list.with_inode(entry.inode) : nullptr;
    if (known == nullptr) continue;
    const std::string from = known->name;
    const std::string path = pattern_.path_of(entry.name);
    const Result<FileChange> change = compare(*files_, path, entry, *known->identity);
    if (!change.ok() && change.status().code() == Code::not_found) return true;  // gone again
    if (!change.ok()) return change.status();
    if (*change == FileChange::replaced || *change == FileChange::changed) continue;
    const DirEntry* const old = found(from);
    const bool both = old != nullptr && old->inode == entry.inode;  // a link, not a new name
    env_->info(both ? "file_linked" : "file_renamed",
               {{"step", step_}, {"path", pattern_.path_of(from)}, {"to", path}});
    if (&other == &part && !both) {
      part.list.rename(from, entry.name);
      return true;
    }
    ListedFile copy = *known;
    copy.name = entry.name;
    copy.alias = both || !other.list.done().contains(from);
    if (!copy.alias) other.list.forget(from);
    part.list.add_done(std::move(copy));
    return true;
  }
  return false;
}

Result<bool> FileReader::is_known_by_another_name(Part& part, const DirEntry& entry,
                                                  const std::string& path) {
  const std::string name = part.list.current()->name;
  for (const Part& other : parts_) {
    const ListedFile* const known = other.assigned ? other.list.with_inode(entry.inode) : nullptr;
    if (known == nullptr || known->name == name) continue;
    RF_ASSIGN(const FileChange change, compare(*files_, path, entry, *known->identity));
    if (change == FileChange::replaced || change == FileChange::changed) continue;
    env_->info("file_linked", {{"step", step_}, {"path", pattern_.path_of(known->name)}, {"to", path}});
    ListedFile& file = *part.list.current();
    file.identity = known->identity;
    file.next = known->next;
    file.alias = true;
    part.list.finish_current();
    return true;
  }
  return false;
}

Status FileReader::take_change(Part& part, const ListedFile& known, const DirEntry& entry) {
  const std::string path = pattern_.path_of(entry.name);
  ListedFile file = known;
  if (!file.identity) {  // an earlier version read it: from now on we know it
    const auto bytes = files_->open(path);
    if (!bytes.ok() && bytes.status().code() == Code::not_found) return {};
    if (!bytes.ok()) return bytes.status();
    RF_ASSIGN(file.identity, identity_of(**bytes, entry, entry.size));
    part.list.set_done(entry.name, std::move(file));
    return {};
  }
  if (file.alias && file.identity->inode == entry.inode) return {};
  const Result<FileChange> change = compare(*files_, path, entry, *file.identity);
  if (!change.ok() && change.status().code() == Code::not_found) return {};
  if (!change.ok()) return change.status();
  const Micros age = env_->now() - entry.modified;  // less than nothing: some clock is wrong
  const bool resting = age >= options_.settle_micros || age < 0;
  switch (*change) {
    case FileChange::none:
      if (file.identity->modified == entry.modified && file.identity->inode == entry.inode) return {};
      file.identity->modified = entry.modified;
      file.identity->inode = entry.inode;
      part.list.set_done(entry.name, std::move(file));
      return {};
    case FileChange::grown:
      if (options_.watch) return read_on(part, known, entry);
      refuse(part, std::move(file), entry,
             fmt::format("it grew from {} to {} bytes after it was read: 'watch: true' reads on",
                         known.identity->size, entry.size));
      return {};
    case FileChange::replaced:
      if (!options_.watch) {
        refuse(part, std::move(file), entry,
               "it was replaced after it was read: 'watch: true' reads the new one too");
        return {};
      }
      // Written anew in its place, it may yet become what it was.
      if (file.identity->inode == entry.inode && !resting) return {};  // the next scan looks again
      env_->info("file_replaced", {{"step", step_}, {"path", path}});
      file.identity.reset();
      file.torn = file.left_out = file.alias = false;
      part.list.set_done(entry.name, std::move(file));
      part.list.read_on(entry.name, 0);
      return {};
    case FileChange::changed:
      if (options_.watch && !resting) return {};
      refuse(part, std::move(file), entry,
             "it changed after it was read, but not at its end: nobody can say which rows are new; write new "
             "rows to a new file");
      return {};
  }
  return {};
}

Status FileReader::read_on(Part& part, const ListedFile& known, const DirEntry& entry) {
  if (known.next != ListedFile::kUnknown) {
    part.list.read_on(entry.name, known.next);
    return {};
  }
  // Nobody has read it: where its content went on is known of plain bytes only.
  const std::string path = pattern_.path_of(entry.name);
  ListedFile file = known;
  RF_ASSIGN(const auto bytes, ByteSource::open(*files_, path, options_.max_ratio));
  if (bytes->compressed()) {
    refuse(part, std::move(file), entry,
           "it grew, it is compressed, and its beginning was left out: write new rows to a new file");
    return {};
  }
  const int64_t next = known.identity->size;
  if (next > 0) {
    RF_ASSIGN(const auto raw, files_->open(path));
    char before = '\n';
    RF_TRY(raw->read(next - 1, 1, &before).status());
    file.left_out = before != '\n';
    part.list.set_done(entry.name, std::move(file));
  }
  part.list.read_on(entry.name, next);
  return {};
}

// Names the file, once for what it is now.
void FileReader::refuse(Part& part, ListedFile file, const DirEntry& entry, const std::string& why) {
  notes_[file.name] = why;
  env_->warn("file_changed", {{"step", step_}, {"path", pattern_.path_of(file.name)}, {"why", why}});
  file.refused = true;
  file.identity->size = entry.size;
  file.identity->modified = entry.modified;
  file.identity->inode = entry.inode;
  const auto bytes = files_->open(pattern_.path_of(file.name));
  if (bytes.ok()) {
    const auto now = identity_of(**bytes, entry, entry.size);
    if (now.ok()) file.identity = *now;
  }
  file.next = ListedFile::kUnknown;
  file.torn = file.left_out = false;
  const std::string name = file.name;
  part.list.set_done(name, std::move(file));
}

// Once at the end of a source that ends: whether what was read is still what is there.
Status FileReader::check_done(Part& part) {
  part.checked = true;
  RF_TRY(take_renamed_files());
  std::vector<ListedFile> known;
  for (const auto& [name, file] : part.list.done()) known.push_back(file);
  for (const ListedFile& file : known) {
    const DirEntry* const entry = found(file.name);
    if (entry != nullptr && file.identity) RF_TRY(take_change(part, file, *entry));
  }
  size_t fresh = 0;
  std::string first;
  for (const DirEntry& entry : found_) {
    if (!belongs(entry.name, part.partition) || part.list.knows(entry.name)) continue;
    if (fresh++ == 0) first = pattern_.path_of(entry.name);
  }
  if (fresh > 0) {
    env_->warn("files_not_read",
               {{"step", step_},
                {"files", std::to_string(fresh)},
                {"such_as", first},
                {"why", "they came after the job's first start: 'watch: true' reads them"}});
  }
  return {};
}

void FileReader::add_progress(const Part& part, SourceFiles& files) const {
  const auto entry_of = [this](const ListedFile& file) {
    FileProgress progress;
    progress.path = pattern_.path_of(file.name);
    const DirEntry* const entry = found(file.name);
    progress.size = entry != nullptr ? entry->size : file.identity ? file.identity->size : 0;
    const auto note = notes_.find(file.name);
    if (note != notes_.end()) progress.note = note->second;
    return progress;
  };
  for (const auto& [name, file] : part.list.done()) {
    ++(file.refused ? files.refused : files.done);
    const bool noted = notes_.count(name) > 0;
    if (files.files.size() >= kMostFilesTold && !file.refused && !noted) continue;
    FileProgress progress = entry_of(file);
    progress.state = file.refused ? FileProgress::State::refused : FileProgress::State::done;
    progress.read = file.next == ListedFile::kUnknown || !file.identity ? 0 : file.identity->size;
    if (file.alias) progress.note = "another name of a file that was read";
    if (file.refused && progress.note.empty()) progress.note = "it changed after it was read";
    files.files.push_back(std::move(progress));
  }
  bool first = true;
  for (const ListedFile& file : part.list.pending()) {
    const bool open = std::exchange(first, false) && part.lines != nullptr;
    ++(open ? files.reading : files.found);
    if (!open && files.files.size() >= 2 * kMostFilesTold) continue;
    FileProgress progress = entry_of(file);
    progress.state = open ? FileProgress::State::reading : FileProgress::State::found;
    if (open) progress.read = part.lines->bytes().consumed();
    files.files.push_back(std::move(progress));
  }
}

std::shared_ptr<const SourceFiles> FileReader::files() {
  auto files = std::make_shared<SourceFiles>();
  for (const Part& part : parts_) {
    if (part.assigned) add_progress(part, *files);
  }
  // The most telling ones first.
  const auto rank = [](const FileProgress& file) {
    constexpr int kRank[] = {2, 1, 3, 0};  // found, reading, done, refused
    return file.note.empty() ? kRank[static_cast<size_t>(file.state)] : 0;
  };
  std::stable_sort(files->files.begin(), files->files.end(),
                   [&](const FileProgress& a, const FileProgress& b) { return rank(a) < rank(b); });
  if (files->files.size() > kMostFilesTold) files->files.resize(kMostFilesTold);
  return files;
}

}  // namespace rideflow
