// Which partition a record belongs to: Kafka's default rule, so that keys stand in the same partitions here
// and there.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/ids.h"

namespace rideflow {

// The murmur2 of Kafka's Java client (seed 0x9747b28c).
int32_t murmur2(std::string_view bytes);

// A key's partition is murmur2 & 0x7fffffff modulo the count; records without a key go round robin, starting
// at partition 0. Not thread-safe.
class Partitioner {
 public:
  explicit Partitioner(int32_t partitions) : partitions_(partitions) {}
  Partition pick(const std::optional<std::string_view>& key);

 private:
  int32_t partitions_;
  uint32_t next_ = 0;
};

}  // namespace rideflow
