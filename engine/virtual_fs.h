// A file system in memory that behaves like a real one at its worst moments.
//
// It knows, beside the content that programs see, what would survive a power loss: bytes of a file up to its
// last successful sync(), names (creates, renames, links, removes) up to the last sync_dir() of their
// directory. make_dirs and truncate are durable when they return, as on the real file system. crash() throws
// the rest away: all of it, a seeded random part of it, or (a process that died) nothing.
//
// Faults: fail(n) lets the n-th call from now on fail with a chosen Status. A failed append wrote a part; a
// failed sync loses what it should have saved for good, even when a later sync says ok (as Linux does). After
// a call chosen with die(n), every call fails until crash(): the process is dead, the test restarts it.
//
// Thread-safety: all methods may be called from any thread. Files opened before a crash() fail afterwards.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "engine/env.h"

namespace rideflow {

class VirtualFs : public FileSystem {
 public:
  // What a crash leaves of what was not synced: nothing; for each file and directory a random prefix of its
  // changes, the last bytes of a file perhaps as zeros; or everything (the process died, the machine did
  // not).
  enum class Crash : uint8_t { lose_unsynced, lose_some, keep_all };

  // `clock` gives files their modification time.
  VirtualFs(uint64_t seed, std::function<Micros()> clock);
  ~VirtualFs() override;

  void crash(Crash how);
  // The n-th call from now (1 = the next) fails once with `status`; 0 takes a pending fault back.
  void fail(int64_t n, Status status);
  // The n-th call from now fails and every one after it, until crash(). An append at that call leaves a part.
  void die(int64_t n);
  void die_now();
  bool dead() const;
  int64_t calls() const;  // so far; every method of the file system and its files counts, but close() and a
                          // writer's size()
  int64_t bytes_read() const;  // so far, by all readers
  // A broken machine for tests of tests: sync_dir() says ok and does nothing.
  void ignore_dir_syncs(bool on);

  // For tests that damage files. REQUIRES: the file exists. Durable at once; not counted as calls.
  std::string content(const std::string& path) const;
  void set_content(const std::string& path, std::string bytes);
  // Every file below `dir`, as "path" sorted. Not counted as calls.
  std::vector<std::string> files(const std::string& dir) const;

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
  struct Node {
    bool is_dir = false;
    std::string data;
    size_t synced = 0;  // bytes of data that a power loss leaves
    // What failed syncs should have saved: later syncs say ok, a power loss leaves zeros there.
    std::vector<std::pair<size_t, size_t>> holes;
    Micros modified = 0;
    uint64_t inode = 0;
    bool locked = false;
  };
  using NodeRef = std::shared_ptr<Node>;
  // One change of names, atomic even in a crash; null: the name goes away.
  using NameChange = std::vector<std::pair<std::string, NodeRef>>;
  class Writer;
  class Reader;
  class Lock;

  Status count_call(std::string_view call, const std::string& path);  // mutex held
  bool fault_now() const { return calls_ == fail_at_ || calls_ == die_at_; }
  Result<NodeRef> find(const std::string& path, bool is_dir) const;
  Status require_parent(const std::string& path) const;
  void change(NameChange change);
  static bool touches(const NameChange& change, const std::string& dir);
  void keep_some_names();
  void keep_some_bytes(Node& node);
  static void cut(Node& node, size_t size);
  void drop_orphans();
  void forget(const std::string& dir);
  uint64_t draw(uint64_t n) { return n == 0 ? 0 : random_() % n; }
  Status open_for_writing(const std::string& path, bool truncate, std::unique_ptr<WritableFile>& out);

  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  std::function<Micros()> clock_;
  std::map<std::string, NodeRef> names_;    // by normal path, as programs see them
  std::map<std::string, NodeRef> durable_;  // as a power loss would leave them
  std::vector<NameChange> journal_;         // changes of names_ that durable_ lacks, in order
  int64_t calls_ = 0;
  int64_t bytes_read_ = 0;
  int64_t fail_at_ = 0;
  Status fail_with_;
  int64_t die_at_ = 0;
  bool dead_ = false;
  uint64_t last_inode_ = 0;
  int64_t generation_ = 0;  // of files: grows with each crash
  bool ignore_dir_syncs_ = false;
};

// "a//b/./c/" -> "a/b/c".
std::string normal_path(std::string_view path);

}  // namespace rideflow
