#include "rollup/manifest.h"

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow::rollup {
namespace {
constexpr int32_t kFormat = 2;
constexpr size_t kMaxItems = 10'000'000;
}  // namespace

std::string encode_manifest(const Manifest& manifest) {
  ByteWriter out;
  out.put(kFormat)
      .put(manifest.log_bytes)
      .put(manifest.log_number)
      .put(manifest.next_file)
      .put(manifest.complete_to);
  out.put_string(manifest.spec);
  out.put(static_cast<uint32_t>(manifest.markers.size()));
  for (const auto& [key, marker] : manifest.markers) {
    out.put_string(std::get<0>(key)).put_string(std::get<1>(key)).put(std::get<2>(key));
    out.put(marker.epoch.value).put(marker.watermark);
  }
  out.put(static_cast<uint32_t>(manifest.chunks.size()));
  for (const auto& [start, chunk] : manifest.chunks) {
    out.put(start).put(static_cast<uint8_t>(chunk.sealed)).put(static_cast<uint32_t>(chunk.files.size()));
    for (const std::string& file : chunk.files) out.put_string(file);
  }
  const std::string body = out.take();
  ByteWriter all;
  all.put(checksum64(body));
  return all.take() + body;
}

Result<Manifest> decode_manifest(std::string_view bytes) {
  const Status damaged = Status::external(Code::data_loss, "A rollup's MANIFEST is damaged.");
  ByteReader head(bytes);
  const auto checksum = head.get<uint64_t>();
  if (!head.ok() || checksum64(bytes.substr(sizeof checksum)) != checksum) return damaged;
  ByteReader in(bytes.substr(sizeof checksum));
  Manifest manifest;
  manifest.format = in.get<int32_t>();
  if (manifest.format < 1 || manifest.format > kFormat) {
    return Status::user(Code::failed_precondition,
                        "A rollup's MANIFEST was written by a newer version of Rideflow. Use that version.");
  }
  if (manifest.format > 1) manifest.log_bytes = in.get<int64_t>();
  manifest.log_number = in.get<int64_t>();
  manifest.next_file = in.get<int64_t>();
  manifest.complete_to = in.get<Micros>();
  manifest.spec = in.get_string();
  const auto markers = in.get<uint32_t>();
  for (uint32_t i = 0; i < markers && in.ok() && i < kMaxItems; ++i) {
    std::string lineage = in.get_string();
    std::string sink = in.get_string();
    const auto shard = in.get<int32_t>();
    const Epoch epoch(in.get<int64_t>());
    manifest.markers[{std::move(lineage), std::move(sink), shard}] = {epoch, in.get<Micros>()};
  }
  const auto chunks = in.get<uint32_t>();
  for (uint32_t i = 0; i < chunks && in.ok() && i < kMaxItems; ++i) {
    ManifestChunk& chunk = manifest.chunks[in.get<Micros>()];
    chunk.sealed = in.get<uint8_t>() != 0;
    const auto files = in.get<uint32_t>();
    for (uint32_t f = 0; f < files && in.ok() && f < kMaxItems; ++f) chunk.files.push_back(in.get_string());
  }
  RF_TRY(in.finish("A rollup's MANIFEST"));
  return manifest;
}

}  // namespace rideflow::rollup
