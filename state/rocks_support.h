// RocksDB as all of state/ uses it: options for a laptop, one budget of memory for the process, errors as
// Status.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "engine/status.h"

namespace rideflow {

struct RocksBudget {
  size_t block_cache_bytes = size_t{32} << 20;
  size_t memtable_bytes = size_t{16} << 20;  // of all tasks together, part of the block cache
};

// What all stores of a process share. Thread-safe.
class RocksShared {
 public:
  explicit RocksShared(const RocksBudget& budget = {});
  // No WAL is ever written: recovery is from the checkpoint. Small memtables (they see range deletes only),
  // two background jobs, LZ4.
  const rocksdb::Options& options() const { return options_; }

  // Stores of this process that are open: what else lies in a state directory was left by a process that
  // died.
  void add_open(const std::string& dir);
  void remove_open(const std::string& dir);
  bool is_open(const std::string& dir) const;

 private:
  rocksdb::Options options_;
  mutable std::mutex mutex_;
  std::set<std::string> open_;
};

// `what`: "open", "read"; `path`: of the store. data_loss for corruption, resource_exhausted for a full disk.
Status rocks_status(const rocksdb::Status& status, std::string_view what, const std::string& path);

}  // namespace rideflow
