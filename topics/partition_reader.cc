#include <fmt/format.h>

#include <algorithm>

#include "engine/byte_codec.h"
#include "topics/frame.h"
#include "topics/partition_log.h"
#include "topics/topic_store.h"

namespace rideflow {

// Whole frames in one arena, with the place of the next record.
struct PartitionReader::Block {
  struct Body {
    size_t begin = 0;
    size_t size = 0;
    int64_t base_offset = 0;
  };
  BufferRef arena;
  std::vector<Body> bodies;
  int64_t end_offset = 0;  // of all of them
  size_t next_body = 0;
  RecordWalker walker;

  // False: no record is left.
  bool advance() {
    while (walker.at_end()) {
      if (next_body == bodies.size()) return false;
      const Body& body = bodies[next_body++];
      walker = RecordWalker(arena.view().substr(body.begin, body.size), body.base_offset);
    }
    return true;
  }
};

namespace {

Status damaged(const Segment& segment, int64_t position, std::string_view why) {
  return Status::external(Code::data_loss, "'" + segment.path + "' is damaged at byte " +
                                               std::to_string(position) + ": " + std::string(why) + ".");
}

Status missing(const Segment& segment) {
  return Status::external(
      Code::data_loss,
      fmt::format("'{}', which holds the records from offset {} to {}, is missing. Restore the file "
                  "from a copy, or start behind it.",
                  segment.path, segment.base, segment.end_offset));
}

// The frames of a block as they were read. `end` is behind the last whole one.
struct RawBlock {
  BufferRef bytes;
  std::vector<FrameRef> frames;
  int64_t end = 0;
  size_t next_frame_bytes = 0;  // of the frame that begins there; 0: its header is not in the block
  bool compressed = false;
};

// What to read for about max_bytes of frames like the next one, and the header of the frame behind them: a
// frame that ends behind the block is read again.
size_t block_size(size_t max_bytes, size_t next_frame_bytes) {
  if (next_frame_bytes == 0) return std::max(max_bytes, kFrameHeaderBytes);
  return std::max<size_t>(max_bytes / next_frame_bytes, 1) * next_frame_bytes + kFrameHeaderBytes;
}

}  // namespace

PartitionReader::PartitionReader(std::shared_ptr<Topic> topic, Partition partition, int64_t offset)
    : topic_(std::move(topic)), log_(topic_->log(partition)), partition_(partition), offset_(offset) {}

PartitionReader::~PartitionReader() {
  if (waker_) log_.remove_waker(waker_);
}

void PartitionReader::set_waker(WakerRef waker) {
  if (waker_) log_.remove_waker(waker_);
  waker_ = std::move(waker);
  if (waker_) log_.add_waker(waker_);
}

void PartitionReader::seek(int64_t offset) {
  offset_ = offset;
  segment_.reset();
  file_.reset();
  block_.reset();
}

namespace {

// Reads `size` bytes from `position`, but at least one whole frame, of the `available` bytes.
Result<RawBlock> read_raw(const ReadableFile& file, const Segment& segment, int64_t position,
                          int64_t available, size_t size, int64_t wanted_offset) {
  while (true) {
    size = std::min(size, static_cast<size_t>(available - position));
    RawBlock block;
    block.bytes = BufferRef::allocate(size);
    RF_ASSIGN(const size_t got,
              file.read(position, size, reinterpret_cast<char*>(block.bytes.mutable_data())));
    if (got != size) return damaged(segment, position, "the file is shorter than it was");
    std::string_view rest = block.bytes.view();
    size_t needed = 0;
    while (!rest.empty()) {
      const size_t at = size - rest.size();
      const auto header = read_frame_header(rest);
      if (!header) {
        if (rest.size() >= kFrameHeaderBytes)
          return damaged(segment, position + static_cast<int64_t>(at), "no frame begins here");
        needed = at + kFrameHeaderBytes;
        break;
      }
      const auto frame_bytes = static_cast<size_t>(header->total_bytes());
      if (rest.size() < frame_bytes) {
        needed = at + frame_bytes;
        block.next_frame_bytes = frame_bytes;
        break;
      }
      const auto frame = next_frame(rest);
      if (!body_matches(frame->header, frame->body()))
        return damaged(segment, position + static_cast<int64_t>(at), "a checksum differs");
      block.end = position + static_cast<int64_t>(at) + frame->header.total_bytes();
      if (frame->header.end_offset() <= wanted_offset) continue;  // the index is sparse
      if (!block.frames.empty() && block.frames.back().header.end_offset() != frame->header.base_offset)
        return damaged(segment, position + static_cast<int64_t>(at), "offsets jump");
      block.frames.push_back(*frame);
      block.compressed = block.compressed || (frame->header.flags & kFrameLz4) != 0;
    }
    if (block.end > 0) return block;
    if (needed > static_cast<size_t>(available - position))
      return damaged(segment, position, "a frame is cut");
    size = needed + kFrameHeaderBytes;
  }
}

}  // namespace

Status PartitionReader::load_block(size_t max_bytes, bool* at_end) {
  *at_end = false;
  while (true) {
    PartitionLog::Place place;
    if (segment_) {
      place = log_.look(segment_);
      if (offset_ >= place.end_offset && !place.last) {
        segment_.reset();
        continue;
      }
    } else {
      RF_ASSIGN(place, log_.find(offset_));
      auto file = topic_->env_.fs().open(place.segment->path);
      if (!file.ok()) {
        RF_TRY(log_.find(offset_).status());  // retention may have come between
        if (file.status().code() == Code::not_found) return missing(*place.segment);
        return std::move(file).status();
      }
      segment_ = place.segment;
      file_ = *std::move(file);
      position_ = place.position;
      next_frame_bytes_ = 0;
    }
    if (offset_ >= place.end_offset) {
      *at_end = true;
      return {};
    }
    if (position_ >= place.bytes) return damaged(*segment_, position_, "records are missing at the end");
    RF_ASSIGN(RawBlock raw, read_raw(*file_, *segment_, position_, place.bytes,
                                     block_size(max_bytes, next_frame_bytes_), offset_));
    position_ = raw.end;
    next_frame_bytes_ = raw.next_frame_bytes;
    if (raw.frames.empty()) continue;
    if (raw.frames.front().header.base_offset > offset_) return damaged(*segment_, position_, "offsets jump");
    auto block = std::make_unique<Block>();
    size_t plain_bytes = 0;
    for (const FrameRef& frame : raw.frames) plain_bytes += frame.header.plain_bytes;
    if (raw.compressed) block->arena = BufferRef::allocate(plain_bytes);
    size_t used = 0;
    for (const FrameRef& frame : raw.frames) {
      Block::Body body;
      body.base_offset = frame.header.base_offset;
      body.size = frame.header.plain_bytes;
      body.begin = static_cast<size_t>(frame.body().data() - raw.bytes.view().data());
      if (raw.compressed) {
        body.begin = used;
        char* out = reinterpret_cast<char*>(block->arena.mutable_data()) + used;
        if ((frame.header.flags & kFrameLz4) == 0) {
          frame.body().copy(out, body.size);
        } else if (!decompress_body(frame.header, frame.body(), out)) {
          return damaged(*segment_, position_, "a frame does not unpack");
        }
        used += body.size;
      }
      block->bodies.push_back(body);
    }
    block->end_offset = raw.frames.back().header.end_offset();
    if (!raw.compressed) block->arena = std::move(raw.bytes);
    block_ = std::move(block);
    return {};
  }
}

namespace {

// The headers of the record that was added last. False: they are not what encode_headers() writes.
bool add_headers(std::string_view encoded, Origin& origin) {
  // As long as no record has any, nothing is kept.
  if (encoded.empty() && origin.headers.empty()) return true;
  origin.header_ends.resize(origin.records.size() - 1, 0);
  ByteReader in(encoded);
  while (!in.at_end()) {
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    if (!in.ok()) return false;
    origin.headers.push_back({name, value});
  }
  origin.header_ends.push_back(static_cast<int32_t>(origin.headers.size()));
  return true;
}

}  // namespace

// The files of a topic that is deleted go under its readers: whatever they make of it, this is why.
Result<TopicPoll> PartitionReader::poll(int32_t max_rows, size_t max_bytes) {
  Result<TopicPoll> polled = read(max_rows, max_bytes);
  if (topic_->removed_.load(std::memory_order_acquire)) return topic_->removed_status();
  return polled;
}

Result<TopicPoll> PartitionReader::read(int32_t max_rows, size_t max_bytes) {
  TopicPoll poll;
  if (!block_ || !block_->advance()) {
    block_.reset();
    RF_TRY(load_block(max_bytes, &poll.at_end));
    if (!block_) return poll;
  }
  auto origin = std::make_shared<Origin>();
  origin->topic = topic_->name_;
  origin->partition = partition_;
  origin->arena = block_->arena;
  const int64_t left = block_->end_offset - offset_;
  origin->records.reserve(static_cast<size_t>(std::min<int64_t>(max_rows, left)));
  while (static_cast<int32_t>(origin->records.size()) < max_rows && block_->advance()) {
    RecordOrigin record;
    std::string_view headers;
    if (!block_->walker.next(record, headers)) return damaged(*segment_, position_, "a record is cut");
    if (record.position < offset_) continue;
    offset_ = record.position + 1;
    origin->records.push_back(record);
    if (!add_headers(headers, *origin)) return damaged(*segment_, position_, "headers are cut");
  }
  if (!block_->advance()) block_.reset();
  poll.at_end = offset_ >= log_.end_offset();
  if (!origin->records.empty()) poll.chunk = std::move(origin);
  return poll;
}

}  // namespace rideflow
