// Manifest: what a datasource's folder held when its commit log was last moved into segments: its spec, which
// files are its own, and the markers that were committed by then. Written atomically; the log that it names
// goes on from there.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "engine/env.h"
#include "engine/ids.h"
#include "rollup/commit_log.h"

namespace rideflow::rollup {

struct ShardMarker {
  Epoch epoch;
  Micros watermark = kNoTime;
};

struct ManifestChunk {
  bool sealed = false;
  std::vector<std::string> files;  // a sealed chunk has one
};

struct Manifest {
  std::string spec;    // encode_spec()
  int32_t format = 2;  // as read; 1 did not promise that its log exists
  int64_t log_number = 1;
  int64_t log_bytes = 0;  // durable in the log when this was written
  int64_t next_file = 1;
  Micros complete_to = kNoTime;
  std::map<std::tuple<std::string, std::string, int32_t>, ShardMarker> markers;  // lineage, sink, shard
  std::map<Micros, ManifestChunk> chunks;                                        // by start
  std::string log_name() const { return "log-" + std::to_string(log_number); }
};

std::string encode_manifest(const Manifest& manifest);
// data_loss when damaged, failed_precondition when of a newer format. Always writes the newest one.
Result<Manifest> decode_manifest(std::string_view bytes);

}  // namespace rideflow::rollup
