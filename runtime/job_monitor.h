// JobMonitor: what a job is doing, as plain values: counters summed over its tasks, rates and shares over the
// last second, watermarks and who holds them, sources, checkpoints. The console, /metrics and `run`'s
// progress line all read this.
//
// sample() is called about twice a second and keeps the last second's counters; view() compares with them. A
// job that was restarted begins anew. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/job_directory.h"

namespace rideflow {

struct NodeView {
  NodeId id;
  std::string step, role;
  int32_t parallelism = 1;
  int64_t rows_in = 0, rows_out = 0, filtered = 0, absorbed = 0, late = 0, rejected = 0, held = 0;
  double rows_per_second = 0;              // rows in; of sources rows out
  double busy = 0, blocked = 0, idle = 1;  // shares of the last second of the tasks that it runs in
  Micros watermark = kNoTime;              // least over its tasks
  int64_t state_keys = 0, state_bytes = 0;
};

struct EdgeView {
  NodeId from, to;
  std::string port;       // of `from`: "", "late", "rejected", …
  bool exchange = false;  // rows move between tasks
};

struct PartitionView {
  int32_t partition = 0;
  int64_t position = 0, end = -1;  // end -1: not known
  Micros watermark = kNoTime;
  bool idle = false;
  int32_t waits_for = -1;  // the partition that this one is max_skew ahead of; -1: it is read
  Micros paused_for = 0;   // since when, as a duration
};

struct SourceView {
  std::string source;
  int64_t polled = 0, decoded = 0, rejected = 0, bytes = 0;
  int64_t late_idle = 0, late_new_partition = 0;
  int64_t lag = 0;  // over partitions whose end is known
  std::vector<PartitionView> partitions;
  std::vector<std::string> unproven_peers;  // idle sources whose proof of their end the watermark waits for
  std::optional<SourceFiles> files;         // of a source of files
};

struct WatermarkHolder {
  std::string source;
  int32_t partition = 0;
  Micros watermark = kNoTime;
};

struct JobView {
  std::string job, description, state, lineage, error;
  Micros started_at = kNoTime;
  int32_t parallelism = 1;
  Micros watermark = kNoTime;  // least over the sources
  std::optional<WatermarkHolder> holder;
  std::vector<JobExecution::Waiting> waiting;  // for what is not in this process
  std::vector<NodeView> nodes;
  std::vector<EdgeView> edges;
  std::vector<SourceView> sources;
  std::vector<CheckpointRecord> checkpoints;  // newest first; one under way has completed_at 0
  std::string wanted;                         // of a job that was submitted
  int64_t version = 0, started_version = 0;
  std::vector<AttemptRecord> attempts;  // newest first; the one that goes on has ended_at 0
};

class JobMonitor {
 public:
  // `monotonic` as Env::monotonic().
  void sample(const JobDirectory& jobs, Micros monotonic);
  void sample(const JobEntry& entry, Micros monotonic);
  JobView view(const JobEntry& entry, Micros monotonic) const;

 private:
  struct Sample {
    Micros at = 0;
    std::vector<int64_t> node_rows;                  // by node id
    std::vector<std::pair<int64_t, int64_t>> tasks;  // busy, blocked nanoseconds by task id
  };
  struct History {
    std::weak_ptr<JobExecution> execution;
    std::deque<Sample> samples;  // oldest first
  };
  static Sample take(const JobExecution& execution, Micros monotonic);
  std::optional<Sample> before(const JobEntry& entry, Micros monotonic) const;

  mutable std::mutex mutex_;
  std::map<std::string, History> history_;
};

}  // namespace rideflow
