// Manifest: what a checkpoint of one epoch consists of. Plain data; encode() and decode() are its file.
//
// The bytes: a first line "rideflow-checkpoint <format> <least reader> <bytes> <checksum>", then tagged
// sections. A reader skips sections that it does not know, if the least reader that the writer named is not
// newer than itself; so a later version can add without breaking an earlier one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ids.h"
#include "engine/key_group.h"
#include "engine/status.h"

namespace rideflow {

inline constexpr uint32_t kManifestFormat = 1;
inline constexpr uint32_t kManifestLeastReader = 1;

// A file of a task's RocksDB. `name` is unique for ever (two attempts create different files of one number);
// `db_name` is what RocksDB calls it.
struct StateFile {
  std::string name;
  std::string db_name;
  int64_t bytes = 0;
  uint64_t checksum = 0;  // of the file as it stands, taken after ingestion
  friend bool operator==(const StateFile&, const StateFile&) = default;
};
// How a task's files travel in its snapshot.
std::string encode_state_files(const std::vector<StateFile>& files);
Result<std::vector<StateFile>> decode_state_files(std::string_view bytes);

// An epoch of a sink that is prepared, and perhaps not yet committed.
struct ManifestSink {
  std::string sink;
  Shard shard;
  Epoch epoch;
  std::string handle;
  friend bool operator==(const ManifestSink&, const ManifestSink&) = default;
};

// What one task contributed.
struct ManifestTask {
  TaskId task;
  Shard shard;
  Micros watermark = kNoTime;
  std::map<std::string, std::string> blobs;  // node -> small state: source positions, counters
  std::vector<ManifestSink> prepared;
  std::vector<StateFile> files;
  friend bool operator==(const ManifestTask&, const ManifestTask&) = default;
};

struct Manifest {
  std::string job;
  std::string lineage;
  Epoch epoch;
  int32_t key_groups = kDefaultKeyGroups;
  int32_t parallelism = 1;
  Micros created_at = 0;
  std::map<std::string, std::string> types;  // node -> what its cells hold (engine/state_type.h)
  std::vector<ManifestTask> tasks;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

std::string encode_manifest(const Manifest& manifest);
// data_loss: damaged. failed_precondition (user): written by a Rideflow too new for this one.
Result<Manifest> decode_manifest(std::string_view bytes);

}  // namespace rideflow
