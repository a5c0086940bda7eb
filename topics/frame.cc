#include "topics/frame.h"

#include <lz4.h>

#include <algorithm>

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow {
namespace {

constexpr uint32_t kFrameMagic = 0x31465452;  // "RTF1"
constexpr size_t kMaxBodyBytes = kMaxRecordBytes * 2;

}  // namespace

void write_frame_header(const FrameHeader& header, char* out) {
  store_fixed(out, kFrameMagic);
  store_fixed(out + 4, header.stored_bytes);
  store_fixed(out + 8, header.base_offset);
  store_fixed(out + 16, header.records);
  store_fixed(out + 20, header.plain_bytes);
  store_fixed(out + 24, header.flags);
  store_fixed(out + 28, header.durable);
  store_fixed(out + 32, header.min_time);
  store_fixed(out + 40, header.max_time);
  store_fixed(out + 48, header.body_checksum);
  store_fixed(out + 56, checksum64({out, 56}));
}

std::optional<FrameHeader> read_frame_header(std::string_view text) {
  if (text.size() < kFrameHeaderBytes) return std::nullopt;
  const char* in = text.data();
  if (load_fixed<uint32_t>(in) != kFrameMagic) return std::nullopt;
  if (load_fixed<uint64_t>(in + 56) != checksum64({in, 56})) return std::nullopt;
  FrameHeader header;
  header.stored_bytes = load_fixed<uint32_t>(in + 4);
  header.base_offset = load_fixed<int64_t>(in + 8);
  header.records = load_fixed<uint32_t>(in + 16);
  header.plain_bytes = load_fixed<uint32_t>(in + 20);
  header.flags = load_fixed<uint32_t>(in + 24);
  header.durable = load_fixed<uint32_t>(in + 28);
  header.min_time = load_fixed<int64_t>(in + 32);
  header.max_time = load_fixed<int64_t>(in + 40);
  header.body_checksum = load_fixed<uint64_t>(in + 48);
  const bool lz4 = (header.flags & kFrameLz4) != 0;
  if (header.records == 0 || header.base_offset < 0 || header.plain_bytes > kMaxBodyBytes ||
      header.plain_bytes / kRecordHeaderBytes < header.records || (header.flags & ~kFrameLz4) != 0 ||
      (lz4 ? header.stored_bytes >= header.plain_bytes : header.stored_bytes != header.plain_bytes))
    return std::nullopt;
  return header;
}

bool body_matches(const FrameHeader& header, std::string_view stored_body) {
  return stored_body.size() == header.stored_bytes && checksum64(stored_body) == header.body_checksum;
}

bool decompress_body(const FrameHeader& header, std::string_view stored_body, char* out) {
  const int n = LZ4_decompress_safe(stored_body.data(), out, static_cast<int>(stored_body.size()),
                                    static_cast<int>(header.plain_bytes));
  return n >= 0 && static_cast<uint32_t>(n) == header.plain_bytes;
}

Status FrameBuilder::add(const TopicRecord& record) {
  const size_t size = (record.key ? record.key->size() : 0) + record.headers.size() + record.payload.size();
  if (size > kMaxRecordBytes)
    return Status::user(Code::invalid_argument, "A record of " + std::to_string(size) +
                                                    " bytes is too large for a topic: at most 67108864 fit.");
  if (open_.records == 0) {
    open_.base_offset = records_;
    open_.min_time = record.timestamp;
    open_.max_time = record.timestamp;
  }
  open_.min_time = std::min(open_.min_time, record.timestamp);
  open_.max_time = std::max(open_.max_time, record.timestamp);
  ++open_.records;
  ++records_;
  append_fixed(body_, record.timestamp);
  append_fixed(body_, record.key ? static_cast<uint32_t>(record.key->size()) : kNoKey);
  append_fixed(body_, static_cast<uint32_t>(record.headers.size()));
  append_fixed(body_, static_cast<uint32_t>(record.payload.size()));
  body_ += record.headers;
  if (record.key) body_ += *record.key;
  body_ += record.payload;
  if (body_.size() >= kFrameTargetBytes) finish();
  return {};
}

void FrameBuilder::finish() {
  if (open_.records == 0) return;
  open_.plain_bytes = static_cast<uint32_t>(body_.size());
  open_.flags = 0;
  const size_t start = frames_.size();
  if (compress_from_bytes_ > 0 && static_cast<int64_t>(body_.size()) >= compress_from_bytes_) {
    const int bound = LZ4_compressBound(static_cast<int>(body_.size()));
    frames_.resize(start + kFrameHeaderBytes + static_cast<size_t>(bound));
    const int n = LZ4_compress_default(body_.data(), frames_.data() + start + kFrameHeaderBytes,
                                       static_cast<int>(body_.size()), bound);
    if (n > 0 && static_cast<size_t>(n) < body_.size()) {
      open_.flags = kFrameLz4;
      frames_.resize(start + kFrameHeaderBytes + static_cast<size_t>(n));
    }
  }
  if (open_.flags == 0) {
    frames_.resize(start + kFrameHeaderBytes);
    frames_ += body_;
  }
  const std::string_view stored = std::string_view(frames_).substr(start + kFrameHeaderBytes);
  open_.stored_bytes = static_cast<uint32_t>(stored.size());
  open_.body_checksum = checksum64(stored);
  write_frame_header(open_, frames_.data() + start);
  open_ = {};
  body_.clear();
}

std::optional<FrameRef> next_frame(std::string_view& rest) {
  const auto header = read_frame_header(rest);
  if (!header || rest.size() < static_cast<size_t>(header->total_bytes())) return std::nullopt;
  FrameRef frame;
  frame.header = *header;
  frame.bytes = rest.substr(0, static_cast<size_t>(header->total_bytes()));
  rest.remove_prefix(frame.bytes.size());
  return frame;
}

bool RecordWalker::next(RecordOrigin& record, std::string_view& headers) {
  if (rest_.size() < kRecordHeaderBytes) return false;
  const char* in = rest_.data();
  record.timestamp = load_fixed<Micros>(in);
  const auto key_bytes = load_fixed<uint32_t>(in + 8);
  const auto header_bytes = load_fixed<uint32_t>(in + 12);
  const auto payload_bytes = load_fixed<uint32_t>(in + 16);
  const uint64_t key_size = key_bytes == kNoKey ? 0 : key_bytes;
  if (kRecordHeaderBytes + key_size + header_bytes + payload_bytes > rest_.size()) return false;
  in += kRecordHeaderBytes;
  headers = {in, header_bytes};
  in += header_bytes;
  record.key = key_bytes == kNoKey ? std::string_view() : std::string_view(in, key_size);
  in += key_size;
  record.payload = {in, payload_bytes};
  record.position = offset_++;
  rest_.remove_prefix(kRecordHeaderBytes + key_size + header_bytes + payload_bytes);
  return true;
}

std::string encode_headers(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    append_string(out, name);
    append_string(out, value);
  }
  return out;
}

Result<Headers> decode_headers(std::string_view text) {
  Headers headers;
  ByteReader in(text);
  while (!in.at_end()) {
    std::string name(in.text());
    std::string value(in.text());
    if (!in.ok()) return Status::external(Code::data_loss, "The headers of a record are damaged.");
    headers.emplace_back(std::move(name), std::move(value));
  }
  return headers;
}

}  // namespace rideflow
