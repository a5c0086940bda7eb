// The embedded log: durable, partitioned topics in a directory, in the shape of Kafka's. This is the only
// header of the room that others need.
//
// On disk: <dir>/<topic>/TOPIC (its settings and its id), <dir>/<topic>/<partition>/<first offset>.log
// (segments of frames, a frame holds records and a checksum), <dir>/<topic>/commits.log,
// <dir>/<topic>/staged/.
//
// Producing. append() gathers the records of all callers and writes them with one sync (a few milliseconds);
// its completion is done when they are durable. Readers see durable records only, so what a reader saw is
// never taken back.
//
// Epochs of job sinks. stage() writes the rows of an epoch, already framed, to a side file of their own and
// syncs it; no reader sees them and nobody waits for them. commit() appends ONE record to commits.log that
// names the marker {lineage, sink, shard, epoch}, the side file and the offset in every partition: when that
// record is durable, the epoch is committed. Only then the frames are copied into the partitions, synced,
// shown to readers of all partitions, and the side file goes. A crash in between is finished at the next
// open, from the commit record. So an uncommitted epoch blocks no reader, offsets have no holes, and a
// partition is always plain sequential data; the price is that an epoch's bytes are written twice. Plain
// appends wait for the copying of a commit (milliseconds).
//
// Reading. A PartitionReader reads large blocks; the records of a chunk point into its arena.
//
// Identity. A topic that is deleted and made again under its name is another one: every incarnation has a
// random id of its own, which positions carry with them. Topics of older versions get one when they are first
// opened to be written.
//
// Retention deletes whole segments from the front, by age and by size, when records are written and never
// because somebody looks: retention.h has the rules. It says what it removed and why. Topics of kept rows
// (_rejected.<job>, _late.<job>) have none.
//
// Errors: user (bad name, no such topic, record too large); external out_of_range (an offset that is gone or
// not there yet), data_loss (a checksum that does not match: names the file and place), and what the disk
// says. After a failed write the files are cut back to what is known to be durable and the next write tries
// anew: an append that was answered with an error is not in the log, unless the process died before it could
// tell.
//
// Thread-safety: TopicStore and Topic: any thread; append() and the reading side never wait for the disk's
// writes; stage() and commit() do, so run them through Env::offload. A PartitionReader, an EpochRows and a
// Ticket's builder belong to one thread at a time. One process owns the directory (state/data_dir.h).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/batch.h"
#include "engine/env.h"
#include "engine/ids.h"
#include "topics/partitioner.h"

namespace rideflow {

struct TopicConfig {
  int32_t partitions = 4;
  int64_t retention_micros = int64_t{7} * 86400 * kMicrosPerSecond;  // at least; 0: for ever
  // Of all partitions together; 0: no limit. Records that a job has not read yet are kept up to twice this.
  int64_t retention_bytes = int64_t{10} << 30;
  int64_t segment_bytes = int64_t{64} << 20;
  // Frames from this size on are kept as LZ4 when that is smaller; 0: never (reading needs no copy then).
  int64_t compress_from_bytes = 0;
};

// Which incarnation of a topic. Without an id: of a version that had none.
struct TopicIdentity {
  std::string name;
  std::string id;
  friend bool operator==(const TopicIdentity&, const TopicIdentity&) = default;
};
// What stands beside an offset in checkpoints. decode: nothing when these bytes are no identity.
std::string encode_identity(const TopicIdentity& topic);
std::optional<TopicIdentity> decode_identity(std::string_view bytes);
// As far as the ids tell: without one, the name must do.
bool is_same_topic(const TopicIdentity& a, const TopicIdentity& b);

// Up to where a reader has durably read a partition.
struct ReadPosition {
  TopicIdentity topic;
  Partition partition;
  int64_t offset = 0;
};

// One record to be written. Bytes belong to the caller and are copied.
struct TopicRecord {
  std::optional<std::string_view> key;
  std::string_view payload;
  Micros timestamp = kNoTime;  // kNoTime: now
  std::string_view headers;    // encoded by encode_headers(); kept as it is
};

// Headers as {name, value} pairs <-> bytes.
using Headers = std::vector<std::pair<std::string, std::string>>;
std::string encode_headers(const Headers& headers);
Result<Headers> decode_headers(std::string_view bytes);

// Who publishes an epoch. The last committed epoch of {lineage, sink, shard} is the marker of
// docs/exactly-once.md.
struct EpochMarker {
  std::string lineage;
  std::string sink;
  Shard shard;
  Epoch epoch;
};

// The rows of one epoch while it is open, framed by partition. In memory: bytes() says how much.
class EpochRows {
 public:
  EpochRows(int32_t partitions, int64_t compress_from_bytes);
  ~EpochRows();
  EpochRows(EpochRows&&) noexcept;
  EpochRows& operator=(EpochRows&&) noexcept;

