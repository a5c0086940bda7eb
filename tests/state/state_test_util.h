// What the tests of checkpoints share.
#pragma once

#include <string>

#include "state/manifest.h"

namespace rideflow::test {

// Every field filled with something of its own.
inline Manifest sample_manifest(int64_t epoch) {
  Manifest manifest;
  manifest.job = "city_minute";
  manifest.lineage = "00c0ffee00c0ffee";
  manifest.epoch = Epoch(epoch);
  manifest.key_groups = 64;
  manifest.parallelism = 2;
  manifest.created_at = 1'767'225'600'000'000;
  manifest.types = {{"city_minute/window", "count:int64"}};
  for (int32_t i = 0; i < 2; ++i) {
    ManifestTask task;
    task.task = TaskId(i);
    task.shard = Shard(i);
    task.watermark = 1000 + i;
    task.blobs = {{"rides/source", std::string("\0\x01", 2)}, {"empty", ""}};
    ManifestSink sink;
    sink.sink = "out/sink";
    sink.shard = Shard(i);
    sink.epoch = Epoch(epoch);
    sink.handle = "handle " + std::to_string(i);
    task.prepared.push_back(sink);
    StateFile file;
    file.name = "0000000000000007-aaaa-000012.sst";
    file.db_name = "000012.sst";
    file.bytes = 12345;
    file.checksum = 0x1234567890abcdefULL;
    task.files.push_back(file);
    manifest.tasks.push_back(task);
  }
  return manifest;
}

}  // namespace rideflow::test
