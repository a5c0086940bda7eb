#include "topics/partitioner.h"

#include <cstring>

namespace rideflow {

int32_t murmur2(std::string_view bytes) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  const size_t length = bytes.size();
  uint32_t h = 0x9747b28cU ^ static_cast<uint32_t>(length);
  size_t i = 0;
  for (; i + 4 <= length; i += 4) {
    uint32_t k = 0;
    std::memcpy(&k, bytes.data() + i, 4);
    k *= kMultiplier;
    k ^= k >> 24;
    k *= kMultiplier;
    h *= kMultiplier;
    h ^= k;
  }
  const auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[at])); };
  if (length - i == 3) h ^= byte(i + 2) << 16;
  if (length - i >= 2) h ^= byte(i + 1) << 8;
  if (length - i >= 1) {
    h ^= byte(i);
    h *= kMultiplier;
  }
  h ^= h >> 13;
  h *= kMultiplier;
  h ^= h >> 15;
  return static_cast<int32_t>(h);
}

Partition Partitioner::pick(const std::optional<std::string_view>& key) {
  const uint32_t hash = key ? static_cast<uint32_t>(murmur2(*key)) & 0x7fffffffU : next_++;
  return Partition(static_cast<int32_t>(hash % static_cast<uint32_t>(partitions_)));
}

}  // namespace rideflow
