// What a job's sources have given to it and no checkpoint holds yet, in memory that can outlive the process.
//
// Source tasks note here what they hand out, the job notes whose records it has in hand when it reads with
// care (runtime/careful_reading.h), a crash notes that it was this job's (runtime/posix_crash.h). After a
// failure all of it tells which records may be to blame. The memory is the process's own or a file that is
// mapped: what was stored is still there after a SIGSEGV, so a store or two for each chunk are enough.
//
// SourceNote: written by its task, read by anybody. JobNote: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"

namespace rideflow {

// Records of one partition, one after the other, that a source gave to the job at once.
struct GivenRecords {
  std::string source;  // its step
  int32_t shard = 0;
  Partition partition;
  std::string topic;  // or file: where the positions are of
  int64_t first = 0;
  int64_t last = 0;
  bool single() const { return first == last; }
  bool holds(const GivenRecords& other) const {
    return source == other.source && partition == other.partition && topic == other.topic &&
           first <= other.first && last >= other.last;
  }
  friend bool operator==(const GivenRecords&, const GivenRecords&) = default;
};
// "record 7 of partition 0 of 'rides'", "records 7 to 9 of …".
std::string to_string(const GivenRecords& given);

// How many records one source task gave.
struct GivenCount {
  std::string source;
  int32_t shard = 0;
  int64_t records = 0;
  friend bool operator==(const GivenCount&, const GivenCount&) = default;
};

// What is known of an attempt that failed.
struct Evidence {
  std::vector<GivenCount> given;        // since the newest complete checkpoint was begun; none of 0
  bool careful = false;                 // it was read with care, so that
  std::optional<GivenRecords> in_hand;  // just these may be to blame; none: nothing that was read is
};

class SourceNote {
 public:
  void begin(std::string_view step, int32_t shard);
  // A chunk that is about to be decoded and handed to the job. Not empty.
  void give(const Origin& chunk);
  // How many records were given so far, at the barrier of an epoch; and that its checkpoint is complete.
  void on_barrier(Epoch epoch) { barriers_.push_back({epoch, given_}); }
  void on_complete(Epoch epoch);
  // Whether the count is of the same source task. Any thread, after begin().
  bool is_of(const GivenCount& count) const;

  // Of the memory's layout; zeros are a note of nothing.
  struct Stored {
    std::atomic<int64_t> records;  // since the newest complete checkpoint was begun
    std::atomic<int64_t> first;
    std::atomic<int64_t> last;
    std::atomic<int32_t> partition;
    int32_t shard;
    char step[128];
    char topic[256];  // the end of a longer one
  };
  void store_in(Stored* stored) { stored_ = stored; }

 private:
  struct Barrier {
    Epoch epoch;
    int64_t given;
  };
  Stored* stored_ = nullptr;
  std::shared_ptr<const std::string> topic_;  // as stored
  int64_t given_ = 0;
  int64_t complete_ = 0;  // of them
  std::vector<Barrier> barriers_;
};

class JobNote {
 public:
  static size_t bytes_for(size_t sources);
  // `memory`: so many bytes, aligned for any type; it is cleared. Kept for as long as this lives.
  JobNote(std::shared_ptr<void> memory, size_t sources);
  static std::shared_ptr<JobNote> in_memory(size_t sources);

  size_t sources() const { return notes_.size(); }
  SourceNote& source(size_t i) { return notes_[i]; }
  // The attempt reads with care; of source task `i` records are in hand until it is none's turn any more.
  void set_careful(bool careful);
  void set_turn(std::optional<size_t> i);
  // Records of source task `i` that no checkpoint holds.
  int64_t uncovered(size_t i) const;
  // In a signal handler, too.
  void set_crashed();
  Evidence evidence() const;

  // From what a process left behind: nothing unless it crashed in this job, and where these are not such
  // bytes.
  static std::optional<Evidence> of_crash(std::string_view bytes);

 private:
  struct Header {
    uint64_t magic;
    uint64_t sources;
    std::atomic<int32_t> crashed;
    std::atomic<int32_t> careful;
    std::atomic<int64_t> turn;  // 0: nobody's
  };
  static Evidence evidence_of(const Header& header, const SourceNote::Stored* sources);

  std::shared_ptr<void> memory_;
  Header* header_;
  SourceNote::Stored* stored_;
  std::vector<SourceNote> notes_;
};

}  // namespace rideflow