  // REQUIRES: 0 <= partition < partitions, record.timestamp set. user error: the record is too large.
  Status add(Partition partition, const TopicRecord& record);
  int64_t rows() const { return rows_; }
  int64_t bytes() const;

 private:
  friend class Topic;
  struct Frames;
  std::vector<std::unique_ptr<Frames>> partitions_;
  int64_t rows_ = 0;
};

// What stage() promises: `handle` is known at once and goes into the checkpoint; the rows are durable, and
// the handle fit for commit(), when `durable` is done and ok.
struct StagedEpoch {
  std::string handle;
  std::shared_ptr<Completion> durable;
};

// Where appended records went. Valid when done() and status() is ok.
class AppendTicket : public Completion {
 public:
  struct Place {
    Partition partition;
    int64_t offset = 0;
  };
  virtual std::vector<Place> places() const = 0;  // in the order of the records
};

struct TopicPoll {
  std::shared_ptr<const Origin> chunk;  // null: nothing now
  bool at_end = false;                  // nothing readable is behind this chunk, as of this poll
};

class Acknowledged;
class Topic;
class PartitionLog;
class CommitLog;
struct TopicShared;
struct CommitRecord;
struct Deletion;
struct OldestSegment;
struct Segment;

// Reads one partition forwards. Keeps its topic alive.
class PartitionReader {
 public:
  // Two frames of the usual size: what stays in a core's cache until it is decoded.
  static constexpr size_t kBlockBytes = size_t{640} << 10;
  PartitionReader(std::shared_ptr<Topic> topic, Partition partition, int64_t offset);
  ~PartitionReader();

  // At most max_rows records from offset() on, which moves behind them; the disk is read in blocks of whole
  // frames, about max_bytes. out_of_range: the offset is gone (retention) or beyond the end; first_offset()
  // says where data begins.
  // not_found: the topic was deleted meanwhile.
  Result<TopicPoll> poll(int32_t max_rows, size_t max_bytes = kBlockBytes);
  int64_t offset() const { return offset_; }
  void seek(int64_t offset);
  // Woken whenever records have been published in the partition, until the reader is gone.
  void set_waker(WakerRef waker);

 private:
  struct Block;
  Result<TopicPoll> read(int32_t max_rows, size_t max_bytes);
  Status load_block(size_t max_bytes, bool* at_end);

  std::shared_ptr<Topic> topic_;
  PartitionLog& log_;
  Partition partition_;
  int64_t offset_;
  std::shared_ptr<const Segment> segment_;  // where offset_ is; null: to be found
  std::unique_ptr<ReadableFile> file_;
  int64_t position_ = 0;         // of the next frame in file_
  size_t next_frame_bytes_ = 0;  // of it; 0: not known yet
  std::unique_ptr<Block> block_;
  WakerRef waker_;
};

class Topic : public std::enable_shared_from_this<Topic> {
 public:
  ~Topic();
  const std::string& name() const { return *name_; }
  TopicIdentity identity() const { return {*name_, id_}; }
  const TopicConfig& config() const { return config_; }
  int32_t partitions() const { return config_.partitions; }

  // Appends in order; records without a partition of their own go where Partitioner says. The completion's
  // status is the write's. resource_exhausted: more than 64 MiB are waiting for the disk.
  Result<std::shared_ptr<AppendTicket>> append(const std::vector<TopicRecord>& records,
                                               std::optional<Partition> partition = std::nullopt);
  // The same, waiting on this thread: for commands and tests.
  Status append_now(const std::vector<TopicRecord>& records,
                    std::optional<Partition> partition = std::nullopt);

  // Closes an epoch. Does not wait: the writing runs through Env::offload. Rows of the same epoch staged
  // twice (a process that died) are two side files; each handle names its own.
  StagedEpoch stage(const EpochMarker& marker, EpochRows rows);
  // Publishes a staged epoch; ok at once when its marker says that it is published. Waits for the disk.
  // data_loss: the side file is missing or damaged and the marker lacks the epoch.
  Status commit(const std::string& handle);
  // Fails with data_loss when the topic lacks an epoch that was published when this handle was made: it was
  // removed and made again, or lost records.
  Status check_confirmed(const std::string& handle) const;
  Result<EpochMarker> marker_of(const std::string& handle) const;
  // The last committed epoch, or nothing.
  std::optional<Epoch> marker(const std::string& lineage, const std::string& sink, Shard shard) const;
  // Who has ever committed an epoch: {lineage, sink}.
  std::vector<std::pair<std::string, std::string>> writers() const;
  // Every shard's last committed epoch, by shard.
  std::map<Shard, Epoch> markers(const std::string& lineage, const std::string& sink) const;
  // Drops what {lineage, sink} staged and did not commit, but for the handles of `keep`: what a restored
  // checkpoint does not list. `of_shard` chooses whose; empty: all shards. Returns how many epochs went.
  Result<int> drop_staged(const std::string& lineage, const std::string& sink,
                          const std::vector<std::string>& keep,
                          const std::function<bool(Shard)>& of_shard = nullptr);
  // Drops one staged epoch. ok when it is gone already or committed.
  Status abort(const std::string& handle);

