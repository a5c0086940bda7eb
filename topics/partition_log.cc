#include "topics/partition_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/byte_codec.h"
#include "engine/hash.h"
#include "engine/presence.h"

namespace rideflow {
namespace {

constexpr uint32_t kIndexMagic = 0x31495452;  // "RTI1"

void add_to_index(Segment& segment, const FrameHeader& frame, int64_t position) {
  if (segment.index.empty() || position - segment.index.back().position >= PartitionLog::kIndexEveryBytes) {
    IndexEntry entry;
    entry.offset = frame.base_offset;
    entry.position = position;
    segment.index.push_back(entry);
  }
  IndexEntry& last = segment.index.back();
  last.max_time = std::max(last.max_time, frame.max_time);
  segment.max_time = std::max(segment.max_time, frame.max_time);
  segment.end_offset = frame.end_offset();
  segment.bytes = position + frame.total_bytes();
}

Status damaged(const std::string& path, int64_t position, std::string_view why) {
  return Status::external(Code::data_loss, "'" + path + "' is damaged at byte " + std::to_string(position) +
                                               ": " + std::string(why) +
                                               ". Restore the file, or remove the topic.");
}

// Frames of a file, one after the other, with checked bodies.
class FrameScan {
 public:
  FrameScan(const ReadableFile& file, int64_t bytes) : file_(file), bytes_(bytes) {}
  int64_t position() const { return position_; }

  // The next whole frame, or nothing.
  Result<std::optional<FrameHeader>> next() {
    char head[kFrameHeaderBytes];
    RF_ASSIGN(const size_t got, file_.read(position_, sizeof(head), head));
    const auto header = read_frame_header({head, got});
    if (!header || position_ + header->total_bytes() > bytes_) return std::optional<FrameHeader>();
    body_.resize(header->stored_bytes);
    RF_ASSIGN(const size_t n,
              file_.read(position_ + static_cast<int64_t>(kFrameHeaderBytes), body_.size(), body_.data()));
    if (n != body_.size() || !body_matches(*header, body_)) return std::optional<FrameHeader>();
    position_ += header->total_bytes();
    return header;
  }

 private:
  const ReadableFile& file_;
  int64_t bytes_;
  int64_t position_ = 0;
  std::string body_;
};

std::optional<int64_t> base_of(const std::string& name) {
  if (!name.ends_with(".log")) return std::nullopt;
  int64_t base = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size() - 4, base);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size() - 4 || base < 0)
    return std::nullopt;
  return base;
}

}  // namespace

std::string PartitionLog::segment_path(int64_t base) const {
  const std::string digits = std::to_string(base);
  return join_path(dir_, std::string(20 - digits.size(), '0') + digits + ".log");
}

std::string PartitionLog::index_path(int64_t base) const {
  const std::string path = segment_path(base);
  return path.substr(0, path.size() - 4) + ".idx";
}

Result<std::unique_ptr<PartitionLog>> PartitionLog::open(Env& env, const std::string& dir,
                                                         int64_t segment_bytes, Acknowledged* acknowledged) {
  std::unique_ptr<PartitionLog> log(new PartitionLog(env, dir, segment_bytes, acknowledged));
  RF_TRY(env.fs().make_dirs(dir));
  RF_TRY(log->load());
  return log;
}

Status PartitionLog::load() {
  RF_ASSIGN(const auto entries, env_.fs().list(dir_));
  std::vector<std::pair<int64_t, DirEntry>> found;
  for (const DirEntry& entry : entries) {
    if (const auto base = base_of(entry.name)) found.emplace_back(*base, entry);
  }
  int64_t previous_bytes = 0;
  for (const auto& [base, entry] : found) {
    const bool last = base == found.back().first;
    RF_ASSIGN(auto segment, load_segment(base, entry.modified));
    if (last) RF_TRY(repair_last(*segment));
    if (!segments_.empty())
      segment->written.wall = std::max(segment->written.wall, segments_.back()->written.wall);
    if (!segments_.empty() && segments_.back()->end_offset < base &&
        segments_.back()->bytes < previous_bytes) {
      // Damaged in the middle: who reads there is told.
      env_.warn("topic_segment_damaged",
                {{"file", segments_.back()->path}, {"at", std::to_string(segments_.back()->bytes)}});
      segments_.back()->bytes = previous_bytes;
      segments_.back()->end_offset = base;
    }
    const int64_t expected =
        segments_.empty() ? acknowledged_->find(first_note_).value_or(base) : segments_.back()->end_offset;
    if (expected < base) add_gap(expected, base, segment->written.wall);
    if (!segments_.empty() && segments_.back()->end_offset > base)
      return damaged(segments_.back()->path, 0, "its records overlap those of the next segment");
    segments_.push_back(std::move(segment));
    previous_bytes = entry.size;
  }
  if (segments_.empty()) {
    auto segment = std::make_shared<Segment>();
    segment->path = segment_path(0);
    segment->written.wall = env_.now();
    segments_.push_back(std::move(segment));
  }
  segments_.back()->begun = env_.monotonic();
  next_offset_ = segments_.back()->end_offset;
  RF_TRY(check_acknowledged());
  acknowledged_->set(first_note_, segments_.front()->base);
  acknowledged_->set(end_note_, next_offset_);
  RF_ASSIGN(file_, AppendFile::open(env_.fs(), segments_.back()->path));
  return {};
}

