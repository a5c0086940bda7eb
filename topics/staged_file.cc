#include "topics/staged_file.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow {
namespace {

constexpr uint32_t kStagedMagic = 0x31535452;  // "RTS1"
constexpr size_t kFixedBytes = 16;             // magic, head bytes, checksum of the head

Status damaged() {
  return Status::external(Code::data_loss, "The file of a staged epoch is damaged.");
}

Status check_frames(const StagedSpan& span) {
  std::string_view rest = span.frames;
  int64_t records = 0;
  while (!rest.empty()) {
    const auto frame = next_frame(rest);
    if (!frame || !body_matches(frame->header, frame->body()) || frame->header.base_offset != records)
      return damaged();
    records = frame->header.end_offset();
  }
  return records == span.records ? Status() : damaged();
}

}  // namespace

std::string encode_staged_head(const StagedFile& file) {
  std::string head;
  append_string(head, file.marker.lineage);
  append_string(head, file.marker.sink);
  append_fixed(head, file.marker.shard.value);
  append_fixed(head, file.marker.epoch.value);
  append_fixed(head, static_cast<uint32_t>(file.spans.size()));
  for (const StagedSpan& span : file.spans) {
    append_fixed(head, span.partition.value);
    append_fixed(head, span.records);
    append_fixed(head, static_cast<uint64_t>(span.frames.size()));
  }
  std::string out;
  append_fixed(out, kStagedMagic);
  append_fixed(out, static_cast<uint32_t>(head.size()));
  append_fixed(out, checksum64(head));
  return out += head;
}

Result<StagedFile> decode_staged(std::string_view content) {
  if (content.size() < kFixedBytes || load_fixed<uint32_t>(content.data()) != kStagedMagic) return damaged();
  const auto head_bytes = load_fixed<uint32_t>(content.data() + 4);
  if (content.size() - kFixedBytes < head_bytes) return damaged();
  const std::string_view head = content.substr(kFixedBytes, head_bytes);
  if (load_fixed<uint64_t>(content.data() + 8) != checksum64(head)) return damaged();
  ByteReader in(head);
  StagedFile file;
  file.marker.lineage = in.text();
  file.marker.sink = in.text();
  file.marker.shard = Shard(in.get<int32_t>());
  file.marker.epoch = Epoch(in.get<int64_t>());
  std::string_view frames = content.substr(kFixedBytes + head_bytes);
  const auto spans = in.get<uint32_t>();
  for (uint32_t i = 0; in.ok() && i < spans; ++i) {
    StagedSpan span;
    span.partition = Partition(in.get<int32_t>());
    span.records = in.get<int64_t>();
    const auto bytes = in.get<uint64_t>();
    if (frames.size() < bytes) return damaged();
    span.frames = frames.substr(0, bytes);
    frames.remove_prefix(bytes);
    RF_TRY(check_frames(span));
    file.spans.push_back(span);
  }
  if (!in.complete() || !frames.empty()) return damaged();
  return file;
}

std::string staged_prefix(const std::string& lineage, const std::string& sink) {
  return fmt::format("{:016x}-", checksum64(lineage + '\0' + sink));
}

std::string staged_name(const EpochMarker& marker, uint64_t random) {
  return fmt::format("{}{}-{}-{:016x}.span", staged_prefix(marker.lineage, marker.sink), marker.shard.value,
                     marker.epoch.value, random);
}

Shard shard_of_staged(std::string_view name, std::string_view prefix) {
  int32_t shard = -1;
  std::from_chars(name.data() + prefix.size(), name.data() + name.size(), shard);
  return Shard(shard);
}

}  // namespace rideflow
