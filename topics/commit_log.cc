#include "topics/commit_log.h"

#include <algorithm>

#include "engine/hash.h"
#include "topics/bytes.h"

namespace rideflow {
namespace {

constexpr uint32_t kCommitMagic = 0x31435452;  // "RTC1"
constexpr size_t kHeadBytes = 16;              // magic, body bytes, checksum of the body

std::string framed(std::string_view body) {
  std::string out;
  bytes::put(out, kCommitMagic);
  bytes::put(out, static_cast<uint32_t>(body.size()));
  bytes::put(out, checksum64(body));
  out += body;
  return out;
}

}  // namespace

std::string encode_commit(const CommitRecord& record) {
  std::string body;
  bytes::put_text(body, record.marker.lineage);
  bytes::put_text(body, record.marker.sink);
  bytes::put(body, record.marker.shard.value);
  bytes::put(body, record.marker.epoch.value);
  bytes::put_text(body, record.staged_file);
  bytes::put(body, static_cast<uint32_t>(record.spans.size()));
  for (const CommitSpan& span : record.spans) {
    bytes::put(body, span.partition.value);
    bytes::put(body, span.base_offset);
    bytes::put(body, span.records);
  }
  return body;
}

Result<CommitRecord> decode_commit(std::string_view body) {
  bytes::Cursor in{body};
  CommitRecord record;
  record.marker.lineage = in.text();
  record.marker.sink = in.text();
  record.marker.shard = Shard(in.get<int32_t>());
  record.marker.epoch = Epoch(in.get<int64_t>());
  record.staged_file = in.text();
  const auto spans = in.get<uint32_t>();
  for (uint32_t i = 0; in.ok && i < spans; ++i) {
    CommitSpan span;
    span.partition = Partition(in.get<int32_t>());
    span.base_offset = in.get<int64_t>();
    span.records = in.get<int64_t>();
    record.spans.push_back(span);
  }
  if (!in.ok || !in.rest.empty()) return Status::external(Code::data_loss, "A commit record is damaged.");
  return record;
}

Result<CommitLog> CommitLog::open(FileSystem& fs, const std::string& path) {
  CommitLog log;
  log.fs_ = &fs;
  std::string content;
  auto existing = read_file(fs, path);
  if (existing.ok()) {
    content = *std::move(existing);
  } else if (existing.status().code() != Code::not_found) {
    return std::move(existing).status();
  }
  size_t good = 0;
  while (content.size() - good >= kHeadBytes) {
    const std::string_view rest = std::string_view(content).substr(good);
    const auto size = bytes::load<uint32_t>(rest.data() + 4);
    if (bytes::load<uint32_t>(rest.data()) != kCommitMagic || rest.size() - kHeadBytes < size) break;
    const std::string_view body = rest.substr(kHeadBytes, size);
    if (bytes::load<uint64_t>(rest.data() + 8) != checksum64(body)) break;
    RF_ASSIGN(const CommitRecord record, decode_commit(body));
    log.remember(record);
    good += kHeadBytes + size;
  }
  // One record is written and synced at a time, so only the last can be torn: another one behind the damage
  // means that durable bytes have changed.
  std::string magic;
  bytes::put(magic, kCommitMagic);
  for (size_t at = content.find(magic, good + 1); at != std::string::npos; at = content.find(magic, at + 1)) {
    const std::string_view rest = std::string_view(content).substr(at);
    if (rest.size() < kHeadBytes) break;
    const auto size = bytes::load<uint32_t>(rest.data() + 4);
    if (rest.size() - kHeadBytes >= size &&
        bytes::load<uint64_t>(rest.data() + 8) == checksum64(rest.substr(kHeadBytes, size)))
      return Status::external(Code::data_loss, "'" + path + "' is damaged at byte " + std::to_string(good) +
                                                   ", before records that are whole: restore the file.");
  }
  if (good < content.size()) RF_TRY(fs.truncate(path, static_cast<int64_t>(good)));
  RF_ASSIGN(log.file_, AppendFile::open(fs, path));
  return log;
}

void CommitLog::remember(const CommitRecord& record) {
  const MarkerKey key(record.marker.lineage, record.marker.sink, record.marker.shard);
  auto [it, fresh] = markers_.try_emplace(key, record.marker.epoch);
  if (!fresh) it->second = std::max(it->second, record.marker.epoch);
  if (!record.staged_file.empty()) unapplied_.push_back(record);
}

Status CommitLog::add(const CommitRecord& record) {
  if (reopen_) return Status::internal("'" + file_.path() + "' was not rolled back after an error.");
  RF_TRY(file_.append(framed(encode_commit(record))));
  RF_TRY(file_.sync());
  remember(record);
  return {};
}

// Opening syncs the directory: whichever of the two files has the name now will have it after a power loss.
Status CommitLog::roll_back() {
  if (!reopen_) return file_.roll_back(file_.durable());
  RF_ASSIGN(file_, AppendFile::open(*fs_, file_.path()));
  reopen_ = false;
  return {};
}

const Epoch* CommitLog::find(const std::string& lineage, const std::string& sink, Shard shard) const {
  const auto it = markers_.find(MarkerKey(lineage, sink, shard));
  return it == markers_.end() ? nullptr : &it->second;
}

void CommitLog::mark_applied(size_t count) {
  unapplied_.erase(unapplied_.begin(), unapplied_.begin() + static_cast<int64_t>(count));
}

Status CommitLog::compact(int64_t limit) {
  if (file_.size() < limit) return {};
  std::string content;
  for (const auto& [key, epoch] : markers_) {
    CommitRecord record;
    record.marker.lineage = std::get<0>(key);
    record.marker.sink = std::get<1>(key);
    record.marker.shard = std::get<2>(key);
    record.marker.epoch = epoch;
    content += framed(encode_commit(record));
  }
  for (const CommitRecord& record : unapplied_) content += framed(encode_commit(record));
  reopen_ = true;
  RF_TRY(write_file_atomic(*fs_, file_.path(), content));
  return roll_back();
}

}  // namespace rideflow
