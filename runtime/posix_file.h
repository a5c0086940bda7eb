// Open files of the real disk: what the file systems of this room share.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/env.h"

struct stat;

namespace rideflow {

// A file descriptor; closes it.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  ~Fd();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// The Status of a failed system call: code by errno, message "Cannot <what> '<path>': <reason>".
Status posix_error(int error, std::string_view what, const std::string& path);

Status sync_fd(int fd, const std::string& path);
Result<struct stat> stat_fd(int fd, const std::string& path);
DirEntry entry_of(std::string name, const struct stat& info);

// Names without "." and "..", sorted. `dir` is open for reading; `path` is for messages only, as below.
Result<std::vector<std::string>> names_in(Fd dir, const std::string& path);

Result<std::unique_ptr<WritableFile>> writable_file(Fd fd, std::string path);
// Refuses what is no regular file.
Result<std::unique_ptr<ReadableFile>> readable_file(Fd fd, std::string path);

// See MappableFiles::map_new; `fd` is a new, empty file.
Result<std::shared_ptr<void>> map_empty_file(Fd fd, size_t bytes, const std::string& path);

}  // namespace rideflow
