// Moving a datasource's commit log into segments: sealing, merging of late rows, retention.
#include <fmt/format.h>

#include <algorithm>

#include "rollup/datasource.h"
#include "rollup/segment.h"

namespace rideflow::rollup {
namespace {
constexpr size_t kMaxDeltas = 8;  // files of one open chunk before they are merged
}

// REQUIRES: io_.
Status Datasource::maintain() {
  {
    std::lock_guard lock(mutex_);
    if (!needs_compaction()) return {};
  }
  return compact();
}

// REQUIRES: io_, mutex_.
bool Datasource::needs_compaction() {
  if (log_->size() > options_.compact_log_bytes) return true;
  if (complete_to_ == kNoTime) return false;
  const Micros horizon = horizon_locked();
  return std::any_of(chunks_.all().begin(), chunks_.all().end(), [&](const auto& entry) {
    const Chunk& chunk = entry.second;
    if (horizon != kNoTime && chunk.end() <= horizon) return true;
    return chunk.segment() == nullptr && chunk.end() + options_.seal_after_us <= complete_to_;
  });
}

struct Datasource::Compaction {
  std::shared_ptr<const RollupSpec> spec;
  Micros complete_to = kNoTime;
  Micros horizon = kNoTime;
  Manifest next;
  std::map<Marker, LogRecord> prepared;                    // what the log did not commit
  std::map<Micros, CellSet> cells;                         // what it did, by start of the chunk
  std::map<Micros, std::shared_ptr<const Part>> segments;  // sealed ones

