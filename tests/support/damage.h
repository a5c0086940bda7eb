// What others do to files that are ours: a byte changes, an end is cut off, a file is deleted. One damage at
// a time to every file of a directory on the virtual disk, so that a store's test can say what must follow.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "engine/virtual_fs.h"

namespace rideflow::test {

using Files = std::map<std::string, std::string>;  // path -> content

Files read_files(const VirtualFs& fs, const std::string& dir);
// Makes `dir` hold exactly these files, durably.
void write_files(VirtualFs& fs, const std::string& dir, const Files& files);

struct Damage {
  std::string file;
  std::string what;  // "byte 17 is flipped", "is cut to 40 bytes", "is deleted"
  bool deleted = false;
};

// Calls `check` once for each damage, with the directory written anew and damaged. Of every file at most
// `places` bytes are flipped, and it is cut to at most `places` lengths, spread over its size and offset by
// the directory's seed. In a long run (tests/support/long_run.h): every byte, and every length.
void for_each_damage(VirtualFs& fs, const std::string& dir, const Files& files, size_t places,
                     const std::function<void(const Damage&)>& check);

}  // namespace rideflow::test
