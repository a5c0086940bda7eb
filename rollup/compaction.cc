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

// Writes what the log committed into segment files, starts a new log with what it only prepared, and makes
// both official with one manifest. A crash before the manifest leaves the old state, with files that the next
// open removes. REQUIRES: io_.
Status Datasource::compact() {
  std::shared_ptr<const RollupSpec> spec;
  Micros complete_to = kNoTime;
  Micros horizon = kNoTime;
  {
    std::lock_guard lock(mutex_);
    spec = spec_;
    complete_to = complete_to_;
    horizon = horizon_locked();
  }
  std::map<Marker, LogRecord> prepared;
  std::map<Micros, CellSet> cells;
  const auto take = [&](CellSet& set) {
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
  };
  RF_ASSIGN(const std::string bytes, read_file(env_->fs(), log_->path()));
  RF_ASSIGN(const size_t whole, read_records(bytes, [&](LogRecord record) -> Status {
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
            }));
  if (static_cast<int64_t>(whole) != log_->size()) {
    return Status::external(Code::data_loss, "The commit log '" + log_->path() + "' is damaged.");
  }

  Manifest next = manifest_;
  next.complete_to = complete_to;
  ++next.log_number;
  // Chunks that need no new rows but became ready to be sealed.
  for (const auto& entry : next.chunks) {
    if (!entry.second.sealed) cells.try_emplace(entry.first, spec);
  }
  std::map<Micros, std::shared_ptr<const Part>> segments;
  for (auto& entry : cells) {
    const Micros start = entry.first;
    const Micros end = start + spec->chunk_micros();
    if (horizon != kNoTime && end <= horizon) continue;
    ManifestChunk& chunk = next.chunks[start];
    const bool seal = chunk.sealed || end + options_.seal_after_us <= complete_to;
    if (entry.second.cells.empty() && !(seal && !chunk.sealed) && chunk.files.size() <= kMaxDeltas) continue;
    if (seal || chunk.files.size() >= kMaxDeltas) {
      for (const std::string& file : chunk.files) {
        RF_ASSIGN(const std::shared_ptr<const Part> part, open_segment(env_, path(file), spec));
        RF_ASSIGN(CellSet old, read_cells(spec, *part));
        take(old);
      }
      chunk.files.clear();
    }
    chunk.sealed = seal;
    const std::string name = fmt::format("segment-{}", next.next_file++);
    RF_TRY(write_segment(env_, path(name), entry.second));
    chunk.files.push_back(name);
    if (seal) {
      RF_ASSIGN(segments[start], open_segment(env_, path(name), spec));
    }
  }
  std::erase_if(next.chunks, [&](const auto& c) {
    return c.second.files.empty() || (horizon != kNoTime && c.first + spec->chunk_micros() <= horizon);
  });

  RF_TRY(env_->fs().remove(path(next.log_name())));
  RF_ASSIGN(auto log,
            CommitLog::open(env_, path(next.log_name()), [](const LogRecord&) { return Status(); }));
  for (const auto& p : prepared) RF_TRY(log->append(p.second));
  RF_TRY(env_->fs().sync_dir(dir_));
  env_->kill_point("rollup_seal_before_manifest");
  RF_TRY(write_file_atomic(env_->fs(), path("MANIFEST"), encode_manifest(next)));
  env_->kill_point("rollup_seal_after_manifest");
  const Manifest old = std::exchange(manifest_, next);
  const std::string old_log = log_->path();
  log_ = std::move(log);
  install(next, segments);
  // What is left behind is removed at the next open if this fails.
  Status removed = env_->fs().remove(old_log);
  for (const auto& [start, chunk] : old.chunks) {
    const auto now = next.chunks.find(start);
    for (const std::string& file : chunk.files) {
      const bool kept = now != next.chunks.end() &&
                        std::count(now->second.files.begin(), now->second.files.end(), file) > 0;
      if (!kept && removed.ok()) removed = env_->fs().remove(path(file));
    }
  }
  if (!removed.ok()) env_->warn("rollup_cleanup_failed", {{"folder", dir_}, {"error", removed.to_string()}});
  return {};
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
  RF_TRY(env_->fs().remove(path(next.log_name())));
  RF_ASSIGN(auto log,
            CommitLog::open(env_, path(next.log_name()), [](const LogRecord&) { return Status(); }));
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
