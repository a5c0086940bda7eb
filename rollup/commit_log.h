// CommitLog: the file in which a datasource's epochs become durable, and committed.
//
// Records, each with a checksum: `prepared` holds the rows of one epoch of one shard, `commit` names a
// prepared epoch (or one without rows) and makes it permanent, `drop` withdraws prepared epochs that a
// restore left behind. A last record that a crash tore was never acknowledged: opening the log cuts it off.
// Anything else that does not read is damage, and refused by name (engine/record_frames.h): how many bytes
// were acknowledged is noted beside the log. One thread at a time. After an error the log is dead: open it
// again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/acknowledged.h"
#include "engine/env.h"
#include "engine/ids.h"
#include "engine/status.h"

namespace rideflow::rollup {

struct Marker {
  std::string lineage;
  std::string sink;
  int32_t shard = 0;
  Epoch epoch;
  friend auto operator<=>(const Marker&, const Marker&) = default;
};

enum class RecordType : uint8_t { prepared = 1, commit = 2, drop = 3 };

struct LogRecord {
  RecordType type = RecordType::commit;
  Marker marker;               // drop: every prepared epoch of the shard above `epoch`
  Micros watermark = kNoTime;  // of the shard at the epoch's barrier
  int32_t parallelism = 1;     // shards of the sink
  std::string cells;           // prepared: encode_cells()
  int64_t rows = kUnknown;  // commit: cells that were prepared for it; unknown in records of older versions
  Epoch confirmed = Epoch(0);  // commit: the marker of the shard when it was prepared
  static constexpr int64_t kUnknown = -1;
};

std::string encode_record(const LogRecord& record);
// Reads records from the start of `bytes`; returns how many bytes were whole records. A Status of visit ends
// it.
Result<size_t> read_records(std::string_view bytes, const std::function<Status(LogRecord)>& visit);

// How a log is to be found.
struct LogClaim {
  bool exists = false;        // it was made before the manifest that names it: missing is lost
  int64_t durable_bytes = 0;  // that the manifest knows of
};

class CommitLog {
 public:
  // Opens or creates the file, replays its records to `visit`, and cuts off a torn end. data_loss when it
  // lacks what `claim` or `acknowledged` knows of.
  static Result<std::unique_ptr<CommitLog>> open(Env* env, const std::string& path,
                                                 const Acknowledged& acknowledged, const LogClaim& claim,
                                                 const std::function<Status(LogRecord)>& visit);
  // The log is the datasource's from now on: what it holds, and what append() adds, is noted there. Before
  // the manifest names the log nothing may be noted, for the next attempt makes another one of that name.
  // `acknowledged` must outlive the log.
  void make_official(Acknowledged* acknowledged);
  // Durable when it returns ok.
  Status append(const LogRecord& record);
  bool alive() const { return file_ != nullptr; }
  void give_up() { file_.reset(); }  // as after an error
  int64_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  CommitLog(std::string path, std::unique_ptr<WritableFile> file, int64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}
  std::string path_;
  Acknowledged* acknowledged_ = nullptr;
  std::unique_ptr<WritableFile> file_;
  int64_t size_;
};

}  // namespace rideflow::rollup
