// FileIdentity: what a file was when it was read, so that the same file is known under another name, and
// another file under the same one.
#pragma once

#include <cstdint>

#include "engine/env.h"

namespace rideflow {

struct FileIdentity {
  uint64_t inode = 0;
  int64_t size = 0;  // bytes, from the front, that this speaks of: as many as were read
  Micros modified = 0;
  uint64_t head = 0;  // hash of the first of them, kPart at most
  uint64_t tail = 0;  // and of the last
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;

  static constexpr int64_t kPart = 4096;
};

// Of the first `size` bytes of an open file.
Result<FileIdentity> identity_of(const ReadableFile& file, const DirEntry& entry, int64_t size);

// What became of a file that was `known`.
enum class FileChange : uint8_t {
  none,      // the same bytes, whatever its name and time
  grown,     // the same bytes, and more behind them
  replaced,  // it begins with other bytes: it is another file
  changed,   // it begins with the same bytes and then differs, or was cut: nobody can say what is new
};
// Reads the file's head and tail only when size, time or inode differ.
Result<FileChange> compare(FileSystem& fs, const std::string& path, const DirEntry& now,
                           const FileIdentity& known);

}  // namespace rideflow
