// Frames: the unit that topics write and check. A frame is a 64-byte header and a body of records.
//
//   header  magic u32, stored body bytes u32, base offset i64, records u32, plain body bytes u32, flags u32,
//           durable u32 (bytes of the segment known to be synced when this frame was written), least and
//           greatest timestamp i64 each, checksum of the stored body u64, checksum of the header before it
//           u64
//   record  timestamp i64, key bytes u32 (kNoKey: none), headers bytes u32, payload bytes u32; headers, key,
//           payload
//
// All little-endian. The base offset can be changed without touching the body: staged frames count from 0 and
// get their place at the commit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/batch.h"
#include "engine/ids.h"
#include "engine/status.h"
#include "topics/topic_store.h"

namespace rideflow {

inline constexpr size_t kFrameHeaderBytes = 64;
inline constexpr size_t kRecordHeaderBytes = 20;
inline constexpr uint32_t kNoKey = UINT32_MAX;
inline constexpr size_t kMaxRecordBytes = size_t{64} << 20;
inline constexpr size_t kFrameTargetBytes = size_t{256} << 10;
inline constexpr uint32_t kFrameLz4 = 1;

struct FrameHeader {
  uint32_t stored_bytes = 0;
  int64_t base_offset = 0;
  uint32_t records = 0;
  uint32_t plain_bytes = 0;
  uint32_t flags = 0;
  uint32_t durable = 0;
  Micros min_time = 0;
  Micros max_time = 0;
  uint64_t body_checksum = 0;
  int64_t total_bytes() const { return static_cast<int64_t>(kFrameHeaderBytes) + stored_bytes; }
  int64_t end_offset() const { return base_offset + records; }
};

void write_frame_header(const FrameHeader& header, char* out);  // kFrameHeaderBytes
// Nothing when these bytes are no header of ours (too short, wrong magic or checksum, impossible sizes).
std::optional<FrameHeader> read_frame_header(std::string_view bytes);
// The stored body belongs to its header.
bool body_matches(const FrameHeader& header, std::string_view stored_body);
// Decompresses into out (plain_bytes of them). False: damaged.
bool decompress_body(const FrameHeader& header, std::string_view stored_body, char* out);

// Gathers records and closes frames of about kFrameTargetBytes; offsets count from 0.
class FrameBuilder {
 public:
  explicit FrameBuilder(int64_t compress_from_bytes) : compress_from_bytes_(compress_from_bytes) {}
  Status add(const TopicRecord& record);
  // Closes the open frame: afterwards `frames` is whole frames, one after the other.
  void finish();
  const std::string& frames() const { return frames_; }
  int64_t records() const { return records_; }
  int64_t bytes() const { return static_cast<int64_t>(frames_.size() + body_.size()); }

 private:
  int64_t compress_from_bytes_;
  std::string frames_;
  std::string body_;
  FrameHeader open_;
  int64_t records_ = 0;
};

// One frame of a buffer that is whole frames: the header, its bytes with the header, and moves `rest` behind
// it.
struct FrameRef {
  FrameHeader header;
  std::string_view bytes;
  std::string_view body() const { return bytes.substr(kFrameHeaderBytes); }
};
// Nothing at the end of `rest` or when no whole valid header stands there.
std::optional<FrameRef> next_frame(std::string_view& rest);

// Walks the records of a plain body; bounds are checked.
class RecordWalker {
 public:
  RecordWalker() = default;
  RecordWalker(std::string_view body, int64_t base_offset) : rest_(body), offset_(base_offset) {}
  bool at_end() const { return rest_.empty(); }
  int64_t offset() const { return offset_; }
  // False: the body is not what its header says.
  bool next(RecordOrigin& record, std::string_view& headers);

 private:
  std::string_view rest_;
  int64_t offset_ = 0;
};

}  // namespace rideflow
