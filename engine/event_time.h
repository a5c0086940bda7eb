// Event time of one source in one task: a watermark per partition, idleness by proof, skew, lateness floors.
//
// A pure value: rows and polls go in, watermarks come out; wall time is an argument. The rules are those of
// docs/semantics.md: a partition's watermark is its largest event time - out_of_order; the source's is the
// least over the partitions that count, and never goes back; a partition that wakes up or appears takes the
// source's as floor. While a partition is idle the watermark goes no further than its last proof allows: up
// to what the others had when it proved its end. So a burst after a common pause finds nobody ahead of it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/plan.h"

namespace rideflow {

class SourceClock {
 public:
  struct PartitionState {
    Micros max_event_time = kNoTime;
    Micros floor = kNoTime;  // the source's watermark when this partition woke up or appeared
    BehindReason floor_reason = BehindReason::late;
    Micros proven_since = kNoTime;  // monotonic time of the first proof of the unbroken row of proofs
    Micros allows = kNoTime;        // while idle: how far the watermark may go by its last proof
    bool idle = false;
    bool ended = false;
    bool had_rows = false;
  };

  explicit SourceClock(const EventTimeSpec& spec) : spec_(spec) {}

  // `late_comer`: found while running, so it takes the source's watermark as its floor.
  void add_partition(Partition p, bool late_comer);
  bool has_partition(Partition p) const { return partitions_.count(p.value) > 0; }

  // Event times of n rows of the partition, in its order. Appends to `behind` the rows that are older than
  // the partition's watermark was before them (row numbers from first_row).
  void on_rows(Partition p, const Micros* times, int32_t n, std::vector<BehindRow>& behind);
  // Something is or may be there: the row of proofs is broken.
  void on_activity(Partition p);
  // A poll proved that the partition is at its end. `monotonic` is wall time that never jumps.
  void on_proven_end(Partition p, Micros monotonic);
  void on_end(Partition p);
  // Moves a partition's watermark to at least `time` (job tests: `advance`).
  void advance(Partition p, Micros time);

  // What the partitions that count would have the watermark be; where none counts, what it is.
  Micros wanted() const;
  // The watermark goes no further than this, whatever the partitions say (other tasks' proofs are awaited).
  void set_limit(Micros limit);

  // Recomputed by the calls above. kEndOfTime when every partition ended. Never goes back.
  Micros watermark() const { return watermark_; }
  // All partitions that have not ended are idle (and at least one is).
  bool all_idle() const;
  bool all_ended() const;
  // With idle_advance: moves the watermark on with the wall clock while all partitions are idle.
  void tick(Micros monotonic);
  // The next moment at which time alone changes something here: a partition becomes idle at its next proof,
  // another waits for it no longer, idle_advance moves the watermark. kEndOfTime: none.
  Micros next_change(Micros monotonic) const;
  // The partition that p, more than max_skew ahead of it, waits for: don't poll p now. None: poll it.
  //
  // Who is waited for is the slowest that counts, has had rows, and has not proved for kLongestWait that it
  // has no more. Both watermarks have their floors in them. So the slowest never waits, not even for itself:
  // while any partition waits, one is polled that has unread rows, or will be waited for no longer, or can
  // prove neither (its broker does not answer); and that one is named.
  std::optional<Partition> waits_for(Partition p, Micros monotonic) const;
  static constexpr Micros kLongestWait = 30 * kMicrosPerSecond;
  Micros partition_watermark(Partition p) const;
  bool is_idle(Partition p) const;
  // The partition that holds the watermark back; none when nothing does.
  std::optional<Partition> holder() const;

  // For the checkpoint.
  std::string encode() const;
  // Takes over, from what shards of the same source encoded, the partitions that `owns` accepts. The
  // watermark becomes the least of theirs. Idleness is not taken over: what another process proved says
  // nothing about the time since, so a partition that was idle wakes, with the watermark as its floor.
  // REQUIRES: nothing was added yet.
  Status restore(const std::vector<std::string>& shards, const std::function<bool(Partition)>& owns);

 private:
  Micros own_watermark(const PartitionState& s) const;
  Micros least_counted() const;  // kEndOfTime when none counts
  void wake(PartitionState& s);
  void recompute();

  EventTimeSpec spec_;
  std::map<int32_t, PartitionState> partitions_;
  Micros watermark_ = kNoTime;
  Micros limit_ = kEndOfTime;
  Micros all_idle_since_ = kNoTime;
  Micros idle_base_ = kNoTime;  // the watermark when all became idle
};

}  // namespace rideflow
