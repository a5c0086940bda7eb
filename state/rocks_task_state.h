// RocksTaskState: one task's keyed state in a RocksDB of its own, and how a checkpoint of it is made.
//
// The store begins empty, or with resume() as it stood in a checkpoint: then the first checkpoint of the
// attempt, too, costs what changed, since table files that an earlier one adopted are named again, not
// copied. Where a task has other key groups or steps than it had, it reads its cells from the checkpoint
// (rocks_restored_state.h) and writes them whole at its first barrier. A file is adopted under a unique name
// by a hard link from RocksDB's own checkpoint, and hashed once.
//
// Not thread-safe: used by the background work of its task, one piece at a time. The directory is removed by
// the destructor; `shared` and `checkpoints` are kept alive.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/task.h"
#include "state/checkpoint_store.h"
#include "state/rocks_state_table.h"
#include "state/rocks_support.h"

namespace rideflow {

class RocksTaskState : public TaskStateBackend {
 public:
  // `dir`: of this store alone, on the file system of the checkpoints; what it holds is removed.
  static Result<std::shared_ptr<RocksTaskState>> open(Env& env, std::shared_ptr<CheckpointStore> checkpoints,
                                                      std::shared_ptr<RocksShared> shared,
                                                      const std::string& dir, int32_t key_groups);
  ~RocksTaskState() override;

  // Opens the store on links to the files of a checkpoint. False, and it is empty: they hold cells of other
  // groups or steps. REQUIRES: verified files, nothing asked of the store yet.
  Result<bool> resume(const std::vector<StateFile>& files, KeyGroupRange groups,
                      const std::vector<std::string>& steps);
  // resume() gave it cells.
  bool resumed() const { return resumed_; }
  // Empty again. REQUIRES: no table is in use.
  Status clear();

  Result<StateTable*> table(const std::string& name) override;
  Result<std::vector<StateFile>> checkpoint(Epoch epoch) override;

 private:
  RocksTaskState(Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}
  Status open_store();
  Status link_files(const std::vector<StateFile>& files);
  Result<std::vector<StateFile>> adopt_files(const std::string& staging, Epoch epoch);

  Env& env_;
  std::string dir_;
  std::shared_ptr<CheckpointStore> checkpoints_;
  std::shared_ptr<RocksShared> shared_;
  int32_t key_groups_ = kDefaultKeyGroups;
  std::unique_ptr<rocksdb::DB> db_;  // opened with the first table: most tasks have none
  std::map<std::string, std::unique_ptr<RocksStateTable>> tables_;
  bool resumed_ = false;                      // the store began with cells of a checkpoint
  std::map<std::string, StateFile> adopted_;  // table files by RocksDB's name, of the last checkpoint
  std::vector<StateFile> last_;               // what the last checkpoint answered; empty: none yet
};

}  // namespace rideflow