  // The offset behind the last readable record, and the first that retention left.
  int64_t end_offset(Partition partition) const;
  int64_t first_offset(Partition partition) const;
  // The first offset whose record's timestamp is >= time; the end offset when there is none.
  Result<int64_t> offset_for_time(Partition partition, Micros time);
  std::unique_ptr<PartitionReader> reader(Partition partition, int64_t offset);
  int64_t records() const;  // readable ones
  int64_t bytes() const;    // of all segments
  // Deletes segments that retention does not keep. Runs by itself whenever records were written.
  Status enforce_retention();

 private:
  friend class TopicStore;
  friend class PartitionReader;
  struct Pending;
  class Ticket;
  Topic(Env& env, std::string dir, const TopicIdentity& identity, const TopicConfig& config,
        std::shared_ptr<TopicShared> shared);
  Status open();
  Status removed_status() const;
  Status roll_if_old(PartitionLog& log);
  Status delete_oldest(const OldestSegment& segment, const Deletion& why);
  Status check_records(const std::vector<TopicRecord>& records, std::optional<Partition> partition) const;
  void add_to(Pending& group, const std::vector<TopicRecord>& records, std::optional<Partition> partition,
              const std::shared_ptr<Ticket>& ticket);
  Status flush();
  Status write_group(Pending& group);
  Status prepare_to_write();
  Status apply(const CommitRecord& record);
  Status commit_locked(const CommitRecord& wanted);
  Result<std::string> read_staged(const CommitRecord& record) const;
  void retain_quietly();
  Status retain_locked();
  PartitionLog& log(Partition partition) const { return *logs_[static_cast<size_t>(partition.value)]; }
  std::string staged_path(const std::string& file) const;

  Env& env_;
  std::string dir_;
  std::shared_ptr<const std::string> name_;
  std::string id_;
  TopicConfig config_;
  std::shared_ptr<TopicShared> shared_;         // of all topics of the store
  std::unique_ptr<Acknowledged> acknowledged_;  // after open: by whoever writes
  std::vector<std::unique_ptr<PartitionLog>> logs_;

  std::mutex write_mutex_;  // one writer at a time: a flush, a commit, retention
  std::unique_ptr<CommitLog> commits_;
  std::atomic<bool> removed_{false};
  mutable std::mutex marker_mutex_;  // what marker() answers, so that it never waits for a writer
  std::map<std::tuple<std::string, std::string, Shard>, Epoch> markers_;
  mutable std::mutex pending_mutex_;
  std::unique_ptr<Pending> pending_;
  Partitioner partitioner_;
  bool flush_scheduled_ = false;
};

// What a store is opened for. A look repairs what a crash left, as any use must, but deletes nothing.
enum class TopicStoreUse : uint8_t { write, look };

class TopicStore {
 public:
  // Makes the directory when it is missing. Topics are opened, and recovered, when they are first used.
  static Result<std::shared_ptr<TopicStore>> open(Env& env, const std::string& dir,
                                                  TopicStoreUse use = TopicStoreUse::write);

  // 1 to 249 letters, digits, '.', '_', '-'; not "." or "..".
  static Status check_name(std::string_view name);
  // already_exists when there is one.
  Result<std::shared_ptr<Topic>> create(const std::string& name, const TopicConfig& config = {});
  // not_found (user) when there is none.
  Result<std::shared_ptr<Topic>> find(const std::string& name);
  // An existing topic keeps its own settings.
  Result<std::shared_ptr<Topic>> find_or_create(const std::string& name, const TopicConfig& config = {});
  // Its files go; readers and writers that still hold it get errors.
  Status remove(const std::string& name);
  Result<std::vector<std::string>> list();  // sorted

  // How far `reader`, a job, has durably read; replaces what it said before. Retention holds the rest.
  void set_read_positions(const std::string& reader, std::vector<ReadPosition> positions);
  // Topics of kept rows have no retention: _rejected.<job>, _late.<job>.
  static bool keeps_rows(std::string_view name);

 private:
  TopicStore(Env& env, std::string dir, TopicStoreUse use);
  Result<std::shared_ptr<Topic>> find_locked(const std::string& name);
  Status sweep_removed();
  Result<std::shared_ptr<Topic>> create_locked(const std::string& name, const TopicConfig& config);

  Env& env_;
  std::string dir_;
  std::shared_ptr<TopicShared> shared_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Topic>> topics_;
};

}  // namespace rideflow
