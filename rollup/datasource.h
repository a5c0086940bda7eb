// Datasource: one rollup in its folder: chunks in memory, the commit log, the manifest and the segments.
//
// Two locks. `io_` orders everything that writes to the folder (prepare, commit, compaction) and is held over
// fsync; `mutex_` guards what is in memory and is never held over I/O. A shard's own mutex guards the rows
// that its task adds, so that adding waits for a snapshot only while that shard's new cells are merged.
// Order: io_, mutex_, shard.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "rollup/chunk.h"
#include "rollup/commit_log.h"
#include "rollup/manifest.h"
#include "rollup/rollup_store.h"

namespace rideflow::rollup {

// The open epoch of one shard of a sink.
struct ShardState {
  ShardState(std::shared_ptr<const RollupSpec> spec, RollupWriterId i)
      : id(std::move(i)), epoch(spec), fresh(std::move(spec)) {}
  const RollupWriterId id;
  std::mutex mutex;
  CellSet epoch;    // cells of the open epoch that are already in the chunks
  CellTable fresh;  // cells not yet there; codes are those of `epoch`
  Micros watermark = kNoTime;
  bool fenced = false;  // a newer writer took the shard over
};

class Datasource : public std::enable_shared_from_this<Datasource> {
 public:
  static Result<std::shared_ptr<Datasource>> open(Env* env, const std::string& dir,
                                                  const RollupStoreOptions& options);
  static Result<std::shared_ptr<Datasource>> create(Env* env, const std::string& dir, const RollupSpec& spec,
                                                    const RollupStoreOptions& options);

  std::shared_ptr<const RollupSpec> spec() const;
  std::shared_ptr<const RollupSnapshot> snapshot();
  // Takes the columns and retention of `spec` over; REQUIRES: no writer is open.
  Status change_spec(const RollupSpec& spec);

  std::shared_ptr<ShardState> attach(const RollupWriterId& id);
  void detach(const std::shared_ptr<ShardState>& shard);
  bool has_writers() const;
  // See RollupStore::memory_bytes().
  int64_t memory_bytes() const;
  // What earlier attempts of this sink left open is closed, as attach() does shard by shard.
  void close_earlier(const RollupWriterId& id);
  // Rows before this are expired.
  Micros horizon() const;

  Result<RollupPrepared> prepare(const std::shared_ptr<ShardState>& shard, Epoch epoch);
  Status commit(const std::string& handle);
  Status recover(const ShardState& shard, Epoch restored,
                 const std::vector<std::pair<Epoch, std::string>>& pending);

 private:
  struct Pending {
    std::shared_ptr<CellSet> cells;
    bool visible = false;  // its cells are in the chunks
    bool durable = false;
    LogRecord record;  // without cells
  };

  Datasource(Env* env, std::string dir, std::shared_ptr<const RollupSpec> spec,
             const RollupStoreOptions& options);
  Status load();
  Status replay(LogRecord record);
  Status load_segments();
  Status load_chunk(Micros start, const ManifestChunk& chunk, int64_t& room);
  Status settle_log();
  Status rewrite_log();
  Status check_markers(const ShardState& shard, Epoch restored,
                       const std::vector<std::pair<Epoch, std::string>>& pending) const;
  void apply_commit(const LogRecord& record);
  void note_commit(const LogRecord& record);
  Status persist(const Marker& marker);
  Status commit_record(const LogRecord& handle);
  Status drop_prepared(const ShardState& shard, Epoch restored);
  void publish();
  void publish_shard(ShardState& shard);
  Status maintain();
  bool needs_compaction();
  Status compact();
  struct Compaction;  // of one compact()
  Status move_log(Compaction& work);
  Status read_log(Compaction& work) const;
  Status write_cells(Compaction& work, ManifestChunk& chunk, CellSet& set) const;
  Status write_deltas(Compaction& work) const;
  Status write_segments(Compaction& work) const;
  Status merge_files(Compaction& work, ManifestChunk& chunk, CellSet& set) const;
  Status drop_expired_files(Compaction& work) const;
  Status open_files(Compaction& work);
  Status publish(Compaction& work);
  Status write_manifest(const Manifest& manifest);
  Result<std::unique_ptr<CommitLog>> empty_log(const Manifest& manifest) const;
  void remove_left_behind(const Manifest& old, const std::string& old_log);
  void install(Compaction& work);
  Micros horizon_locked() const;
  void drop_expired();
  std::string path(const std::string& name) const { return join_path(dir_, name); }

  Env* const env_;
  const std::string dir_;
  const RollupStoreOptions options_;

  std::mutex io_;
  Manifest manifest_;
  std::optional<Acknowledged> acknowledged_;  // of log_
  std::unique_ptr<CommitLog> log_;

  mutable std::mutex mutex_;
  std::shared_ptr<const RollupSpec> spec_;
  Chunks chunks_;
  std::map<Marker, Pending> pending_;
  std::vector<std::shared_ptr<ShardState>> shards_;
  Micros complete_to_ = kNoTime;
  bool ended_ = false;     // all input: complete up to the end of the last chunk
  size_t spilled_at_ = 0;  // bytes of the chunks when they last went to files
  bool rebuild_ = false;   // the chunks hold rows that nobody will commit
  std::shared_ptr<const RollupSnapshot> snapshot_;
  Micros snapshot_at_ = kNoTime;
};

}  // namespace rideflow::rollup
