// Where a file sink keeps what is no finished file: its markers, and rows in progress.
//
// Beside the directory, in `.<name>.rideflow`, so that whoever reads `dir/*` meets finished files only: not
// all readers leave out names that begin with a dot. It is on the same file system, so that a rename from
// there is atomic. Inside the directory, as earlier versions had it, where nothing can stand beside it: it is
// a root, a mount point, at the edge of what jobs may write, or named by "." or "..".
#pragma once

#include <string>
#include <string_view>

#include "engine/env.h"

namespace rideflow {

inline constexpr std::string_view kSinkMarkerPrefix = ".committed-";
inline constexpr std::string_view kSinkInProgressPrefix = ".inprogress-";

struct FileSinkPlace {
  std::string directory;
  std::string state;   // the same as directory: inside
  std::string inside;  // why it is inside; empty: it is beside
};

// "" where the path alone says that nothing can stand beside it.
std::string state_beside(std::string_view directory);

// Makes both, and moves what earlier versions left inside the directory. `owner` is "<lineage>-<sink>" as it
// stands in names: data_loss when the directory is gone and the owner's markers say that there was something.
// A failure of the disk is an error: only what is sure to last decides that the state is inside.
// One thread at a time for a directory.
Result<FileSinkPlace> open_file_sink_place(Env& env, FileSystem& fs, const std::string& directory,
                                           std::string_view owner);

}  // namespace rideflow
