// A disk that hands every call on to another: a base for those that differ in one of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/env.h"

namespace rideflow::test {

class ForwardingFs : public FileSystem {
 public:
  // REQUIRES: `fs` outlives this.
  explicit ForwardingFs(FileSystem& fs) : fs_(fs) {}

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override { return fs_.create(path); }
  Result<std::unique_ptr<WritableFile>> append(const std::string& path) override { return fs_.append(path); }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return fs_.open(path); }
  Result<std::vector<DirEntry>> list(const std::string& dir) override { return fs_.list(dir); }
  Result<DirEntry> stat(const std::string& path) override { return fs_.stat(path); }
  Status make_dirs(const std::string& dir) override { return fs_.make_dirs(dir); }
  Status rename(const std::string& from, const std::string& to) override { return fs_.rename(from, to); }
  Status link(const std::string& from, const std::string& to) override { return fs_.link(from, to); }
  Status remove(const std::string& path) override { return fs_.remove(path); }
  Status remove_tree(const std::string& dir) override { return fs_.remove_tree(dir); }
  Status truncate(const std::string& path, int64_t size) override { return fs_.truncate(path, size); }
  Status sync_dir(const std::string& dir) override { return fs_.sync_dir(dir); }
  Result<int64_t> free_bytes(const std::string& dir) override { return fs_.free_bytes(dir); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return fs_.lock(path); }

 private:
  FileSystem& fs_;
};

}  // namespace rideflow::test