// Retention removes the oldest segments only, and notes it before: any other hole is a file that was lost.
// Its records stay in the partition's range, so that whoever wants them gets an error that names the file.
void PartitionLog::add_gap(int64_t from, int64_t to, Micros written_at) {
  auto gap = std::make_shared<Segment>();
  gap->base = from;
  gap->end_offset = to;
  gap->path = segment_path(from);
  gap->written.wall = written_at;
  env_.warn("topic_segment_missing",
            {{"file", gap->path}, {"from", std::to_string(from)}, {"to", std::to_string(to)}});
  segments_.push_back(std::move(gap));
}

Status PartitionLog::check_acknowledged() const {
  const int64_t end = acknowledged_->find(end_note_).value_or(0);
  if (next_offset_ >= end) return {};
  const Segment& last = *segments_.back();
  return Status::external(
      Code::data_loss,
      fmt::format(
          "'{}' has lost records at byte {}: offsets up to {} were acknowledged, and it holds them up to {}. "
          "Restore the file, and those that follow it, from a copy, or remove the topic.",
          last.path, last.bytes, end, next_offset_));
}

Result<std::shared_ptr<Segment>> PartitionLog::load_segment(int64_t base, Micros modified) {
  auto segment = std::make_shared<Segment>();
  segment->base = base;
  segment->end_offset = base;
  segment->path = segment_path(base);
  segment->written.wall = modified;
  RF_ASSIGN(const auto file, env_.fs().open(segment->path));
  RF_ASSIGN(const int64_t bytes, size_of(*file, segment->path));
  if (read_index(*segment, bytes)) return segment;
  FrameScan scan(*file, bytes);
  while (true) {
    const int64_t position = scan.position();
    RF_ASSIGN(const auto header, scan.next());
    if (!header || header->base_offset != segment->end_offset) break;
    add_to_index(*segment, *header, position);
  }
  return segment;
}

// Behind the last whole frame may stand what a crash left half-written: frames that were never synced. A
// whole frame there that was written when the damaged place was durable already proves that this is something
// else.
Status PartitionLog::repair_last(Segment& segment) {
  RF_ASSIGN(const std::string content, read_file(env_.fs(), segment.path));
  const auto good = static_cast<size_t>(segment.bytes);
  if (content.size() == good) return {};
  if (segment.end_offset < acknowledged_->find(end_note_).value_or(0))
    return damaged(segment.path, segment.bytes, "records there were acknowledged");
  for (size_t at = good; at + kFrameHeaderBytes <= content.size(); ++at) {
    const auto header = read_frame_header(std::string_view(content).substr(at));
    if (header && header->durable > good)
      return damaged(segment.path, segment.bytes, "records behind it were written when it was whole");
  }
  env_.warn("topic_tail_cut", {{"file", segment.path},
                               {"at", std::to_string(good)},
                               {"bytes", std::to_string(content.size() - good)}});
  return env_.fs().truncate(segment.path, segment.bytes);
}

Status PartitionLog::write_index(const Segment& segment) {
  std::string body;
  append_fixed(body, kIndexMagic);
  append_fixed(body, segment.bytes);
  append_fixed(body, segment.end_offset);
  append_fixed(body, segment.max_time);
  for (const IndexEntry& entry : segment.index) {
    append_fixed(body, entry.offset);
    append_fixed(body, entry.position);
    append_fixed(body, entry.max_time);
  }
  append_fixed(body, checksum64(body));
  return write_file_atomic(env_.fs(), index_path(segment.base), body);
}

