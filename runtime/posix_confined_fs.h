// The files that jobs may name: a FileSystem that reaches only what lies beneath certain directories, its
// roots.
//
// A name is opened beneath its root's own handle, and no link leads out of it: neither `..` nor an absolute
// link, nor one that is put there between a look and the opening. Linux looks after that (openat2,
// RESOLVE_BENEATH); where it can't, no link is followed at all. Files are never written through a link.
// What a job has no use for (locks, hard links, removing trees, cutting files) is refused.
// Thread-safety: as FileSystem.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/env.h"

namespace rideflow {

struct ConfinedFsOptions {
  std::vector<std::string> roots;   // directories that exist; relative ones to the working directory
  std::vector<std::string> closed;  // beneath a root and yet out of reach: the data directory's own
  bool step_by_step = false;        // as where the system knows no openat2
};

class ConfinedFs : public FileSystem {
 public:
  // Whether a job may name this path, before anything is opened. What is not there yet may be.
  virtual Status check(const std::string& path) = 0;
};

// user error: a root that is no directory.
Result<std::shared_ptr<ConfinedFs>> make_confined_fs(const ConfinedFsOptions& options);

}  // namespace rideflow
