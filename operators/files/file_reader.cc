#include "operators/files/file_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/hash.h"
#include "engine/job_access.h"

namespace rideflow {
namespace {
constexpr Micros kLookAgain = kMicrosPerSecond / 200;  // at a file that may grow
}  // namespace

FileReader::FileReader(FileOptions options)
    : options_(std::move(options)),
      pattern_(options_.path),
      parts_(static_cast<size_t>(options_.partitions)) {
  for (size_t i = 0; i < parts_.size(); ++i) parts_[i].partition = Partition(static_cast<int32_t>(i));
}

Status FileReader::open(const OpenContext& context) {
  env_ = context.env;
  files_ = &files_of_job(context);
  if (context.resources != nullptr) owned_files_ = context.resources->find<FileSystem>("job files");
  waker_ = context.waker;
  step_ = context.step;
  Listing first{pattern_, ++listings_, 0, 0, {}, {}};  // nobody reads before it is known what there is
  list(first, *files_, *env_);
  return take(first);
}

Result<std::vector<Partition>> FileReader::partitions() {
  std::vector<Partition> all;
  for (const Part& part : parts_) all.push_back(part.partition);
  return all;
}

Partition FileReader::partition_of(const std::string& name) const {
  return Partition(static_cast<int32_t>(hash_bytes(name) % static_cast<uint64_t>(options_.partitions)));
}

const DirEntry* FileReader::found(const std::string& name) const {
  const auto entry =
      std::lower_bound(found_.begin(), found_.end(), name,
                       [](const DirEntry& e, const std::string& wanted) { return e.name < wanted; });
  return entry != found_.end() && entry->name == name ? &*entry : nullptr;
}

Result<Position> FileReader::resolve(Partition partition, StartAt start, Micros time) {
  FileList list;
  std::vector<std::string> unread;
  for (const DirEntry& entry : found_) {
    if (!belongs(entry.name, partition)) continue;
    if (start == StartAt::earliest || (start == StartAt::time && entry.modified >= time)) {
      unread.push_back(entry.name);
      continue;
    }
    // Left out, but known: what is written behind its end from now on is new.
    ListedFile file;
    file.name = entry.name;
    file.next = ListedFile::kUnknown;
    // (What can't be opened is no matter here: it is not read.)
    if (const auto bytes = files_->open(pattern_.path_of(entry.name)); bytes.ok()) {
      RF_ASSIGN(file.identity, identity_of(**bytes, entry, entry.size));
    }
    list.add_done(std::move(file));
  }
  list.add(unread);
  if (found_.empty() && !options_.watch && partition.value == 0) RF_TRY(no_match(Status()));
  return Position{0, list.encode()};
}

// Behind all files that are there now. Its offset, for the display of lag, is the size of the current one.
Result<Position> FileReader::end(Partition partition) {
  const Part& part = at(partition);
  int64_t readings = part.list.finished() + static_cast<int64_t>(part.list.pending().size());
  for (const DirEntry& entry : found_) {
    readings += belongs(entry.name, partition) && !part.list.knows(entry.name) ? 1 : 0;
  }
  int64_t size = part.lines == nullptr ? 0 : part.lines->offset();
  if (const ListedFile* const current = part.list.current()) {
    const DirEntry* const entry = found(current->name);
    if (entry != nullptr) size = std::max(size, entry->size);
  }
  return Position{size, std::to_string(readings)};
}

bool FileReader::reached(const Position& position, const Position& end) const {
  const int64_t finished = FileList::finished_of(position.detail);
  return finished >= 0 && finished >= FileList::finished_of(end.detail);
}

Status FileReader::assign(Partition partition, const Position& position) {
  Part& part = at(partition);
  const Partition self = part.partition;
  part = Part();
  part.partition = self;
  part.assigned = true;
  RF_ASSIGN(part.list, FileList::decode(position.detail));
  part.offset = position.offset;
  // A source that has ended is polled no more: it is now or never.
  if (options_.watch || part.list.finished() == 0) return {};
  RF_TRY(check_done(part));
  part.checked = part.list.current() == nullptr;
  return {};
}

Position FileReader::position(Partition partition) const {
  const Part& part = parts_[static_cast<size_t>(partition.value)];
  return Position{part.offset, part.list.encode()};
}

Result<Poll> FileReader::poll(Partition partition, int32_t budget) {
  Part& part = at(partition);
  Poll poll;
  for (;;) {
    if (part.list.current() == nullptr) {
      if (!options_.watch) {
        if (!part.checked) {
          RF_ASSIGN(const bool scanned, scanned_for(part));
          if (!scanned) return again(std::move(poll));
          RF_TRY(check_done(part));
        }
        poll.state = Poll::State::ended;
        return poll;
      }
      RF_TRY(scan());
      RF_TRY(take_found(part));
      if (part.list.current() == nullptr) {
        poll.state = Poll::State::proven_end;
        if (listed_ != nullptr) return again(std::move(poll));
        poll.again_in = std::max(kLookAgain, next_scan_ - env_->monotonic());
        return poll;
      }
    }
    RF_ASSIGN(const Step step, read(part, budget, poll.chunk));
    if (step == Step::rows) return poll;
    if (step == Step::next_file) continue;
    if (step == Step::wait_at_end) poll.state = Poll::State::proven_end;
    poll.again_in = kLookAgain;
    return poll;
  }
}

// While directories are being listed: whoever has listed them wakes the task.
Poll FileReader::again(Poll poll) const {
  poll.again_in = waker_ != nullptr ? kUntilWoken : kLookAgain;
  return poll;
}

Result<FileReader::Step> FileReader::read(Part& part, int32_t budget, std::shared_ptr<const Origin>& chunk) {
  if (part.lines == nullptr) {
    RF_ASSIGN(const Step opened, open_current(part));
    if (opened != Step::rows) return opened;
  }
  if (part.list.current()->torn || part.list.current()->left_out) {
    RF_ASSIGN(const Step rest, finish_rest_of_torn(part));
    if (rest != Step::rows) return rest;
  }
  const std::string path = *part.name;
  auto origin = std::make_shared<Origin>();
  origin->topic = part.name;
  origin->partition = part.partition;
  origin->first_line = part.first_line;
  Result<bool> got = part.lines->read(budget, *origin);
  if (!got.ok()) return std::move(got).status().with(path);
  if (*got) {
    part.offset = part.lines->offset();
  } else {
    RF_ASSIGN(const Step end, at_end(part));
    if (end != Step::next_file) return end;
    const bool torn = part.lines->read_tail(*origin);
    RF_TRY(finish(part, part.seen, torn).with(path));
  }
  if (origin->records.empty()) return Step::next_file;  // blank lines only: go on
  chunk = std::move(origin);
  return Step::rows;
}

// Its last record was taken for whole, or left out, when it had no end: what follows up to the next line
// break belongs to it.
Result<FileReader::Step> FileReader::finish_rest_of_torn(Part& part) {
  const std::string path = *part.name;
  Result<std::optional<int64_t>> skipped = part.lines->skip_line();
  if (!skipped.ok()) return std::move(skipped).status().with(path);
  const bool at_break = skipped->has_value();
  if (!at_break) {
    RF_ASSIGN(const Step end, at_end(part));
    if (end != Step::next_file) return end;
    Origin rest;
    part.lines->read_tail(rest);
  }
  ListedFile& file = *part.list.current();
  if (file.torn && (!at_break || **skipped > 2)) {  // more than "\r\n"
    const std::string why = fmt::format(
        "its last record had no line break at byte {} and was taken for whole after {}; then it went on: the "
        "row that was read is too short. 'settle' is how long to wait",
        file.next, to_string(Duration{0, 0, options_.torn_settle_micros}));
    notes_[file.name] = why;
    env_->warn("file_changed", {{"step", step_}, {"path", path}, {"why", why}});
  }
  if (!at_break) {
    RF_TRY(finish(part, part.seen, file.torn).with(path));
    return Step::next_file;
  }
  file.torn = false;
  file.left_out = false;
  part.offset = part.lines->offset();
  return Step::rows;
}

// Step::rows: it is open.
Result<FileReader::Step> FileReader::open_current(Part& part) {
  const std::string path = pattern_.path_of(part.list.current()->name);
  const Result<DirEntry> entry = files_->stat(path);
  if (!entry.ok() && entry.status().code() != Code::not_found) return entry.status();
  ListedFile& file = *part.list.current();
  if (!entry.ok() || (file.identity && file.identity->inode != entry->inode)) {
    RF_ASSIGN(const bool scanned, scanned_for(part));
    if (!scanned) return Step::wait_inside;
    RF_TRY(take_renamed_files());
    if (pattern_.path_of(part.list.current()->name) != path) return Step::next_file;  // its new name
    if (!entry.ok()) return current_gone(part, path);
  }
  if (file.identity) {
    RF_ASSIGN(const FileChange change, compare(*files_, path, *entry, *file.identity));
    if (change == FileChange::replaced || change == FileChange::changed) {
      if (part.offset > file.next) return rest_is_gone(part, path);
      if (file.next > 0) {  // it changed again before it was read on: take_change() says how
        part.list.finish_current();
        part.offset = 0;
        return Step::next_file;
      }
      file.identity.reset();  // nothing of it was read
    }
  } else {
    RF_ASSIGN(const bool known, is_known_by_another_name(part, *entry, path));
    if (known) return Step::next_file;
  }
  return open_bytes(part, *entry, path);
}

Result<FileReader::Step> FileReader::current_gone(Part& part, const std::string& path) {
  ListedFile& file = *part.list.current();
  if (part.offset > file.next) {
    return Status::external(
        Code::data_loss,
        fmt::format("'{}' was read in part and is gone: put it back, or begin anew with another job name or "
                    "data directory",
                    path));
  }
  env_->warn("file_gone", {{"step", step_}, {"path", path}});
  notes_[file.name] = "it was gone before it was read";
  file.refused = true;
  part.list.finish_current();
  return Step::next_file;
}

Status FileReader::rest_is_gone(const Part& part, const std::string& path) const {
  return Status::external(
      Code::data_loss,
      fmt::format(
          "'{}' was read up to byte {} of its content and has changed since, so that the rest of it "
          "can't be read: put the old file back, or begin anew with another job name or data directory",
          path, part.offset));
}

Result<FileReader::Step> FileReader::open_bytes(Part& part, const DirEntry& entry, const std::string& path) {
  note_look(part, entry);
  const bool whole = !options_.watch || settled(part, entry, /*inside=*/entry.size > 0);
  if (entry.size < ByteSource::kHead && !whole && entry.size < FileIdentity::kPart) {
    // Too short to tell plain bytes from compressed ones; a line break among them tells.
    RF_ASSIGN(const std::string bytes, read_file(*files_, path));
    if (bytes.find('\n') == std::string::npos) return entry.size == 0 ? Step::wait_at_end : Step::wait_inside;
  }
  RF_ASSIGN(auto bytes, ByteSource::open(*files_, path, options_.max_ratio));
  auto lines = std::make_unique<LineReader>(std::move(bytes), options_.framing);
  // The first line that is not empty must be whole before any is read: it may be a header.
  Origin first;
  bool more = true;
  while (more && (first.records.empty() || first.records[0].payload.empty())) {
    first.records.clear();
    Result<bool> got = lines->read(1, first);
    if (!got.ok()) return std::move(got).status().with(path);
    more = *got;
    if (more) continue;
    if (!whole) {
      return lines->has_tail() || !lines->bytes().at_boundary() ? Step::wait_inside : Step::wait_at_end;
    }
    lines->read_tail(first);
  }
  part.first_is_torn = !more;
  part.first_line = std::make_shared<const std::string>(first.records.empty() ? std::string_view()
                                                                              : first.records[0].payload);
  RF_ASSIGN(bytes, ByteSource::open(*files_, path, options_.max_ratio));
  ListedFile& file = *part.list.current();
  if (!file.identity) {
    RF_ASSIGN(const auto raw, files_->open(path));
    RF_ASSIGN(const FileIdentity identity, identity_of(*raw, entry, entry.size));
    part.list.identify_current(identity);
  }
  part.lines = std::make_unique<LineReader>(std::move(bytes), options_.framing);
  part.offset = std::max(part.offset, file.next);
  RF_TRY(part.lines->skip_to(part.offset).with(path));
  part.name = std::make_shared<const std::string>(path);
  part.opened = entry;
  part.at_end_since = kNoTime;
  return Step::rows;
}

// When it was seen to change is what counts where its time of modification is wrong.
void FileReader::note_look(Part& part, const DirEntry& entry) {
  const bool same = part.seen.name == entry.name && part.seen.inode == entry.inode &&
                    part.seen.size == entry.size && part.seen.modified == entry.modified;
  if (same) return;
  part.seen = entry;
  part.seen_at = env_->monotonic();
}

bool FileReader::settled(const Part& part, const DirEntry& entry, bool inside) const {
  const int64_t needed = inside ? options_.torn_settle_micros : options_.settle_micros;
  return env_->now() - entry.modified >= needed || env_->monotonic() - part.seen_at >= needed;
}

// At the end of what is there of the current file.
Result<FileReader::Step> FileReader::at_end(Part& part) {
  const LineReader& lines = *part.lines;
  const std::string path = pattern_.path_of(part.list.current()->name);
  const bool inside = lines.has_tail() || !lines.bytes().at_boundary();
  const Step wait = inside ? Step::wait_inside : Step::wait_at_end;
  const Micros now = env_->monotonic();
  if (part.at_end_since == kNoTime) part.at_end_since = now;

  const Result<DirEntry> entry = files_->stat(path);
  if (!entry.ok() && entry.status().code() != Code::not_found) return entry.status();
  if (entry.ok() && entry->inode == part.opened.inode) {
    note_look(part, *entry);
    if (entry->size > lines.bytes().consumed()) {                        // it grew just now
      if (part.first_is_torn && part.offset == 0) part.lines = nullptr;  // so did its first line
      return wait;
    }
    const bool unchanged = entry->size == part.opened.size && entry->modified == part.opened.modified;
    const bool all = (!options_.watch && unchanged) || settled(part, *entry, inside);
    // Others wait: one that is written without a pause must not keep them waiting. What is added is read
    // later.
    bool turn = false;
    if (!all && !inside && options_.watch && now - part.at_end_since >= options_.settle_micros) {
      RF_TRY(scan());
      RF_TRY(take_found(part));
      turn = part.list.pending().size() > 1;
    }
    if (!all && !turn) return wait;
  } else {
    // Renamed, replaced or removed while it is open: whoever writes it may not be done with it.
    RF_TRY(scan());
    RF_TRY(take_renamed_files());
    if (pattern_.path_of(part.list.current()->name) != path) return wait;  // it goes on under another name
    DirEntry open_file = part.opened;
    open_file.size = lines.bytes().consumed();
    note_look(part, open_file);
    const int64_t needed = inside ? options_.torn_settle_micros : options_.settle_micros;
    if (options_.watch && now - part.seen_at < needed) return wait;
  }
  if (lines.bytes().at_boundary()) return Step::next_file;
  return Status::external(Code::data_loss,
                          fmt::format("'{}' ends in the middle of its compressed data", path));
}

Status FileReader::finish(Part& part, const DirEntry& entry, bool torn) {
  ListedFile& file = *part.list.current();
  file.next = part.lines->offset();
  file.torn = torn;
  RF_ASSIGN(const FileIdentity identity, part.lines->bytes().identity(entry));
  part.list.identify_current(identity);
  part.list.finish_current();
  part.lines = nullptr;
  part.offset = 0;
  return {};
}

}  // namespace rideflow