// False: there is none that fits the segment; it is read instead.
bool PartitionLog::read_index(Segment& segment, int64_t file_bytes) {
  const auto content = read_file(env_.fs(), index_path(segment.base));
  if (!content.ok() || content->size() < sizeof(uint64_t)) return false;
  const std::string_view body = std::string_view(*content).substr(0, content->size() - sizeof(uint64_t));
  if (load_fixed<uint64_t>(body.data() + body.size()) != checksum64(body)) return false;
  ByteReader in(body);
  if (in.get<uint32_t>() != kIndexMagic || in.get<int64_t>() != file_bytes) return false;
  segment.bytes = file_bytes;
  segment.end_offset = in.get<int64_t>();
  segment.max_time = in.get<int64_t>();
  while (in.ok() && !in.at_end()) {
    IndexEntry entry;
    entry.offset = in.get<int64_t>();
    entry.position = in.get<int64_t>();
    entry.max_time = in.get<int64_t>();
    segment.index.push_back(entry);
  }
  return in.ok();
}

// ---- Writing

// The index file is a shortcut: without it the next open reads the segment.
Status PartitionLog::roll_segment() {
  RF_CHECK(unpublished_.empty());
  const Status indexed = write_index(*segments_.back());
  if (!indexed.ok()) env_.warn("topic_index_not_written", {{"error", indexed.to_string()}});
  auto segment = std::make_shared<Segment>();
  segment->base = next_offset_;
  segment->end_offset = next_offset_;
  segment->path = segment_path(next_offset_);
  segment->written = {std::max(env_.now(), segments_.back()->written.wall), env_.monotonic()};
  segment->begun = env_.monotonic();
  RF_ASSIGN(file_, AppendFile::open(env_.fs(), segment->path));
  const std::lock_guard lock(mutex_);
  segments_.push_back(std::move(segment));
  return {};
}

Status PartitionLog::append(std::string_view frames, int64_t skip) {
  if (frames.empty()) return {};
  if (file_.size() >= segment_bytes_ && unpublished_.empty()) RF_TRY(roll_segment());
  const int64_t base = next_offset_ - skip;
  std::string out;
  out.reserve(frames.size());
  while (!frames.empty()) {
    const auto frame = next_frame(frames);
    if (!frame || !body_matches(frame->header, frame->body()))
      return Status::external(Code::data_loss, "Frames for '" + dir_ + "' are damaged.");
    FrameHeader header = frame->header;
    if (header.end_offset() <= skip) continue;
    if (header.base_offset < skip)
      return Status::internal("A commit in '" + dir_ + "' was cut inside a frame.");
    header.base_offset += base;
    header.durable = static_cast<uint32_t>(file_.durable());
    Written written;
    written.header = header;
    written.position = file_.size() + static_cast<int64_t>(out.size());
    unpublished_.push_back(written);
    next_offset_ = header.end_offset();
    const size_t start = out.size();
    out += frame->bytes;
    write_frame_header(header, out.data() + start);
  }
  return file_.append(out);
}

Status PartitionLog::sync() {
  return file_.sync();
}

void PartitionLog::publish() {
  const std::lock_guard lock(mutex_);
  Segment& segment = *segments_.back();
  // A clock that went back makes nothing older than what was written before it.
  if (!unpublished_.empty()) segment.written = {std::max(env_.now(), segment.written.wall), env_.monotonic()};
  for (const Written& written : unpublished_) add_to_index(segment, written.header, written.position);
  const bool more = !unpublished_.empty();
  unpublished_.clear();
  acknowledged_->set(end_note_, segment.end_offset);
  if (!more) return;
  for (const WakerRef& waker : wakers_) waker->wake();
}

void PartitionLog::add_waker(WakerRef waker) {
  const std::lock_guard lock(mutex_);
  wakers_.push_back(std::move(waker));
}

void PartitionLog::remove_waker(const WakerRef& waker) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find(wakers_.begin(), wakers_.end(), waker);
  if (found != wakers_.end()) wakers_.erase(found);
}

// Only the writer, who is here, changes what is published.
Status PartitionLog::roll_back() {
  const Segment& segment = *segments_.back();
  RF_TRY(file_.roll_back(segment.bytes));
  next_offset_ = segment.end_offset;
  unpublished_.clear();
  return {};
}

Status PartitionLog::roll() {
  return segments_.back()->bytes > 0 ? roll_segment() : Status();
}

Status PartitionLog::drop_oldest() {
  std::shared_ptr<Segment> oldest;
  // Noted first, and durably: a segment that is gone without a note is one that was lost. Only the writer,
  // who is here, changes the list.
  RF_CHECK(segments_.size() > 1);
  acknowledged_->set(first_note_, segments_[1]->base);
  RF_TRY(acknowledged_->write());
  {
    const std::lock_guard lock(mutex_);
    oldest = segments_.front();
    segments_.erase(segments_.begin());
  }
  RF_TRY(env_.fs().remove(oldest->path));
  RF_TRY(env_.fs().remove(index_path(oldest->base)));
  return env_.fs().sync_dir(dir_);
}

