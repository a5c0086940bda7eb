// RecordReader: the contract of a source connector. It reads raw records, partition by partition, and knows
// its positions; decoding, watermarks, idleness, lateness and pausing are the source driver's work
// (engine/source_driver.h), once for all connectors.
//
// One reader belongs to one task and serves the partitions assigned to it. It never waits: poll() gives what
// is at hand, and its task sleeps until the reader wakes it or asked to be polled again. Errors: user (wrong
// topic or path), external (broker, disk; retry says whether again makes sense).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/operator.h"

namespace rideflow {

// Where the next record of a partition is. `offset` is the topic offset, or the byte in the file named by
// `detail`; `detail` is the connector's own and may hold more (files seen so far). Stored in checkpoints.
struct Position {
  int64_t offset = 0;
  std::string detail;
  friend bool operator==(const Position&, const Position&) = default;
};

enum class StartAt : uint8_t { earliest, latest, time };

// Whether what was read is still what is there: a checkpoint that holds the positions waits for the answer.
struct Confirmation {
  std::shared_ptr<Completion> done;  // null: nothing to look at. An error fails the job: nothing is published
  std::string waits_for;             // while it is not done: "the brokers of topic 'rides'"
};

struct Poll {
  std::shared_ptr<const Origin> chunk;  // the records, all of one partition; null: none now
  // proven_end: a check just now showed that nothing is after the position (what idleness needs).
  // ended: nothing will ever come (a bounded file).
  enum class State : uint8_t { more, proven_end, ended } state = State::more;
  // When nothing came: how long it may be until this partition is asked again, if the context's waker does
  // not wake the task before. A connector that wakes it when records come says more than this.
  Micros again_in = kMicrosPerSecond / 1000;
};
constexpr Micros kUntilWoken = kEndOfTime;

// What a source of files has done with them, for people: the console, metrics, `status`.
struct FileProgress {
  // found: not begun, or waited for. refused: not read, or not to its end; `note` says why.
  enum class State : uint8_t { found, reading, done, refused } state = State::found;
  std::string path;
  int64_t read = 0;  // bytes of the file as it is stored
  int64_t size = 0;  // as last seen
  std::string note;
};
struct SourceFiles {
  int64_t found = 0, reading = 0, done = 0, refused = 0;
  std::vector<FileProgress> files;  // the most telling ones: refused, reading, found, the last done
};
constexpr size_t kMostFilesTold = 200;

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  virtual Status open(const OpenContext& context) = 0;
  // All partitions that exist now, ascending. Called at open and every discovery period; cheap or cached.
  virtual Result<std::vector<Partition>> partitions() = 0;
  // False when no partition will ever be added (bounded files, a generator with a count): a task without
  // partitions then ends at once.
  virtual bool may_grow() const { return true; }
  // Whether it ends by itself, without an `until`: known before open().
  virtual bool ends() const { return false; }
  // Where to begin when no checkpoint says: resolved once, then stored before the first poll.
  virtual Result<Position> resolve(Partition partition, StartAt at, Micros time) = 0;
  // The position just behind the last record that exists now; for `until: latest` and for lag.
  virtual Result<Position> end(Partition partition) = 0;
  // True when `position` is at or behind `end`. Compares positions of one partition.
  virtual bool reached(const Position& position, const Position& end) const {
    return position.offset >= end.offset;
  }
  virtual Status assign(Partition partition, const Position& position) = 0;
  // At most `budget` records from the partition's position, which moves behind them.
  virtual Result<Poll> poll(Partition partition, int32_t budget) = 0;
  virtual Position position(Partition partition) const = 0;
  // Hints that a paused partition's prefetching may stop.
  virtual void set_paused(Partition partition, bool paused) {
    (void)partition;
    (void)paused;
  }
  // Of the partitions assigned here; null: not a source of files.
  virtual std::shared_ptr<const SourceFiles> files() { return nullptr; }
  // Called with every checkpoint, behind position() of all partitions; again only when the answer was given.
  // For stores in which others may put something else in the place of what was read.
  virtual Confirmation confirm() { return {}; }
  // The checkpoint that holds these positions is complete (Kafka commits group offsets then, for lag
  // display).
  virtual void on_checkpoint_complete(Epoch epoch) { (void)epoch; }
};

}  // namespace rideflow
