// What is there, and how much of it: the two questions whose errors destroy data when they are taken for
// answers. Only "no such file" means absent; any other error of a look says nothing about what is, and
// whoever takes it for "absent" or "empty" begins anew on a disk that stumbled once.
#pragma once

#include <string>

#include "engine/env.h"

namespace rideflow {

// False: there is nothing of that name. Any other error of stat is an error here.
Result<bool> exists(FileSystem& fs, const std::string& path);

// As it is now. ReadableFile::size() answers less than 0 when the disk can't say: ask here, `path` is for the
// error.
Result<int64_t> size_of(const ReadableFile& file, const std::string& path);

}  // namespace rideflow
