#include "rollup/commit_log.h"

#include <fmt/format.h>

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow::rollup {
namespace {

constexpr uint32_t kMagic = 0x4c4f5552;  // "RUOL"
struct Head {
  uint32_t magic = kMagic;
  uint32_t size = 0;
  uint64_t checksum = 0;
};

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
      .put_string(record.cells);
  const std::string body = payload.take();
  Head head;
  head.size = static_cast<uint32_t>(body.size());
  head.checksum = checksum64(body);
  std::string out(reinterpret_cast<const char*>(&head), sizeof head);
  return out += body;
}

Result<size_t> read_records(std::string_view bytes, const std::function<Status(LogRecord)>& visit) {
  size_t at = 0;
  while (bytes.size() - at >= sizeof(Head)) {
    Head head;
    std::memcpy(&head, bytes.data() + at, sizeof head);
    const size_t room = bytes.size() - at - sizeof head;
    if (head.magic != kMagic || head.size > room) break;
    const std::string_view body = bytes.substr(at + sizeof head, head.size);
    if (checksum64(body) != head.checksum) break;
    RF_ASSIGN(LogRecord record, decode_record(body));
    RF_TRY(visit(std::move(record)));
    at += sizeof head + head.size;
  }
  return at;
}

Result<std::unique_ptr<CommitLog>> CommitLog::open(Env* env, const std::string& path,
                                                   const std::function<Status(LogRecord)>& visit) {
  FileSystem& fs = env->fs();
  const Result<DirEntry> entry = fs.stat(path);
  if (!entry.ok() && entry.status().code() != Code::not_found) return entry.status();
  size_t whole = 0;
  if (entry.ok()) {
    RF_ASSIGN(const std::string bytes, read_file(fs, path));
    RF_ASSIGN(whole, read_records(bytes, visit));
    if (whole < bytes.size()) {
      env->warn("rollup_log_cut", {{"path", path}, {"bytes", fmt::to_string(bytes.size() - whole)}});
      RF_TRY(fs.truncate(path, static_cast<int64_t>(whole)));
    }
  }
  RF_ASSIGN(auto file, fs.append(path));
  if (!entry.ok()) {
    RF_TRY(file->sync());
    RF_TRY(fs.sync_dir(parent_dir(path)));
  }
  return std::unique_ptr<CommitLog>(new CommitLog(path, std::move(file), static_cast<int64_t>(whole)));
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
  return {};
}

}  // namespace rideflow::rollup
