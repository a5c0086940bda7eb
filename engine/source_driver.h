// SourceDriver: everything that is the same for all sources. It polls a connector's partitions in turn,
// decodes, stamps event times, judges which rows are behind, keeps watermarks, idleness, skew and bounds,
// finds new partitions, and knows the positions for the checkpoint.
//
// One per source task; it serves the partitions p with p % parallelism == shard. One thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/event_time.h"
#include "engine/format.h"
#include "engine/operator.h"
#include "engine/plan.h"
#include "engine/record_reader.h"
#include "engine/source_care.h"
#include "engine/source_peers.h"
#include "engine/under_way.h"

namespace rideflow {

struct SourceBatch {
  Batch rows;           // empty when rows.rows is 0
  Batch rejected;       // rejected_schema(); likewise
  bool polled = false;  // records came, even if no row came of them
};

class SourceDriver {
 public:
  // `decoder` null: made from the node's format.
  SourceDriver(const SourceNode& node, std::string step, SchemaRef output, SourceMetrics* metrics);

  // Opens reader and decoder. `shards`: what snapshot() of all shards gave at the restored checkpoint; empty
  // at a first start, when start and `until` are resolved here. No row is polled.
  Status open(const OpenContext& context, const std::vector<std::string>& shards);

  // The other source tasks of the job, among which this is number `place`. Before open().
  void set_peers(std::shared_ptr<SourcePeers> peers, size_t place);
  // Where this task notes what it gives to the job, which outlives it; null: nowhere. Before open().
  void set_note(SourceNote* note) { note_ = note; }
  // What it does about records at which the job failed before. Before the first step.
  void set_care(SourceCare care) { care_ = std::move(care); }
  void forget_suspects() { care_.forget_suspects(); }
  const std::string& name() const { return step_; }
  // Tells them whether they wait for this task's proofs. `counts` only after everything that this task feeds
  // has been told that it is idle no more: they may move on from then.
  void tell_peers(bool counts);

  enum class State : uint8_t { worked, idle, ended };
  // One poll: at most one batch.
  Result<State> step(int32_t budget, SourceBatch& out);

  // After a step that was idle: the monotonic time of the next one, if the task is not woken before.
  Micros again_at() const { return again_at_; }

  Micros watermark() const { return clock_.watermark(); }
  // Nothing here holds the watermark: all partitions are idle, or none belongs to this task.
  bool all_idle() const { return partitions_.empty() || clock_.all_idle(); }
  std::string snapshot() const;
  // The snapshot of this epoch is being taken.
  void on_barrier(Epoch epoch);
  // Of the positions in the snapshot just taken.
  Confirmation confirm() { return reader_->confirm(); }
  void on_checkpoint_complete(Epoch epoch);

  // Job tests drive the clock by hand.
  SourceClock& clock() { return clock_; }
  RecordReader& reader() { return *reader_; }

  struct PartitionView {
    Partition partition;
    int64_t position = 0;
    int64_t end = -1;
    Micros watermark = kNoTime;
    bool idle = false;
    std::optional<Partition> waits_for;  // it is max_skew ahead of that one and not read now
    Micros paused_for = 0;               // how long that has been so
  };
  // As of the last publish (about twice a second). Any thread.
  std::vector<PartitionView> partition_views() const;
  // The source whose proof of its end the watermark waits for; "" for none. As of the last publish.
  std::string unproven_peer() const;
  // Of sources of files; null elsewhere. As of the last publish.
  std::shared_ptr<const SourceFiles> files() const;

 private:
  struct PartitionState {
    Position until;
    bool bounded = false;
    bool ended = false;
    std::optional<Partition> waits_for;
    Micros paused_at = 0;  // monotonic; of the pause under way
    Micros warn_at = 0;
  };

  bool owns(Partition p) const { return p.value % context_.parallelism == context_.shard.value; }
  Status add_partition(Partition p, bool late_comer);
  Result<State> poll_partitions(int32_t budget, SourceBatch& out);
  Result<State> put_off(Status why, Micros now);
  bool move_limit();
  // True when the partition is not to be polled now.
  bool pause_if_ahead(Partition p, PartitionState& state, Micros now);
  void warn_of_long_waits(Micros now);
  Status discover();
  Status restore(const std::vector<std::string>& shards);
  Status emit(Partition p, std::shared_ptr<const Origin> chunk, SourceBatch& out);
  Status reject(const SourceCare::Taken& taken, const Origin& whole, std::vector<RejectedRecord> rejected,
                SourceBatch& out);
  void tell_aside(const Origin& whole, const std::vector<RejectedRecord>& aside) const;
  // Cuts the chunk at the partition's bound; true when the bound was reached.
  bool cut_at_bound(Partition p, std::shared_ptr<const Origin>& chunk) const;
  Status stamp(Batch& batch, std::vector<RejectedRecord>& rejected) const;
  void add_metadata(Batch& batch) const;
  void end_partition(Partition p);
  void publish();

  const SourceNode& node_;
  std::string step_;
  SchemaRef output_;
  SourceMetrics* metrics_;
  OpenContext context_;
  std::unique_ptr<RecordReader> reader_;
  std::unique_ptr<Decoder> decoder_;
  SourceNote* note_ = nullptr;
  SourceCare care_;
  int event_time_column_ = -1;  // in the decoder's schema
  SourceClock clock_;
  std::map<int32_t, PartitionState> partitions_;
  struct Wish {
    Micros watermark;
    int64_t round;
    Micros since;  // monotonic
    Micros warn_at;
  };
  std::shared_ptr<SourcePeers> peers_;  // null: alone
  size_t place_ = 0;
  int64_t proven_round_ = 0;  // of the last step that proved the end of all partitions
  std::optional<Wish> wish_;  // where the watermark goes once the idle peers have proved their end
  Micros limit_ = kNoTime;    // how far they have let it go
  int32_t last_polled_ = -1;
  Micros next_discovery_ = 0;
  Micros next_publish_ = 0;
  Micros retry_at_ = 0;
  int64_t backoff_ = 0;
  Micros again_at_ = 0;
  mutable std::mutex views_mutex_;
  std::vector<PartitionView> views_;
  std::string unproven_peer_;
  std::shared_ptr<const SourceFiles> files_;
};

}  // namespace rideflow
