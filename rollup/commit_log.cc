#include "rollup/commit_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/byte_codec.h"
#include "engine/presence.h"
#include "engine/record_frames.h"

namespace rideflow::rollup {
namespace {

constexpr uint32_t kMagic = 0x4c4f5552;  // "RUOL"

Result<LogRecord> decode_record(std::string_view payload) {
  ByteReader in(payload);
  LogRecord record;
  record.type = static_cast<RecordType>(in.get<uint8_t>());
  record.marker.lineage = in.get_string();
  record.marker.sink = in.get_string();
  record.marker.shard = in.get<int32_t>();
  record.marker.epoch = Epoch(in.get<int64_t>());
  record.watermark = in.get<Micros>();
  record.parallelism = in.get<int32_t>();
  record.cells = in.get_string();
  if (in.ok() && !in.at_end()) {  // older versions end here
    record.rows = in.get<int64_t>();
    record.confirmed = Epoch(in.get<int64_t>());
  }
  RF_TRY(in.finish("A rollup's commit record"));
  if (record.type < RecordType::prepared || record.type > RecordType::drop) {
    return Status::external(Code::data_loss,
                            "A rollup's commit log was written by a newer version of Rideflow.");
  }
  return record;
}

}  // namespace

std::string encode_record(const LogRecord& record) {
  ByteWriter payload;
  payload.put(static_cast<uint8_t>(record.type))
      .put_string(record.marker.lineage)
      .put_string(record.marker.sink)
      .put(record.marker.shard)
      .put(record.marker.epoch.value)
      .put(record.watermark)
      .put(record.parallelism)
      .put_string(record.cells)
      .put(record.rows)
      .put(record.confirmed.value);
  return frame_record(kMagic, payload.take());
}

Result<size_t> read_records(std::string_view bytes, const std::function<Status(LogRecord)>& visit) {
  return visit_records(bytes, kMagic, [&](std::string_view body) -> Status {
    RF_ASSIGN(LogRecord record, decode_record(body));
    return visit(std::move(record));
  });
}

namespace {

constexpr std::string_view kRemedy =
    "remove the rollup's folder and replay its jobs from the start under a new name";

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

Result<std::unique_ptr<CommitLog>> CommitLog::open(Env* env, const std::string& path,
                                                   const Acknowledged& acknowledged, const LogClaim& claim,
                                                   const std::function<Status(LogRecord)>& visit) {
  FileSystem& fs = env->fs();
  RF_ASSIGN(const bool there, exists(fs, path));
  const int64_t durable = std::max(claim.durable_bytes, acknowledged.find(name_of(path)).value_or(0));
  if (!there && (claim.exists || durable > 0)) {
    return Status::external(
        Code::data_loss,
        fmt::format("'{}' is missing, and what it held with it. Restore the file from a copy, or {}.", path,
                    kRemedy));
  }
  size_t whole = 0;
  if (there) {
    RF_ASSIGN(const std::string bytes, read_file(fs, path));
    auto read = read_records(bytes, visit);
    if (!read.ok()) return std::move(read).status().with("'" + path + "'");
    whole = *read;
    RF_TRY(check_tail(bytes, kMagic, whole, durable, path, kRemedy));
    if (whole < bytes.size()) {
      env->warn("rollup_log_cut", {{"path", path}, {"bytes", fmt::to_string(bytes.size() - whole)}});
      RF_TRY(fs.truncate(path, static_cast<int64_t>(whole)));
    }
  }
  RF_ASSIGN(auto file, fs.append(path));
  if (!there) {
    RF_TRY(file->sync());
    RF_TRY(fs.sync_dir(parent_dir(path)));
  }
  return std::unique_ptr<CommitLog>(new CommitLog(path, std::move(file), static_cast<int64_t>(whole)));
}

void CommitLog::make_official(Acknowledged* acknowledged) {
  acknowledged_ = acknowledged;
  acknowledged_->set(name_of(path_), size_);
}

Status CommitLog::append(const LogRecord& record) {
  if (file_ == nullptr) {
    return Status::external(Code::unavailable,
                            "The commit log '" + path_ + "' failed before and must be opened again.",
                            Retry::backoff);
  }
  const std::string bytes = encode_record(record);
  Status status = file_->append(bytes);
  if (status.ok()) status = file_->sync();
  if (!status.ok()) {
    file_.reset();
    return std::move(status.with("commit log " + path_));
  }
  size_ += static_cast<int64_t>(bytes.size());
  if (acknowledged_ == nullptr) return {};
  acknowledged_->set(name_of(path_), size_);
  acknowledged_->flush();
  return {};
}

}  // namespace rideflow::rollup
