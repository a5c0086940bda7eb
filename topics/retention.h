// What retention may delete: judgements over facts, without a disk.
//
// A wall clock can be wrong by days for a moment, or for long, in both directions. So a segment is too old
// only when everything says so:
//  - the clock: it was written longer ago than the retention. What this process wrote is measured by the
//    monotonic clock; what an earlier one wrote, by the wall clock, once that has gone on without a jump for
//    kSettle of this process's time (or for the retention, if that is shorter);
//  - the records: the topic's newest record is younger than the segment's newest one by the retention, so a
//    topic into which nothing new comes keeps what it has;
//  - the readers: every job that has a checkpoint in the data directory has read it, as far as that
//    checkpoint says.
// By size, what is read goes when the topic is larger than its limit, and what is not read when it is larger
// than kUnreadFactor times that: the bound up to which a job that stands still may hold a topic's disk.
// The newest segment with records never goes.
//
// Thread-safety: RetentionClock and ReadPositions: any thread.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/env.h"
#include "topics/topic_store.h"

namespace rideflow {

inline constexpr int64_t kSettle = 3'600 * kMicrosPerSecond;
inline constexpr int64_t kUnreadFactor = 2;

struct ClockReading {
  Micros wall = 0;
  Micros monotonic = 0;
  int64_t steady_for = 0;  // how long the two have agreed
};

// Watches whether the wall clock jumps against the monotonic one.
class RetentionClock {
 public:
  static constexpr int64_t kJump = 60 * kMicrosPerSecond;  // more than clocks are slewed by
  ClockReading read(Env& env);

 private:
  std::mutex mutex_;
  bool started_ = false;
  Micros offset_ = 0;  // wall less monotonic, when it was looked at last
  Micros steady_since_ = 0;
};

// When a segment was written: by the wall clock, and by the monotonic one if this process did it.
struct WrittenAt {
  Micros wall = 0;
  std::optional<Micros> monotonic;
};
// How long ago that was, as far as it is certain.
int64_t age_of(const WrittenAt& written, const ClockReading& clock, int64_t retention_micros);
// The time of a segment's newest record; one from the future counts as of when it was written.
Micros record_time(Micros newest_record, const WrittenAt& written, const ClockReading& clock);

// A partition's oldest segment, where a newer one has records.
struct OldestSegment {
  Partition partition;
  int64_t base = 0;
  int64_t end_offset = 0;
  int64_t bytes = 0;
  Micros newest_record = kNoTime;
  WrittenAt written;
};

struct TopicFacts {
  std::vector<OldestSegment> oldest;  // of the partitions that have one
  int64_t bytes = 0;                  // of the whole topic
  Micros newest_record = kNoTime;     // record_time() of the whole topic
};

// What has been read durably, by whom.
class ReadPositions {
 public:
  void set(const std::string& reader, std::vector<ReadPosition> positions);
  struct Unread {
    int64_t from = 0;  // the least position
    std::string by;    // its reader
  };
  // Nothing when nobody reads the partition.
  std::optional<Unread> least(const TopicIdentity& topic, Partition partition) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<ReadPosition>> readers_;
};

struct Deletion {
  size_t segment = 0;  // in TopicFacts::oldest
  std::string_view reason;
  std::string unread_by;  // who will find a gap; empty: nobody
};
// Which segment goes next, if any. `unread` answers ReadPositions::least() of a partition.
std::optional<Deletion> next_deletion(
    const TopicFacts& facts, const TopicConfig& limits, const ClockReading& clock,
    const std::function<std::optional<ReadPositions::Unread>(Partition)>& unread);

}  // namespace rideflow
