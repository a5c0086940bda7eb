// The real world with a disk that fails at a chosen call, for tests of a whole job.
//
// Files are on the real disk, as RocksDB needs them (it does not go through Env: its own calls do not fail
// here). Syncs are left out: nobody cuts the power. Thread-safety: as Env.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/posix_env.h"
#include "tests/support/forwarding_fs.h"

namespace rideflow::test {

enum class DiskFault : uint8_t {
  io_error,  // EIO
  full,      // ENOSPC of calls that write, EIO of others
};

class FaultyFs : public ForwardingFs {
 public:
  explicit FaultyFs(FileSystem& fs) : ForwardingFs(fs) {}

  // Calls by their kind: what is asked of which sort of file, such as "sync live/log-#". The same job makes
  // the same kinds of calls, in whatever order its threads come.
  static std::string kind_of(const char* call, const std::string& path);

  // The n-th call of this kind from now on (1 = the next) fails once; a failed append wrote a half.
  void fail(const std::string& kind, int64_t n, DiskFault fault);
  // Every call from the n-th on fails, until the process is started again on another FaultyFs: what one that
  // is killed leaves on the disk.
  void die(int64_t n);
  bool dead() const;
  int64_t calls() const { return calls_.load(); }  // so far; as VirtualFs counts them
  std::map<std::string, int64_t> kinds() const;    // how many of each, so far
  // What failed by fail(), such as "sync '/…/log-1'"; "": nothing yet.
  std::string failed() const;

  // For the files of this disk. Counts a call, and tells whether it fails.
  Status enter(const char* call, const std::string& path, bool writes);

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> append(const std::string& path) override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Result<std::vector<DirEntry>> list(const std::string& dir) override;
  Result<DirEntry> stat(const std::string& path) override;
  Status make_dirs(const std::string& dir) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status link(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status remove_tree(const std::string& dir) override;
  Status truncate(const std::string& path, int64_t size) override;
  Status sync_dir(const std::string& dir) override;
  Result<int64_t> free_bytes(const std::string& dir) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  std::atomic<int64_t> calls_{0};
  mutable std::mutex mutex_;
  std::map<std::string, int64_t> kinds_;
  std::string fail_kind_;  // empty: none
  int64_t fail_left_ = 0;
  int64_t die_at_ = 0;
  DiskFault fault_ = DiskFault::io_error;
  std::string failed_;
};

class FaultyEnv : public Env {
 public:
  FaultyEnv();
  ~FaultyEnv() override;

  Micros now() override { return posix_.now(); }
  Micros monotonic() override { return posix_.monotonic(); }
  int64_t cpu_nanos() override { return posix_.cpu_nanos(); }
  uint64_t random() override { return posix_.random(); }
  FaultyFs& fs() override { return fs_; }
  using Env::offload;
  std::shared_ptr<Completion> offload(std::function<Status()> work, Lane lane) override {
    return posix_.offload(std::move(work), lane);
  }
  void log(LogLevel level, std::string_view event, std::span<const LogField> fields) override {
    posix_.log(level, event, fields);
  }

 private:
  PosixEnv posix_;
  FaultyFs fs_;
};

}  // namespace rideflow::test
