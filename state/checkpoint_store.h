// CheckpointStore: the checkpoints of one job in a directory. <dir>/manifest-<epoch> is a checkpoint,
// <dir>/files/ holds the state files of all of them, by unique name.
//
// A checkpoint exists if and only if its manifest does: files are linked and synced, their directory is
// synced, then the manifest is written aside, synced, renamed, and its directory synced. It is read back
// before publish() answers. The last three are kept; files that none of them names go, judged by reachability
// alone.
//
// load() checks every file's size and checksum before anything is opened. When the newest checkpoint is
// damaged it falls back to the one before and says why. That is safe for exactly-once output only while no
// sink has published beyond the older one: sinks check their markers in recover() and refuse
// (docs/exactly-once.md, R4). Only when they agreed, settle() sets the damaged one aside (renamed to
// damaged-<epoch>), so that it can't come back later as the truth: until then nothing is changed, and whoever
// restores the file gets it back. ATTEMPT names the lineage, the first epoch of its last attempt, and the
// newest checkpoint that is known to have been completed: manifests that are all gone are not a job that
// never ran.
//
// Thread-safety: adopt() and file_name() from any thread; the rest from one thread at a time.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/env.h"
#include "state/manifest.h"

namespace rideflow {

struct LoadedCheckpoint {
  Checkpoint checkpoint;
  std::vector<std::string> passed_over;  // newer ones that are damaged, with the reason each
};

class CheckpointStore {
 public:
  static constexpr size_t kKept = 3;
  // Makes the directory when it is missing; removes what a crash left half-written.
  static Result<std::shared_ptr<CheckpointStore>> open(Env& env, const std::string& dir);

  // Takes a finished file into files/ under a name of its own (a hard link where possible), synced, with its
  // checksum. It belongs to `epoch`: it is kept at least until that epoch or a later one is published.
  Result<StateFile> adopt(const std::string& path, const std::string& db_name, Epoch epoch);
  std::string path_of(const StateFile& file) const;

  // Makes the checkpoint durable and the newest; answers the bytes of all its files. After an error it may
  // exist or not; a later load() tells.
  Result<int64_t> publish(const Checkpoint& checkpoint);

  // The same of a checkpoint from elsewhere, whose files somebody put under path_of(): once they are what it
  // says. The epochs behind it may have been used where it comes from: those of this place begin far behind.
  Status adopt_checkpoint(const Checkpoint& checkpoint);

  // The newest checkpoint that is whole; nothing when there has never been one. Changes nothing that it
  // passes over. data_loss: all are damaged or gone; failed_precondition: the newest needs a newer Rideflow
  // (never passed over).
  Result<std::optional<LoadedCheckpoint>> load();

  // The job goes on from what load() answered: what that passed over is set aside.
  Status settle();

  // Begins an attempt after load(): answers the first epoch that it may use, durably above every epoch that
  // an attempt of the lineage may have used: those of published checkpoints, damaged ones set aside, and the
  // one that an attempt may have begun without publishing it. One attempt has one checkpoint under way at a
  // time.
  Result<Epoch> begin_attempt(const std::string& lineage);

  // Epochs that are there, oldest first.
  Result<std::vector<Epoch>> epochs();
  // Removes files of epochs up to `up_to` that no kept checkpoint names. Returns how many.
  Result<int> sweep(Epoch up_to);

 private:
  CheckpointStore(Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}
  std::string manifest_path(Epoch epoch) const;
  std::string attempt_path() const { return join_path(dir_, "ATTEMPT"); }
  struct Attempt {
    std::string lineage;
    Epoch first = Epoch(0);
    Epoch published = Epoch(0);
  };
  Result<Attempt> last_attempt();
  Status write_attempt(const Attempt& attempt);
  void note_published(Epoch epoch);
  std::string files_dir() const { return join_path(dir_, "files"); }
  Status check_files(const Checkpoint& checkpoint);
  Status set_aside(Epoch epoch);
  Status drop_old();
  Result<Checkpoint> read(Epoch epoch);

  Env& env_;
  std::string dir_;
  Attempt attempt_;               // that begin_attempt() began
  std::vector<Epoch> set_aside_;  // by settle()
};

}  // namespace rideflow
