// The side file of a staged epoch: who it belongs to, then each partition's frames as they will stand in the
// log, with offsets that count from 0.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "topics/frame.h"
#include "topics/topic_store.h"

namespace rideflow {

struct StagedSpan {
  Partition partition;
  int64_t records = 0;
  std::string_view frames;
};

struct StagedFile {
  EpochMarker marker;
  std::vector<StagedSpan> spans;  // by partition, none empty
};

std::string encode_staged_head(const StagedFile& file);
// The spans point into `content`. data_loss unless every byte is as it was written.
Result<StagedFile> decode_staged(std::string_view content);

// "<hash of lineage and sink>-<shard>-<epoch>-<random>.span": what one sink staged shares a prefix.
std::string staged_prefix(const std::string& lineage, const std::string& sink);
std::string staged_name(const EpochMarker& marker, uint64_t random);
// The shard in a staged_name() of that prefix.
Shard shard_of_staged(std::string_view name, std::string_view prefix);

}  // namespace rideflow
