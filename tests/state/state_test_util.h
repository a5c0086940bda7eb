// What the tests of checkpoints share.
#pragma once

#include <string>

#include "state/manifest.h"

namespace rideflow::test {

// Every field filled with something of its own.
inline Checkpoint sample_checkpoint(int64_t epoch) {
  Checkpoint checkpoint;
  checkpoint.job = "city_minute";
  checkpoint.lineage = "00c0ffee00c0ffee";
  checkpoint.epoch = Epoch(epoch);
  checkpoint.key_groups = 64;
  checkpoint.created_at = 1'767'225'600'000'000;
  checkpoint.types = {{"city_minute/window", "count:int64"}};
  checkpoint.text = "job: city_minute\n";
  for (int32_t i = 0; i < 2; ++i) {
    TaskSnapshot task;
    task.task = TaskId(i);
    task.epoch = Epoch(epoch);
    task.shard = Shard(i);
    task.watermark = 1000 + i;
    task.blobs = {{"rides/source", std::string("\0\x01", 2)}, {"empty", ""}};
    for (const int64_t prepared : {epoch - 1, epoch}) {
      PreparedEpoch sink;
      sink.sink = "out/sink";
      sink.shard = Shard(i);
      sink.epoch = Epoch(prepared);
      sink.handle = "handle " + std::to_string(i);
      task.prepared.push_back(sink);
    }
    StateFile file;
    file.name = "0000000000000007-aaaa-000012.sst";
    file.db_name = "000012.sst";
    file.bytes = 12345;
    file.checksum = 0x1234567890abcdefULL;
    task.files.push_back(file);
    checkpoint.tasks.push_back(task);
  }
  return checkpoint;
}

}  // namespace rideflow::test
