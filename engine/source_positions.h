// What a source task's snapshot holds, for those who look into checkpoints without running the source.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/record_reader.h"
#include "engine/status.h"

namespace rideflow {

struct StoredPartition {
  Partition partition;
  Position position;
  bool bounded = false;
  Position until;  // of a bounded one
  bool ended = false;
};

struct StoredSource {
  std::vector<StoredPartition> partitions;
  std::string clock;
};

std::string encode_source(const StoredSource& source);
// data_loss unless these are the bytes of a snapshot; `step` is named then.
Result<StoredSource> decode_source(std::string_view bytes, const std::string& step);

}  // namespace rideflow
