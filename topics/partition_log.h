// One partition on disk: segments of frames, found again through a sparse index.
//
// Writing is in steps, under the topic's write mutex: append() puts frames behind each other, sync() makes
// them durable, publish() shows what is durable to readers; roll_back() after any error. Readers see
// published frames only and take a short lock of their own.
//
// open() repairs: the index of a full segment comes from its .idx file or from reading it; in the last
// segment frames that are not whole are cut off, if they can be a torn tail. They cannot when a later frame
// says that they were durable when it was written, or when records were acknowledged that are not there
// (engine/acknowledged.h): then bytes have changed or are gone, and open() fails with data_loss. A segment
// that is missing before the last one is a gap: who reads there is told.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/acknowledged.h"
#include "engine/env.h"
#include "topics/append_file.h"
#include "topics/frame.h"
#include "topics/retention.h"
#include "topics/topic_store.h"

namespace rideflow {

// The frames from `position` up to the next entry's.
struct IndexEntry {
  int64_t offset = 0;
  int64_t position = 0;
  Micros max_time = kNoTime;
};

// The published part of a segment. Guarded by its log's mutex but for base and path.
struct Segment {
  int64_t base = 0;
  std::string path;
  int64_t end_offset = 0;
  int64_t bytes = 0;
  Micros max_time = kNoTime;
  WrittenAt written;  // its newest record; never before that of the segment before
  Micros begun = 0;   // by the monotonic clock of this process
  std::vector<IndexEntry> index;
};

class PartitionLog {
 public:
  static constexpr int64_t kIndexEveryBytes = 64 << 10;
  // `acknowledged` must outlive the log: publish() sets there what others may rely on, under the directory's
  // name; its owner flushes it.
  static Result<std::unique_ptr<PartitionLog>> open(Env& env, const std::string& dir, int64_t segment_bytes,
                                                    Acknowledged* acknowledged);

  // ---- Writing
  int64_t next_offset() const { return next_offset_; }  // of the next record to be appended
  // Appends whole frames whose offsets count from 0, skipping the first `skip` records (whole frames).
  Status append(std::string_view frames, int64_t skip = 0);
  Status sync();
  void publish();
  // ok: everything that is not published is gone from the file.
  Status roll_back();
  // Begins a new segment, when the last one has records.
  Status roll();
  // Deletes the oldest segment. REQUIRES: oldest() answered it.
  Status drop_oldest();
  // The oldest segment, when a newer one has records.
  std::optional<OldestSegment> oldest(Partition partition) const;
  // The segment that is written: when it was last written, and since when it has been.
  std::pair<WrittenAt, Micros> newest() const;
  // record_time() of all that is published.
  Micros newest_record(const ClockReading& clock) const;

  // ---- Reading
  int64_t first_offset() const;
  int64_t end_offset() const;
  int64_t bytes() const;
  Result<int64_t> offset_for_time(FileSystem& fs, Micros time) const;

  struct Place {
    std::shared_ptr<const Segment> segment;
    int64_t position = 0;  // of a frame at or before the offset
    int64_t bytes = 0;     // published in this segment
    int64_t end_offset = 0;
    bool last = false;  // no segment follows
  };
  // Where to read for `offset`. REQUIRES: first_offset() <= offset < end_offset() a moment ago; out_of_range
  // when that is no longer so.
  Result<Place> find(int64_t offset) const;
  // Woken by every publish(), which is after what is readable then. As often removed as added.
  void add_waker(WakerRef waker);
  void remove_waker(const WakerRef& waker);
  // What of a segment is readable now.
  Place look(const std::shared_ptr<const Segment>& segment) const;

 private:
  struct Written {
    FrameHeader header;
    int64_t position = 0;
  };
  PartitionLog(Env& env, std::string dir, int64_t segment_bytes, Acknowledged* acknowledged)
      : env_(env),
        dir_(std::move(dir)),
        segment_bytes_(segment_bytes),
        acknowledged_(acknowledged),
        end_note_(dir_.substr(dir_.rfind('/') + 1)),
        first_note_(end_note_ + ".first") {}
  Status load();
  Result<std::shared_ptr<Segment>> load_segment(int64_t base, Micros modified);
  Status repair_last(Segment& segment);
  void add_gap(int64_t from, int64_t to, Micros written_at);
  Status check_acknowledged() const;
  Status roll_segment();
  std::string segment_path(int64_t base) const;
  std::string index_path(int64_t base) const;
  Status write_index(const Segment& segment);
  bool read_index(Segment& segment, int64_t file_bytes);

  Env& env_;
  std::string dir_;
  int64_t segment_bytes_;
  Acknowledged* acknowledged_;
  std::string end_note_;    // names of what is noted: the offset behind the last record
  std::string first_note_;  // and the first that retention left
  AppendFile file_;         // of the last segment
  int64_t next_offset_ = 0;
  std::vector<Written> unpublished_;

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Segment>> segments_;
  std::vector<WakerRef> wakers_;  // of readers
};

}  // namespace rideflow