std::optional<OldestSegment> PartitionLog::oldest(Partition partition) const {
  const std::lock_guard lock(mutex_);
  const Segment& front = *segments_.front();
  if (segments_.back()->end_offset <= front.end_offset) return std::nullopt;
  OldestSegment oldest;
  oldest.partition = partition;
  oldest.base = front.base;
  oldest.end_offset = front.end_offset;
  oldest.bytes = front.bytes;
  oldest.newest_record = front.max_time;
  oldest.written = front.written;
  return oldest;
}

std::pair<WrittenAt, Micros> PartitionLog::newest() const {
  const std::lock_guard lock(mutex_);
  return {segments_.back()->written, segments_.back()->begun};
}

Micros PartitionLog::newest_record(const ClockReading& clock) const {
  const std::lock_guard lock(mutex_);
  Micros newest = kNoTime;
  for (const auto& segment : segments_) {
    if (segment->bytes > 0)
      newest = std::max(newest, record_time(segment->max_time, segment->written, clock));
  }
  return newest;
}

// ---- Reading

int64_t PartitionLog::first_offset() const {
  const std::lock_guard lock(mutex_);
  return segments_.front()->base;
}

int64_t PartitionLog::end_offset() const {
  const std::lock_guard lock(mutex_);
  return segments_.back()->end_offset;
}

int64_t PartitionLog::bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t sum = 0;
  for (const auto& segment : segments_) sum += segment->bytes;
  return sum;
}

Result<PartitionLog::Place> PartitionLog::find(int64_t offset) const {
  const std::lock_guard lock(mutex_);
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), offset,
                                      [](int64_t o, const auto& segment) { return o < segment->base; });
  if (after == segments_.begin() || offset > segments_.back()->end_offset)
    return Status::external(Code::out_of_range, "Offset " + std::to_string(offset) + " of '" + dir_ +
                                                    "' does not exist: it holds " +
                                                    std::to_string(segments_.front()->base) + " up to " +
                                                    std::to_string(segments_.back()->end_offset) + ".");
  const auto& segment = *std::prev(after);
  Place place;
  place.segment = segment;
  place.bytes = segment->bytes;
  place.end_offset = segment->end_offset;
  place.last = after == segments_.end();
  const auto entry = std::upper_bound(segment->index.begin(), segment->index.end(), offset,
                                      [](int64_t o, const IndexEntry& e) { return o < e.offset; });
  place.position = entry == segment->index.begin() ? 0 : std::prev(entry)->position;
  return place;
}

PartitionLog::Place PartitionLog::look(const std::shared_ptr<const Segment>& segment) const {
  const std::lock_guard lock(mutex_);
  Place place;
  place.segment = segment;
  place.bytes = segment->bytes;
  place.end_offset = segment->end_offset;
  place.last = segment == segments_.back();
  return place;
}

Result<int64_t> PartitionLog::offset_for_time(FileSystem& fs, Micros time) const {
  std::string path;
  int64_t position = -1;
  int64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& segment : segments_) {
      if (segment->max_time < time) continue;
      for (const IndexEntry& entry : segment->index) {
        if (entry.max_time < time) continue;
        path = segment->path;
        position = entry.position;
        end = segment->bytes;
        break;
      }
      if (position >= 0) break;
    }
    if (position < 0) return segments_.back()->end_offset;
  }
  RF_ASSIGN(const auto file, fs.open(path));
  while (position < end) {
    std::string frame(kFrameHeaderBytes, '\0');
    RF_ASSIGN(size_t got, file->read(position, frame.size(), frame.data()));
    const auto header = read_frame_header(std::string_view(frame).substr(0, got));
    if (!header) return damaged(path, position, "no frame begins here");
    if (header->max_time < time) {
      position += header->total_bytes();
      continue;
    }
    std::string body(header->stored_bytes, '\0');
    RF_ASSIGN(got, file->read(position + static_cast<int64_t>(kFrameHeaderBytes), body.size(), body.data()));
    if (got != body.size() || !body_matches(*header, body))
      return damaged(path, position, "a checksum differs");
    if ((header->flags & kFrameLz4) != 0) {
      std::string plain(header->plain_bytes, '\0');
      if (!decompress_body(*header, body, plain.data())) return damaged(path, position, "it does not unpack");
      body = std::move(plain);
    }
    RecordWalker walker(body, header->base_offset);
    RecordOrigin record;
    std::string_view ignored;
    while (!walker.at_end()) {
      if (!walker.next(record, ignored)) return damaged(path, position, "a record is cut");
      if (record.timestamp >= time) return record.position;
    }
    return damaged(path, position, "its times differ from its header's");
  }
  return damaged(path, position, "its index differs from its frames");
}

}  // namespace rideflow
