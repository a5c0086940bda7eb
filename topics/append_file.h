// A file that only grows, of which one always knows how many bytes are durable. After any failed write or
// sync roll_back() cuts it back and opens it anew (a descriptor whose sync failed is never used again). One
// thread at a time.
#pragma once

#include <memory>
#include <string>

#include "engine/env.h"

namespace rideflow {

class AppendFile {
 public:
  AppendFile() = default;
  // Everything that `path` holds must be durable, or is made so here. Creates it when missing.
  static Result<AppendFile> open(FileSystem& fs, const std::string& path);

  Status append(std::string_view bytes);
  Status sync();
  // ok: the file holds exactly its first `size` bytes, durably, and can be written again. Does nothing when
  // that is so already. REQUIRES: size <= durable().
  Status roll_back(int64_t size);
  // A write or sync failed and roll_back() has not succeeded since.
  bool broken() const { return broken_; }
  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }
  int64_t durable() const { return durable_; }

 private:
  FileSystem* fs_ = nullptr;
  std::string path_;
  std::unique_ptr<WritableFile> file_;
  int64_t size_ = 0;
  int64_t durable_ = 0;
  bool broken_ = false;
};

}  // namespace rideflow
