// Checkpoint: what a job goes on from, as plain values: the one type from the tasks' snapshots over the
// coordinator to the manifest (state/manifest.h) and back.
//
// It lists every epoch that sinks have prepared and not certainly published, each under its own number: there
// may be several, since a slow sink does not hold the next checkpoint up, and they are restored as what they
// were.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/ids.h"
#include "engine/key_group.h"
#include "engine/time.h"

namespace rideflow {

// A file that holds keyed state of a task. `name` is unique for ever within the job (two attempts create
// different files of one number); `db_name` is what the task's store calls it.
struct StateFile {
  std::string name;
  std::string db_name;
  int64_t bytes = 0;
  uint64_t checksum = 0;  // of the file as it stands
  friend bool operator==(const StateFile&, const StateFile&) = default;
};

// An epoch of one shard of a sink that is prepared, and perhaps not yet published.
struct PreparedEpoch {
  std::string sink;  // node name, see node_name()
  Shard shard;
  Epoch epoch;
  std::string handle;
  friend bool operator==(const PreparedEpoch&, const PreparedEpoch&) = default;
};

// What a task contributes to the checkpoint of an epoch.
struct TaskSnapshot {
  TaskId task;
  Epoch epoch;
  Shard shard;
  Micros watermark = kNoTime;                // least over the task's sinks' inputs, as of the barrier
  std::map<std::string, std::string> blobs;  // node name -> small state; sources: positions and event time
  std::vector<PreparedEpoch> prepared;       // in order of epoch
  std::vector<StateFile> files;              // all its keyed state; empty when it has none
  friend bool operator==(const TaskSnapshot&, const TaskSnapshot&) = default;
};

struct Checkpoint {
  std::string job;
  std::string lineage;
  Epoch epoch;
  int32_t key_groups = kDefaultKeyGroups;
  Micros created_at = 0;
  std::map<std::string, std::string> types;  // node name -> what its cells hold (engine/state_type.h)
  std::string text;                          // of the job; "" in those of older versions
  std::vector<TaskSnapshot> tasks;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

}  // namespace rideflow