  bool is_expired(Micros start) const {
    return horizon != kNoTime && start + spec->chunk_micros() <= horizon;
  }
  void take(CellSet& set);
  Status take(LogRecord record);
};

// Cells to the chunks of their times.
void Datasource::Compaction::take(CellSet& set) {
  std::map<Micros, std::vector<uint32_t>> rows;
  const std::vector<Micros>& times = set.cells.cells().times;
  for (size_t i = 0; i < times.size(); ++i) {
    rows[floor_to(times[i], spec->chunk_micros())].push_back(static_cast<uint32_t>(i));
  }
  for (const auto& part : rows) {
    CellSet& to = cells.try_emplace(part.first, spec).first->second;
    std::vector<CodeMap> maps;
    merge_cells(set.dimensions, set.cells, &part.second, maps, to.dimensions, to.cells);
  }
}

Status Datasource::Compaction::take(LogRecord record) {
  if (record.type == RecordType::prepared) {
    prepared.insert_or_assign(record.marker, std::move(record));
    return {};
  }
  if (record.type == RecordType::drop) {
    std::erase_if(prepared, [&](const auto& p) {
      return p.first.lineage == record.marker.lineage && p.first.sink == record.marker.sink &&
             p.first.shard == record.marker.shard && p.first.epoch > record.marker.epoch;
    });
    return {};
  }
  const auto it = prepared.find(record.marker);
  if (it == prepared.end()) return {};
  RF_ASSIGN(CellSet set, decode_cells(spec, it->second.cells));
  take(set);
  prepared.erase(it);
  return {};
}

// Writes what the log committed into segment files, starts a new log with what it only prepared, and makes
// both official with one manifest. A crash before the manifest leaves the old state, with files that the next
// open removes. REQUIRES: io_.
Status Datasource::compact() {
  Compaction work;
  {
    std::lock_guard lock(mutex_);
    work.spec = spec_;
    work.complete_to = complete_to_;
    work.horizon = horizon_locked();
  }
  RF_TRY(read_log(work));
  work.next = manifest_;
  work.next.complete_to = work.complete_to;
  ++work.next.log_number;
  RF_TRY(write_segments(work));
  return publish(work);
}

Status Datasource::read_log(Compaction& work) const {
  RF_ASSIGN(const std::string bytes, read_file(env_->fs(), log_->path()));
  RF_ASSIGN(const size_t whole,
            read_records(bytes, [&](LogRecord record) { return work.take(std::move(record)); }));
  if (static_cast<int64_t>(whole) == log_->size()) return {};
  return Status::external(Code::data_loss, "The commit log '" + log_->path() + "' is damaged.");
}

// A file for every chunk that has new rows, or is ready to be sealed: a delta beside the chunk's files, or
// one in place of them all when it is sealed or they are many.
Status Datasource::write_segments(Compaction& work) const {
  for (const auto& entry : work.next.chunks) {
    if (!entry.second.sealed) work.cells.try_emplace(entry.first, work.spec);
  }
  for (auto& [start, set] : work.cells) {
    if (work.is_expired(start)) continue;
    ManifestChunk& chunk = work.next.chunks[start];
    const Micros end = start + work.spec->chunk_micros();
    const bool seal = chunk.sealed || end + options_.seal_after_us <= work.complete_to;
    if (set.cells.empty() && !(seal && !chunk.sealed) && chunk.files.size() <= kMaxDeltas) continue;
    if (seal || chunk.files.size() >= kMaxDeltas) {
      for (const std::string& file : chunk.files) {
        RF_ASSIGN(const std::shared_ptr<const Part> part, open_segment(env_, path(file), work.spec));
        RF_ASSIGN(CellSet old, read_cells(work.spec, *part));
        work.take(old);
      }
      chunk.files.clear();
    }
    chunk.sealed = seal;
    const std::string name = fmt::format("segment-{}", work.next.next_file++);
    RF_TRY(write_segment(env_, path(name), set));
    chunk.files.push_back(name);
    if (seal) {
      RF_ASSIGN(work.segments[start], open_segment(env_, path(name), work.spec));
    }
  }
  std::erase_if(work.next.chunks,
                [&](const auto& c) { return c.second.files.empty() || work.is_expired(c.first); });
  return {};
}

// The log that the manifest names, made anew: one may be left from an attempt that ended before its manifest.
Result<std::unique_ptr<CommitLog>> Datasource::empty_log(const Manifest& manifest) const {
  RF_TRY(env_->fs().remove(path(manifest.log_name())));
  return CommitLog::open(env_, path(manifest.log_name()), [](const LogRecord&) { return Status(); });
}

Status Datasource::publish(Compaction& work) {
  RF_ASSIGN(auto log, empty_log(work.next));
  for (const auto& p : work.prepared) RF_TRY(log->append(p.second));
  RF_TRY(env_->fs().sync_dir(dir_));
  env_->kill_point("rollup_seal_before_manifest");
  RF_TRY(write_file_atomic(env_->fs(), path("MANIFEST"), encode_manifest(work.next)));
  env_->kill_point("rollup_seal_after_manifest");
  const Manifest old = std::exchange(manifest_, work.next);
  const std::string old_log = log_->path();
  log_ = std::move(log);
  install(work.next, work.segments);
  remove_left_behind(old, old_log);
  return {};
}

// The next open removes it if this fails.
void Datasource::remove_left_behind(const Manifest& old, const std::string& old_log) {
  Status removed = env_->fs().remove(old_log);
  for (const auto& [start, chunk] : old.chunks) {
    const auto now = manifest_.chunks.find(start);
    for (const std::string& file : chunk.files) {
      const bool kept = now != manifest_.chunks.end() &&
                        std::count(now->second.files.begin(), now->second.files.end(), file) > 0;
      if (!kept && removed.ok()) removed = env_->fs().remove(path(file));
    }
  }
  if (!removed.ok()) env_->warn("rollup_cleanup_failed", {{"folder", dir_}, {"error", removed.to_string()}});
}

// Puts new segments in place of the memory that they were made from; what is not committed stays in memory.
void Datasource::install(const Manifest& manifest,
                         const std::map<Micros, std::shared_ptr<const Part>>& segments) {
  std::lock_guard lock(mutex_);
  const Micros horizon = horizon_locked();
  std::erase_if(chunks_.all(), [&](const auto& entry) {
    return horizon != kNoTime && entry.second.end() <= horizon && manifest.chunks.count(entry.first) == 0;
  });
  for (const auto& entry : segments) {
    chunks_.all().erase(entry.first);
    Chunk& chunk = chunks_.at(entry.first);
    chunk.set_segment(entry.second);
    for (auto& p : pending_) {
      if (p.second.visible) chunks_.merge_into(chunk, p.second.cells->dimensions, p.second.cells->cells);
    }
    for (const auto& shard : shards_) {
      std::lock_guard guard(shard->mutex);
      chunks_.merge_into(chunk, shard->epoch.dimensions, shard->epoch.cells);
    }
  }
  snapshot_.reset();
}

// REQUIRES: no writer is open, so that all rows are committed or prepared.
Status Datasource::change_spec(const RollupSpec& spec) {
  std::lock_guard io(io_);
  const auto next_spec = std::make_shared<const RollupSpec>(spec);
  RF_TRY(load());
  RF_TRY(compact());
  Manifest next = manifest_;
  next.spec = encode_spec(spec);
  ++next.log_number;
  for (auto& entry : next.chunks) {
    CellSet merged(next_spec);
    for (const std::string& file : entry.second.files) {
      RF_ASSIGN(const std::shared_ptr<const Part> part, open_segment(env_, path(file), spec_));
      RF_ASSIGN(CellSet old, read_cells(spec_, *part));
      CellSet converted = convert_cells(old, next_spec);
      std::vector<CodeMap> maps;
      merge_cells(converted.dimensions, converted.cells, nullptr, maps, merged.dimensions, merged.cells);
    }
    const std::string name = fmt::format("segment-{}", next.next_file++);
    RF_TRY(write_segment(env_, path(name), merged));
    entry.second.files = {name};
  }
  RF_ASSIGN(auto log, empty_log(next));
  for (auto& p : pending_) {
    LogRecord record = p.second.record;
    record.type = RecordType::prepared;
    record.cells = encode_cells(convert_cells(*p.second.cells, next_spec));
    RF_TRY(log->append(record));
  }
  RF_TRY(env_->fs().sync_dir(dir_));
  RF_TRY(write_file_atomic(env_->fs(), path("MANIFEST"), encode_manifest(next)));
  {
    std::lock_guard lock(mutex_);
    spec_ = next_spec;
    chunks_ = Chunks(next_spec);
  }
  return load();
}

}  // namespace rideflow::rollup
