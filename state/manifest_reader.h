// The checkpoints of a job as they stand on disk, for those who only want to know what is in them.
#pragma once

#include <string>
#include <vector>

#include "engine/env.h"
#include "state/manifest.h"

namespace rideflow {

// Every manifest in a CheckpointStore's directory that can be read, oldest first; damaged ones are passed
// over. Nothing is changed on disk. Empty when the directory is missing.
Result<std::vector<Checkpoint>> read_manifests(FileSystem& fs, const std::string& checkpoints_dir);

}  // namespace rideflow
