#include "topics/commit_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/byte_codec.h"
#include "engine/hash.h"
#include "engine/record_frames.h"

namespace rideflow {
namespace {

constexpr uint32_t kCommitMagic = 0x31435452;  // "RTC1"
constexpr std::string_view kRemedy = "remove the topic and replay its jobs under a new name";

// A marker's name among the notes: lineage and sink may hold anything.
std::string note_name(const CommitLog::MarkerKey& key) {
  return fmt::format("marker-{:016x}-{}", checksum64(std::get<0>(key) + '\0' + std::get<1>(key)),
                     std::get<2>(key).value);
}

}  // namespace

std::string encode_commit(const CommitRecord& record) {
  std::string body;
  append_string(body, record.marker.lineage);
  append_string(body, record.marker.sink);
  append_fixed(body, record.marker.shard.value);
  append_fixed(body, record.marker.epoch.value);
  append_string(body, record.staged_file);
  append_fixed(body, static_cast<uint32_t>(record.spans.size()));
  for (const CommitSpan& span : record.spans) {
    append_fixed(body, span.partition.value);
    append_fixed(body, span.base_offset);
    append_fixed(body, span.records);
  }
  append_fixed(body, record.confirmed.value);
  return body;
}

Result<CommitRecord> decode_commit(std::string_view body) {
  ByteReader in(body);
  CommitRecord record;
  record.marker.lineage = in.text();
  record.marker.sink = in.text();
  record.marker.shard = Shard(in.get<int32_t>());
  record.marker.epoch = Epoch(in.get<int64_t>());
  record.staged_file = in.text();
  const auto spans = in.get<uint32_t>();
  for (uint32_t i = 0; in.ok() && i < spans; ++i) {
    CommitSpan span;
    span.partition = Partition(in.get<int32_t>());
    span.base_offset = in.get<int64_t>();
    span.records = in.get<int64_t>();
    record.spans.push_back(span);
  }
  if (in.ok() && !in.at_end()) record.confirmed = Epoch(in.get<int64_t>());  // older versions end before
  if (!in.complete()) return Status::external(Code::data_loss, "A commit record is damaged.");
  return record;
}

Result<CommitLog> CommitLog::open(FileSystem& fs, const std::string& path, Acknowledged* acknowledged) {
  CommitLog log;
  log.fs_ = &fs;
  log.acknowledged_ = acknowledged;
  std::string content;
  auto existing = read_file(fs, path);
  if (existing.ok()) {
    content = *std::move(existing);
  } else if (existing.status().code() != Code::not_found) {
    return std::move(existing).status();
  }
  auto good = visit_records(content, kCommitMagic, [&](std::string_view body) -> Status {
    RF_ASSIGN(const CommitRecord record, decode_commit(body));
    log.remember(record);
    return {};
  });
  if (!good.ok()) return std::move(good).status().with("'" + path + "'");
  RF_TRY(check_tail(content, kCommitMagic, *good, 0, path, kRemedy));
  RF_TRY(log.check_acknowledged(path));
  if (*good < content.size()) RF_TRY(fs.truncate(path, static_cast<int64_t>(*good)));
  RF_ASSIGN(log.file_, AppendFile::open(fs, path));
  return log;
}

Status CommitLog::check_acknowledged(const std::string& path) const {
  std::map<std::string, int64_t, std::less<>> found;
  for (const auto& [key, epoch] : markers_) found[note_name(key)] = epoch.value;
  for (const auto& [name, epoch] : acknowledged_->all()) {
    if (!name.starts_with("marker-")) continue;
    const auto it = found.find(name);
    if (it != found.end() && it->second >= epoch) continue;
    return Status::external(
        Code::data_loss,
        fmt::format(
            "'{}' has lost data: epoch {} was committed into this topic, and the log {}. Restore the file "
            "from a copy, or {}.",
            path, epoch, it == found.end() ? "has none of its sink" : fmt::format("ends at {}", it->second),
            kRemedy));
  }
  return {};
}

void CommitLog::remember(const CommitRecord& record) {
  const MarkerKey key(record.marker.lineage, record.marker.sink, record.marker.shard);
  auto [it, fresh] = markers_.try_emplace(key, record.marker.epoch);
  if (!fresh) it->second = std::max(it->second, record.marker.epoch);
  if (!record.staged_file.empty()) unapplied_.push_back(record);
}

Status CommitLog::add(const CommitRecord& record) {
  if (reopen_) return Status::internal("'" + file_.path() + "' was not rolled back after an error.");
  RF_TRY(file_.append(frame_record(kCommitMagic, encode_commit(record))));
  RF_TRY(file_.sync());
  remember(record);
  const MarkerKey key(record.marker.lineage, record.marker.sink, record.marker.shard);
  acknowledged_->set(note_name(key), markers_.at(key).value);
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
    content += frame_record(kCommitMagic, encode_commit(record));
  }
  for (const CommitRecord& record : unapplied_) content += frame_record(kCommitMagic, encode_commit(record));
  reopen_ = true;
  RF_TRY(write_file_atomic(*fs_, file_.path(), content));
  return roll_back();
}

}  // namespace rideflow
