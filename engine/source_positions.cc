#include "engine/source_positions.h"

#include "engine/byte_codec.h"

namespace rideflow {

std::string encode_source(const StoredSource& source) {
  ByteWriter out;
  out.put(static_cast<uint32_t>(source.partitions.size()));
  for (const StoredPartition& p : source.partitions) {
    out.put(p.partition.value).put(p.position.offset).put_string(p.position.detail);
    out.put(p.bounded).put(p.until.offset).put_string(p.until.detail).put(p.ended);
  }
  out.put_string(source.clock);
  return out.take();
}

Result<StoredSource> decode_source(std::string_view bytes, const std::string& step) {
  StoredSource source;
  ByteReader in(bytes);
  const auto n = in.get<uint32_t>();
  for (uint32_t i = 0; i < n && in.ok(); ++i) {
    StoredPartition p;
    p.partition = Partition(in.get<int32_t>());
    p.position.offset = in.get<int64_t>();
    p.position.detail = in.get_string();
    p.bounded = in.get<bool>();
    p.until.offset = in.get<int64_t>();
    p.until.detail = in.get_string();
    p.ended = in.get<bool>();
    if (in.ok()) source.partitions.push_back(std::move(p));
  }
  source.clock = in.get_string();
  RF_TRY(in.finish("the position of source '" + step + "'"));
  return source;
}

}  // namespace rideflow
