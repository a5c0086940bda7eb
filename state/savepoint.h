// A savepoint: a checkpoint of a job outside its data directory. It is all that the job needs to go on, on
// this machine or another; it belongs to whoever asked for it, and Rideflow never removes one.
//
//   MANIFEST        the checkpoint (state/manifest.h), written last: without it there is no savepoint
//   files/NAME      its state files, by the names that the manifest has
//   JOB.yaml        the job's text as it ran, for people; the manifest has it, too
//   SAVEPOINT.json  the same for people
//
// What stands outside is not in it: topics, files and rollups that the job reads and writes. Positions in
// them are, and so is what its sinks had prepared and not certainly published.
//
// What takes an ObjectStore blocks as it does.
#pragma once

#include <string>
#include <vector>

#include "engine/checkpoint.h"
#include "engine/env.h"
#include "objects/object_store.h"
#include "state/checkpoint_store.h"

namespace rideflow {

// The checkpoint's state files, each once: tasks may name one twice.
std::vector<StateFile> files_of(const Checkpoint& checkpoint);

// `files_dir`: where the checkpoint's state files are. Answers the bytes that the savepoint holds.
// already_exists (user) when there is a savepoint already; data_loss when a file is not what the checkpoint
// says.
Result<int64_t> write_savepoint(const Checkpoint& savepoint, const std::string& files_dir, ObjectStore& to);

// not_found (user) when there is none.
Result<Checkpoint> read_savepoint(ObjectStore& from);

// Makes the savepoint the newest checkpoint of the job `job`, whose checkpoints are `into`. Where it is of
// another job it is a fork: with a lineage of its own, so that its sinks begin anew. Ok, and nothing changes,
// when the job goes on from this savepoint anyway because nothing came after it. failed_precondition (user)
// when the job has checkpoints of its own; data_loss when a file is damaged, and then nothing was changed.
Status adopt_savepoint(Env& env, const Checkpoint& savepoint, ObjectStore& from, const std::string& job,
                       CheckpointStore& into);

}  // namespace rideflow
