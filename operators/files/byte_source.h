// ByteSource: the bytes of one file from the front, plain, gzip or zstd (told by its first bytes).
//
// A file that grows can be read on. One thread. Errors: data_loss (damaged compressed data),
// resource_exhausted (more than `max_ratio` bytes out per byte in: a decompression bomb), and what the disk
// says.
#pragma once

#include <memory>
#include <string>

#include "engine/env.h"

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
};

}  // namespace rideflow
