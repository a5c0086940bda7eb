// RocksRestoredState: the keyed cells of a checkpoint, to be read back by tasks of any parallelism.
//
// The store of every old task is opened read-only from links to the checkpoint's files; cells(step) shows a
// step's cells of all of them as one table, in order. Whoever owns key groups now scans their range.
//
// Thread-safety: cells() and scans from one thread at a time. The checkpoint's files were verified by load().
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/env.h"
#include "engine/state_table.h"
#include "state/checkpoint_store.h"
#include "state/rocks_support.h"

namespace rideflow {

class RocksRestoredState {
 public:
  // `dir`: for the links, on the file system of the checkpoints; removed by the destructor.
  static Result<std::unique_ptr<RocksRestoredState>> open(Env& env, const CheckpointStore& checkpoints,
                                                          std::shared_ptr<RocksShared> shared,
                                                          const Checkpoint& checkpoint,
                                                          const std::string& dir);
  ~RocksRestoredState();

  // Null when the checkpoint has no keyed state at all. Writing to it fails. Valid as long as this object.
  StateTable* cells(const std::string& step);

 private:
  class Cells;
  RocksRestoredState(Env& env, std::string dir);

  Env& env_;
  std::string dir_;
  std::shared_ptr<RocksShared> shared_;
  std::vector<std::unique_ptr<rocksdb::DB>> stores_;
  std::map<std::string, std::unique_ptr<Cells>> cells_;
};

}  // namespace rideflow
