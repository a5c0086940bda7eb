// commits.log of a topic: one record per committed epoch, and the markers that follow from them.
//
// The record is the commit: it is durable, or the epoch is not committed. It says where the epoch's frames
// go, so that a crash while they are copied is repaired from it; until mark_applied() it is listed as
// unapplied. The log is rewritten, markers and unapplied records only, when it has grown. One thread at a
// time.
//
// Which epochs were committed is noted beside the log (engine/acknowledged.h): a log that lacks one has lost
// data and is refused.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "engine/acknowledged.h"
#include "topics/append_file.h"
#include "topics/topic_store.h"

namespace rideflow {

struct CommitSpan {
  Partition partition;
  int64_t base_offset = 0;  // of the epoch's first record there
  int64_t records = 0;
};

struct CommitRecord {
  EpochMarker marker;
  std::string staged_file;  // name within staged/
  std::vector<CommitSpan> spans;
  Epoch confirmed = Epoch(0);  // in a handle: the last committed epoch of the shard when this one was staged
};

std::string encode_commit(const CommitRecord& record);
// data_loss when these bytes are no record.
Result<CommitRecord> decode_commit(std::string_view body);

class CommitLog {
 public:
  // Reads and repairs the log: a torn last record is cut off. data_loss when it is damaged or lacks what was
  // acknowledged. `acknowledged` must outlive the log; it is noted there what add() made durable.
  static Result<CommitLog> open(FileSystem& fs, const std::string& path, Acknowledged* acknowledged);

  // Durable when ok. After an error roll_back() must succeed before the next add(): then the record is not
  // there.
  Status add(const CommitRecord& record);
  Status roll_back();

  using MarkerKey = std::tuple<std::string, std::string, Shard>;
  const std::map<MarkerKey, Epoch>& markers() const { return markers_; }
  const Epoch* find(const std::string& lineage, const std::string& sink, Shard shard) const;
  // Records whose frames may not all be in their partitions yet, oldest first.
  const std::vector<CommitRecord>& unapplied() const { return unapplied_; }
  void mark_applied(size_t count);
  // Rewrites the log when it has grown beyond `limit` bytes.
  Status compact(int64_t limit);

 private:
  void remember(const CommitRecord& record);
  Status check_acknowledged(const std::string& path) const;
  FileSystem* fs_ = nullptr;
  Acknowledged* acknowledged_ = nullptr;
  AppendFile file_;
  bool reopen_ = false;  // a rewrite failed: file_ may be a file without a name
  std::map<MarkerKey, Epoch> markers_;
  std::vector<CommitRecord> unapplied_;
};

}  // namespace rideflow
