// RollupStore: the rollup datasources of one data directory, shared by the sinks that write them and the
// queries that read them (a resource of the job's open-context, named "rollups").
//
// Each datasource is a folder: SPEC, MANIFEST, one commit log and the segments of its chunks. Rows added by a
// RollupWriter are visible to the next snapshot at once, as rows of the open epoch. prepare() closes an
// epoch, the work it returns makes the rows durable and still uncommitted, commit() makes them permanent
// together with the marker {lineage, sink, shard, epoch} in one log record; after a crash, whatever has no
// such record is gone until it is replayed. "Complete to" is the least watermark that all shards of the sink
// had at their last committed barrier; it never goes back. Chunks whose end it passed by an hour are sealed
// into segments; of open ones the oldest are read from files where there are more cells than memory_bytes.
// Cells behind the retention are dropped, in open chunks too. A start reads a long log into files, not into
// memory.
//
// Thread-safety: RollupStore may be used by any thread. A RollupWriter belongs to its task, except that the
// prepared work and commit() may run elsewhere. Nothing here waits for a query; add() may wait for a snapshot
// being cut.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/env.h"
#include "engine/ids.h"
#include "engine/status.h"
#include "rollup/cell_table.h"
#include "rollup/part.h"
#include "rollup/rollup_spec.h"

namespace rideflow {

// One batch for a datasource: columns of the spec's dimensions (string; list(string) where multi-value;
// int64; float64) and the inputs of its metrics.
struct RollupRows {
  int32_t rows = 0;
  const Micros* event_time = nullptr;
  std::vector<const Column*> dimensions;
  std::vector<rollup::MetricInput> metrics;
};

// All that a query needs, unchanging.
struct RollupSnapshot {
  std::shared_ptr<const RollupSpec> spec;
  std::vector<std::shared_ptr<const rollup::Part>> parts;  // by time; no part is empty
  Micros complete_to = kNoTime;
  int64_t rows() const;
  int64_t memory_bytes() const;  // of its cells that are in no segment; see RollupStore::memory_bytes()
  int64_t segment_bytes() const;
  // Of cells; kNoTime when there are none.
  Micros min_time() const;
  Micros max_time() const;
};

struct RollupWriterId {
  std::string lineage;
  std::string sink;
  int32_t shard = 0;
  int32_t parallelism = 1;
};

struct RollupPrepared {
  std::string handle;
  std::function<Status()> persist;  // run it elsewhere; the epoch is durable when it returned ok
};

class RollupWriter {
 public:
  virtual ~RollupWriter() = default;
  // Row numbers whose time is behind the retention are appended to `expired` and not added. aborted when a
  // newer writer took this shard over.
  virtual Status add(const RollupRows& rows, std::vector<int32_t>& expired) = 0;
  virtual void set_watermark(Micros watermark) = 0;
  virtual Result<RollupPrepared> prepare(Epoch epoch) = 0;
  virtual Status commit(const std::string& handle) = 0;
  // See Sink::recover (engine/operator.h).
  virtual Status recover(Epoch restored, const std::vector<std::pair<Epoch, std::string>>& pending) = 0;
};

struct RollupStoreOptions {
  int64_t publish_interval_us = 20'000;             // a snapshot is at most this old
  int64_t compact_log_bytes = int64_t{64} << 20;    // a longer log is moved into segments
  int64_t seal_after_us = 3600 * kMicrosPerSecond;  // behind the committed watermark
  // Of a datasource's cells. Above it the oldest chunks are read from files instead, down to half of it. What
  // is not committed yet stays in memory.
  int64_t memory_bytes = int64_t{64} << 20;
  // Cells of a file that is merged with others: what merging needs in memory. Larger ones stay as they are.
  int64_t merge_cells = int64_t{1} << 20;
};

class RollupStore {
 public:
  virtual ~RollupStore() = default;
  // Opens every datasource under `dir` (created when missing).
  static Result<std::shared_ptr<RollupStore>> open(Env* env, const std::string& dir,
                                                   RollupStoreOptions options = {});
  // Creates the datasource when it is new. A datasource that has other columns is taken over: columns keep
  // their values by name, new ones are null in old rows. Fails with failed_precondition when the granularity
  // or a column's type differs.
  virtual Result<std::unique_ptr<RollupWriter>> writer(const RollupSpec& spec, const RollupWriterId& id) = 0;
  virtual std::vector<std::string> datasources() const = 0;  // sorted
  // Null when there is no such datasource.
  virtual std::shared_ptr<const RollupSnapshot> snapshot(const std::string& datasource) = 0;
  // All that a datasource has allocated: cells with their dictionaries and hash tables, epochs that are open
  // or not yet committed, and what its files keep beside their mapped bytes. 0 when there is no such
  // datasource. Looks at every cell: not for every query.
  virtual int64_t memory_bytes(const std::string& datasource) const = 0;
  virtual Status drop(const std::string& datasource) = 0;
};

}  // namespace rideflow
