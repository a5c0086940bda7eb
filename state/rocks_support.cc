#include "state/rocks_support.h"

#include <rocksdb/cache.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

namespace rideflow {
namespace {

// RocksDB's own log says nothing that our Status does not.
class SilentLogger : public rocksdb::Logger {
 public:
  SilentLogger() : Logger(rocksdb::InfoLogLevel::HEADER_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace

RocksShared::RocksShared(const RocksBudget& budget) {
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(budget.block_cache_bytes);
  options_.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(budget.memtable_bytes, cache);
  options_.write_buffer_size = size_t{4} << 20;
  options_.max_write_buffer_number = 2;
  options_.max_background_jobs = 2;
  options_.max_open_files = 256;
  options_.max_file_opening_threads = 1;
  options_.compression = rocksdb::kLZ4Compression;
  options_.level_compaction_dynamic_level_bytes = true;
  options_.target_file_size_base = uint64_t{32} << 20;
  options_.create_if_missing = true;
  options_.paranoid_checks = true;
  options_.stats_dump_period_sec = 0;
  options_.stats_persist_period_sec = 0;
  options_.skip_stats_update_on_db_open = true;
  options_.avoid_flush_during_shutdown = true;
  options_.keep_log_file_num = 1;
  options_.info_log = std::make_shared<SilentLogger>();
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 << 10;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  options_.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
}

void RocksShared::add_open(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  open_.insert(dir);
}

void RocksShared::remove_open(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  open_.erase(dir);
}

bool RocksShared::is_open(const std::string& dir) const {
  const std::lock_guard lock(mutex_);
  return open_.contains(dir);
}

Status rocks_status(const rocksdb::Status& status, std::string_view what, const std::string& path) {
  if (status.ok()) return {};
  Code code = Code::unavailable;
  Retry retry = Retry::no;
  if (status.IsCorruption()) {
    code = Code::data_loss;
  } else if (status.IsNoSpace()) {
    code = Code::resource_exhausted;
    retry = Retry::backoff;
  } else if (status.IsNotFound() || status.IsPathNotFound()) {
    code = Code::not_found;
  } else if (status.IsInvalidArgument() || status.IsNotSupported()) {
    return Status::internal("RocksDB could not " + std::string(what) + " '" + path +
                            "': " + status.ToString() + ".");
  }
  const char* way_out =
      status.IsNoSpace() ? " Make room there, then go on: what was acknowledged is kept." : "";
  return Status::external(
      code,
      "RocksDB could not " + std::string(what) + " '" + path + "': " + status.ToString() + "." + way_out,
      retry);
}

}  // namespace rideflow
