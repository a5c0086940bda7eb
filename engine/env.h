// The world, as an interface: clocks, disk, randomness, background work, logs.
//
// Nothing outside runtime/'s POSIX implementation and the homes of libraries touches the real world, so the
// whole engine runs under a virtual one (engine/virtual_env.h) with a clock that a test moves and a disk that
// forgets what was not synced. Tasks never wait: work that may block (fsync, ingest, a cold read) goes
// through offload() and is polled.
//
// Thread-safety: every method of Env may be called from any thread. A File belongs to one thread at a time.
// Errors: Status with blame external; after a failed sync() a File is dead: drop it, never retry on it.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ids.h"
#include "engine/status.h"
#include "engine/waker.h"

namespace rideflow {

// Appends only. Data is durable after sync() returned ok, and its name after sync_dir() of its directory.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual Status append(std::string_view bytes) = 0;
  virtual Status sync() = 0;
  virtual Status close() = 0;
  virtual int64_t size() const = 0;
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Reads up to n bytes at offset into out; fewer only at the end of the file. Returns the bytes read.
  virtual Result<size_t> read(int64_t offset, size_t n, char* out) const = 0;
  virtual int64_t size() const = 0;  // as it is now: a growing file grows here too
  // The whole file as read-only memory, padded with 64 readable bytes where the implementation can; valid
  // while the returned owner lives. May answer unimplemented.
  virtual Result<std::shared_ptr<const std::string_view>> map() const = 0;
};

// An exclusive lock on a file, held until it is destroyed or its process ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
  // Replaces the content of the locked file. Not synced: it tells others who holds the lock.
  virtual Status write(std::string_view content) = 0;
};

struct DirEntry {
  std::string name;
  bool is_dir = false;
  int64_t size = 0;
  Micros modified = 0;
  uint64_t inode = 0;  // the same after a rename; 0: not known
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;  // truncates
  virtual Result<std::unique_ptr<WritableFile>> append(const std::string& path) = 0;  // creates when missing
  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
  virtual Result<std::vector<DirEntry>> list(const std::string& dir) = 0;     // sorted by name
  virtual Result<DirEntry> stat(const std::string& path) = 0;                 // not_found when missing
  virtual Status make_dirs(const std::string& dir) = 0;                       // durable when it returns
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces
  virtual Status link(const std::string& from, const std::string& to) = 0;    // hard link, or a copy
  virtual Status remove(const std::string& path) = 0;                         // ok when missing
  virtual Status remove_tree(const std::string& dir) = 0;                     // ok when missing
  virtual Status truncate(const std::string& path, int64_t size) = 0;         // durable when it returns
  virtual Status sync_dir(const std::string& dir) = 0;
  virtual Result<int64_t> free_bytes(const std::string& dir) = 0;
  // Creates the file when missing; aborted when somebody holds it, in this process or another.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

// A piece of background work that a task polls. Destroying it before done() is allowed: the work still ends,
// its result is dropped.
class Completion {
 public:
  virtual ~Completion() = default;
  virtual bool done() const = 0;
  // REQUIRES: done(). The status that the work returned.
  virtual Status status() const = 0;
  // Wakes once the work is done, at once when it is already. Any thread.
  void wake_when_done(WakerRef waker);

 protected:
  // For who makes it done, as soon as done() answers true. A completion that is done by being asked (it
  // serves a client library) calls it never: what it asks must wake the task by itself.
  void notify();

 private:
  std::mutex mutex_;
  std::vector<WakerRef> wakers_;
};

// Whom a piece of background work waits for. Each lane has threads of its own, so that what waits for others,
// long or for ever, never holds up what a checkpoint needs of the disk.
enum class Lane : uint8_t {
  disk,    // this machine: writes, syncs, computes; few threads, so a piece must end by itself
  others,  // a broker, the reader of a pipe: a thread for each piece, so a caller has at most one under way
};

enum class LogLevel : uint8_t { debug, info, warn, error };

struct LogField {
  std::string_view key;
  std::string value;
};

class Env {
 public:
  virtual ~Env() = default;

  // Wall clock, for event-time defaults, idleness and display. May jump.
  virtual Micros now() = 0;
  // Never goes back; for durations and time-outs.
  virtual Micros monotonic() = 0;
  // Wall time in nanoseconds from an unknown moment, for accounts of what took how long: cheap enough to be
  // read at every call of an operator.
  virtual int64_t cpu_nanos() = 0;
  // 64 random bits. Seeded under simulation.
  virtual uint64_t random() = 0;

  virtual FileSystem& fs() = 0;

  // Runs `work` elsewhere (a pool in production, later in the same loop under simulation).
  virtual std::shared_ptr<Completion> offload(std::function<Status()> work, Lane lane) = 0;
  std::shared_ptr<Completion> offload(std::function<Status()> work) {
    return offload(std::move(work), Lane::disk);
  }

  // An event name and key=value fields, e.g. log(info, "checkpoint_done", {{"epoch", "4"}}).
  virtual void log(LogLevel level, std::string_view event, std::span<const LogField> fields) = 0;
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::info, event, {fields.begin(), fields.size()});
  }
  void warn(std::string_view event, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::warn, event, {fields.begin(), fields.size()});
  }

  // A named point at which a test may kill the process (RIDEFLOW_KILL_AT=name:n). A no-op otherwise.
  virtual void kill_point(std::string_view name) { (void)name; }
};

// Whole small files: manifests, markers, formats. write_file_atomic writes path + ".tmp", syncs it, renames
// it and syncs the directory: after it returned ok the new content survives a power loss, before that the old
// does.
Result<std::string> read_file(FileSystem& fs, const std::string& path);
Status write_file_atomic(FileSystem& fs, const std::string& path, std::string_view content);
std::string parent_dir(std::string_view path);
std::string join_path(std::string_view dir, std::string_view name);

}  // namespace rideflow
