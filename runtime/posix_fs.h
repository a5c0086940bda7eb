// FileSystem over POSIX: plain file descriptors, no buffering of its own (callers append large pieces).
//
// make_dirs and truncate are durable when they return; create, append, rename, link and remove are when
// sync_dir() of the directory returned. link() copies across file systems. Symbolic links are followed, but
// remove_tree() removes them, not what they point to. Thread-safety: as FileSystem.
#pragma once

#include <memory>

#include "engine/env.h"

namespace rideflow {

std::unique_ptr<FileSystem> make_posix_fs();

}  // namespace rideflow
