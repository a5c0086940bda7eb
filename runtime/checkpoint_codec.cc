#include "runtime/checkpoint_codec.h"

#include <fmt/format.h>

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow {
namespace {

constexpr uint32_t kMagic = 0x4b434652;  // "RFCK"
constexpr uint32_t kFormatVersion = 1;

void put_snapshot(ByteWriter& out, const TaskSnapshot& s) {
  out.put(s.task.value).put(s.epoch.value).put(s.shard.value).put(s.watermark);
  out.put(static_cast<uint32_t>(s.blobs.size()));
  for (const auto& [name, blob] : s.blobs) out.put_string(name).put_string(blob);
  out.put(static_cast<uint32_t>(s.prepared.size()));
  for (const PreparedSink& sink : s.prepared) {
    out.put_string(sink.sink).put(sink.shard.value).put_string(sink.handle);
  }
  out.put_string(s.state_files);
}

TaskSnapshot get_snapshot(ByteReader& in) {
  TaskSnapshot s;
  s.task = TaskId(in.get<int32_t>());
  s.epoch = Epoch(in.get<int64_t>());
  s.shard = Shard(in.get<int32_t>());
  s.watermark = in.get<Micros>();
  const auto blobs = in.get<uint32_t>();
  for (uint32_t i = 0; i < blobs && in.ok(); ++i) {
    std::string name = in.get_string();
    s.blobs[std::move(name)] = in.get_string();
  }
  const auto sinks = in.get<uint32_t>();
  for (uint32_t i = 0; i < sinks && in.ok(); ++i) {
    PreparedSink sink;
    sink.sink = in.get_string();
    sink.shard = Shard(in.get<int32_t>());
    sink.handle = in.get_string();
    s.prepared.push_back(std::move(sink));
  }
  s.state_files = in.get_string();
  return s;
}

}  // namespace

std::string encode_checkpoint(const JobCheckpoint& checkpoint) {
  ByteWriter body;
  body.put_string(checkpoint.job).put_string(checkpoint.lineage).put(checkpoint.epoch.value);
  body.put(checkpoint.key_groups).put(checkpoint.created_at);
  body.put(static_cast<uint32_t>(checkpoint.snapshots.size()));
  for (const TaskSnapshot& snapshot : checkpoint.snapshots) put_snapshot(body, snapshot);
  const std::string bytes = body.take();
  ByteWriter out;
  out.put(kMagic).put(kFormatVersion).put(checksum64(bytes)).put_string(bytes);
  return out.take();
}

Result<JobCheckpoint> decode_checkpoint(std::string_view bytes) {
  ByteReader header(bytes);
  const auto magic = header.get<uint32_t>();
  const auto version = header.get<uint32_t>();
  const auto checksum = header.get<uint64_t>();
  if (magic != kMagic) return Status::external(Code::data_loss, "this is not a checkpoint manifest");
  if (version > kFormatVersion) {
    return Status::user(
        Code::failed_precondition,
        fmt::format("the checkpoint has format {}, this executable reads up to {}: use a newer one", version,
                    kFormatVersion));
  }
  const std::string body = header.get_string();
  RF_TRY(header.finish("the checkpoint manifest"));
  if (checksum64(body) != checksum) {
    return Status::external(Code::data_loss, "the checkpoint manifest is damaged: its checksum differs");
  }
  ByteReader in(body);
  JobCheckpoint checkpoint;
  checkpoint.job = in.get_string();
  checkpoint.lineage = in.get_string();
  checkpoint.epoch = Epoch(in.get<int64_t>());
  checkpoint.key_groups = in.get<int32_t>();
  checkpoint.created_at = in.get<Micros>();
  const auto snapshots = in.get<uint32_t>();
  for (uint32_t i = 0; i < snapshots && in.ok(); ++i) checkpoint.snapshots.push_back(get_snapshot(in));
  RF_TRY(in.finish("the checkpoint manifest"));
  return checkpoint;
}

}  // namespace rideflow
