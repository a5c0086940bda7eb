// ByteSource: the bytes of one file from the front, plain, gzip or zstd (told by its first bytes).
//
// gzip may have several members and zeros behind each, zstd several frames and skippable ones anywhere (pzstd
// begins with one). A file that grows can be read on. One thread. Errors: data_loss (damaged compressed
// data), unimplemented (a format that is not read: bzip2, xz, …), resource_exhausted (more than `max_ratio`
// bytes out per byte in: a decompression bomb), and what the disk says.
#pragma once

#include <memory>
#include <string>

#include "engine/env.h"
#include "operators/files/file_identity.h"

namespace rideflow {

class ByteSource {
 public:
  static Result<std::unique_ptr<ByteSource>> open(FileSystem& fs, const std::string& path, double max_ratio);
  virtual ~ByteSource() = default;
  // Up to n bytes; 0: there are no more now.
  virtual Result<size_t> read(char* out, size_t n) = 0;
  // False in the middle of compressed data: what was read is not the whole content.
  virtual bool at_boundary() const = 0;
  // Bytes of the file itself that were taken.
  virtual int64_t consumed() const = 0;
  // Of what was consumed. `entry`: as the file is listed now.
  virtual Result<FileIdentity> identity(const DirEntry& entry) const = 0;
  virtual bool compressed() const = 0;

  // So many bytes from the front tell what a file is; with fewer it may yet become anything.
  static constexpr int64_t kHead = 18;
};

}  // namespace rideflow
