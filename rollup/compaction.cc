// Moving a datasource's commit log into segments: sealing, merging of late rows, retention, and open chunks
// that go to files because memory is short.
//
// Nothing here needs more memory than merge_cells and memory_bytes allow, however long the log and however
// large a chunk: cells of the log are written as soon as there are too many, and large files are not merged
// further.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "rollup/datasource.h"
#include "rollup/free_memory.h"
#include "rollup/segment.h"

namespace rideflow::rollup {
namespace {
constexpr size_t kMaxDeltas = 8;  // files of one open chunk before they are merged
constexpr int64_t kLargeFile = int64_t{32} << 20;
// Of the log's size to that of cells in memory, above which a start does not read it into memory.
constexpr int64_t kLogShare = 16;
constexpr size_t kMuch = size_t{16} << 20;  // memory of a datasource
}  // namespace

// REQUIRES: io_.
Status Datasource::maintain() {
  size_t before = 0;
  {
    std::lock_guard lock(mutex_);
    before = chunks_.memory_bytes();
    drop_expired();
    if (!needs_compaction()) return {};
  }
  RF_TRY(compact());
  size_t left = 0;
  {
    std::lock_guard lock(mutex_);
    left = chunks_.memory_bytes();
  }
  // A stream that goes on needs the memory again.
  if (before > kMuch && left < before / 4) give_back_free_memory();
  return {};
}

// REQUIRES: io_, mutex_.
bool Datasource::needs_compaction() {
  if (log_->size() > options_.compact_log_bytes) return true;
  // Half as much again as was left: what is not committed does not go by writing files.
  const size_t memory = chunks_.memory_bytes();
  const auto limit = static_cast<size_t>(options_.memory_bytes);
  if (memory > limit && memory > spilled_at_ + limit / 2) return true;
  if (complete_to_ == kNoTime) return false;
  const Micros horizon = horizon_locked();
  return std::any_of(chunks_.all().begin(), chunks_.all().end(), [&](const auto& entry) {
    const Chunk& chunk = entry.second;
    if (horizon != kNoTime && chunk.end() <= horizon) return true;
    return !chunk.sealed() && chunk.end() + options_.seal_after_us <= complete_to_;
  });
}

struct Datasource::Compaction {
  std::shared_ptr<const RollupSpec> spec;
  Micros complete_to = kNoTime;
  Micros horizon = kNoTime;
  Manifest next;
  std::map<Marker, LogRecord> prepared;  // what the log did not commit
  std::map<Micros, CellSet> cells;       // what it did, by start of the chunk, and is not written yet
  size_t bytes = 0;                      // of those, at most
  std::set<Micros> touched;              // chunks that have new files
  // Files of the chunks that are read from them from now on.
  std::map<Micros, std::vector<std::shared_ptr<const Part>>> files;

  bool is_expired(Micros start) const {
    return horizon != kNoTime && start + spec->chunk_micros() <= horizon;
  }
  bool cell_expired(Micros time) const {
    return horizon != kNoTime && time <= horizon - spec->longest_cell();
  }
  void take(CellSet& set);
  Status take(LogRecord record);
};

// Cells to the chunks of their times; expired ones go.
void Datasource::Compaction::take(CellSet& set) {
  std::map<Micros, std::vector<uint32_t>> rows;
  const std::vector<Micros>& times = set.cells.cells().times;
  for (size_t i = 0; i < times.size(); ++i) {
    if (!cell_expired(times[i]))
      rows[floor_to(times[i], spec->chunk_micros())].push_back(static_cast<uint32_t>(i));
  }
  bytes += set.bytes();
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
  RF_TRY(move_log(work));
  RF_TRY(publish(work));
  RF_TRY(open_files(work));
  install(work);
  return {};
}

Status Datasource::move_log(Compaction& work) {
  {
    std::lock_guard lock(mutex_);
    work.spec = spec_;
    work.complete_to = complete_to_;
    work.horizon = horizon_locked();
  }
  work.next = manifest_;
  RF_TRY(read_log(work));
  {
    std::lock_guard lock(mutex_);
    Micros end = kNoTime;
    if (!work.cells.empty()) end = work.cells.rbegin()->first + work.spec->chunk_micros();
    if (!work.next.chunks.empty())
      end = std::max(end, work.next.chunks.rbegin()->first + work.spec->chunk_micros());
    if (ended_) complete_to_ = work.complete_to = std::max(complete_to_, end);
  }
  work.next.complete_to = work.complete_to;
  ++work.next.log_number;
  return write_segments(work);
}

Status Datasource::read_log(Compaction& work) const {
  RF_ASSIGN(const std::string bytes, read_file(env_->fs(), log_->path()));
  RF_ASSIGN(const size_t whole, read_records(bytes, [&](LogRecord record) -> Status {
              RF_TRY(work.take(std::move(record)));
              return work.bytes > static_cast<size_t>(options_.memory_bytes) ? write_deltas(work) : Status();
            }));
  if (static_cast<int64_t>(whole) == log_->size()) return {};
  return Status::external(Code::data_loss, "The commit log '" + log_->path() + "' is damaged.");
}

// One file of these cells, which are gone afterwards.
Status Datasource::write_cells(Compaction& work, ManifestChunk& chunk, CellSet& set) const {
  if (set.cells.empty()) return {};
  const std::string name = fmt::format("segment-{}", work.next.next_file++);
  RF_TRY(write_segment(env_, path(name), set));
  chunk.files.push_back(name);
  set = CellSet(work.spec);
  return {};
}

// What was read of the log so far, a file for each chunk.
Status Datasource::write_deltas(Compaction& work) const {
  for (auto& [start, set] : work.cells) {
    if (set.cells.empty()) continue;
    RF_TRY(write_cells(work, work.next.chunks[start], set));
    work.touched.insert(start);
  }
  work.bytes = 0;
  return {};
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
    const bool seal =
        chunk.sealed || start + work.spec->chunk_micros() + options_.seal_after_us <= work.complete_to;
    const bool added = !set.cells.empty() || work.touched.contains(start);
    const bool merge =
        seal ? added || !chunk.sealed : chunk.files.size() + (set.cells.empty() ? 0 : 1) > kMaxDeltas;
    if (!added && !merge) continue;
    RF_TRY(merge ? merge_files(work, chunk, set) : write_cells(work, chunk, set));
    chunk.sealed = seal;
    work.touched.insert(start);
  }
  RF_TRY(drop_expired_files(work));
  std::erase_if(work.next.chunks,
                [&](const auto& c) { return c.second.files.empty() || work.is_expired(c.first); });
  return {};
}

// The chunk's files and new cells as one file. Large files stay, and where all would be more than one merge
// may hold they become several.
Status Datasource::merge_files(Compaction& work, ManifestChunk& chunk, CellSet& set) const {
  const std::vector<std::string> old = std::exchange(chunk.files, {});
  const auto most = static_cast<size_t>(options_.merge_cells);
  for (const std::string& file : old) {
    RF_ASSIGN(const std::shared_ptr<const Part> part, open_segment(env_, path(file), work.spec));
    if (work.cell_expired(part->max_time())) continue;
    if (part->rows() > most / 2 || part->file_bytes() > kLargeFile) {
      chunk.files.push_back(file);
      continue;
    }
    if (set.cells.rows() + part->rows() > most) RF_TRY(write_cells(work, chunk, set));
    RF_ASSIGN(CellSet cells, read_cells(work.spec, *part));
    std::vector<uint32_t> kept;
    for (uint32_t row = 0; row < cells.cells.rows(); ++row) {
      if (!work.cell_expired(cells.cells.cells().times[row])) kept.push_back(row);
    }
    std::vector<CodeMap> maps;
    merge_cells(cells.dimensions, cells.cells, &kept, maps, set.dimensions, set.cells);
  }
  return write_cells(work, chunk, set);
}

// Of the chunk that the horizon lies in; older ones go as a whole.
Status Datasource::drop_expired_files(Compaction& work) const {
  if (work.horizon == kNoTime) return {};
  const auto entry = work.next.chunks.find(floor_to(work.horizon, work.spec->chunk_micros()));
  if (entry == work.next.chunks.end()) return {};
  std::vector<std::string> kept;
  for (const std::string& file : entry->second.files) {
    RF_ASSIGN(const std::shared_ptr<const Part> part, open_segment(env_, path(file), work.spec));
    if (!work.cell_expired(part->max_time())) kept.push_back(file);
  }
  if (kept.size() < entry->second.files.size()) work.touched.insert(entry->first);
  entry->second.files = std::move(kept);
  return {};
}

// Opens the files of the chunks that are read from them: sealed ones, those that were before, and the oldest
// others as long as there is too much in memory.
Status Datasource::open_files(Compaction& work) {
  std::vector<Micros> shown;
  {
    std::lock_guard lock(mutex_);
    size_t memory = chunks_.memory_bytes();
    const auto limit = static_cast<size_t>(options_.memory_bytes);
    const bool too_much = memory > limit;
    for (const auto& [start, chunk] : work.next.chunks) {
      const auto loaded = chunks_.all().find(start);
      const bool in_files = loaded != chunks_.all().end() && loaded->second.in_files();
      const bool spill = too_much && !chunk.sealed && !in_files && memory > limit / 2;
      if (!spill && !((chunk.sealed || in_files) && work.touched.contains(start))) continue;
      shown.push_back(start);
      if (loaded != chunks_.all().end()) memory -= std::min(memory, loaded->second.memory_bytes());
    }
  }
  for (const Micros start : shown) {
    for (const std::string& file : work.next.chunks[start].files) {
      RF_ASSIGN(std::shared_ptr<const Part> part, open_segment(env_, path(file), work.spec));
      work.files[start].push_back(std::move(part));
    }
  }
  return {};
}

// Moves a long log into files before anything of it is in memory: a start needs no more than the run did.
Status Datasource::settle_log() {
  const Result<DirEntry> file = env_->fs().stat(path(manifest_.log_name()));
  if (!file.ok() && file.status().code() != Code::not_found) return file.status();
  if (!file.ok() || file->size <= options_.memory_bytes / kLogShare) return {};
  {
    std::lock_guard lock(mutex_);
    complete_to_ = std::max(complete_to_, manifest_.complete_to);
  }
  const LogClaim claim = {manifest_.format > 1, manifest_.log_bytes};
  RF_ASSIGN(log_, CommitLog::open(env_, path(manifest_.log_name()), *acknowledged_, claim,
                                  [&](const LogRecord& record) {
                                    if (record.type != RecordType::commit) return Status();
                                    std::lock_guard lock(mutex_);
                                    note_commit(record);
                                    return Status();
                                  }));
  Compaction work;
  RF_TRY(move_log(work));
  return publish(work);
}

// The log that the manifest names, made anew: one may be left from an attempt that ended before its manifest.
Result<std::unique_ptr<CommitLog>> Datasource::empty_log(const Manifest& manifest) const {
  RF_TRY(env_->fs().remove(path(manifest.log_name())));
  return CommitLog::open(env_, path(manifest.log_name()), *acknowledged_, {},
                         [](const LogRecord&) { return Status(); });
}

Status Datasource::publish(Compaction& work) {
  RF_ASSIGN(auto log, empty_log(work.next));
  for (const auto& p : work.prepared) RF_TRY(log->append(p.second));
  work.next.format = 2;
  work.next.log_bytes = log->size();
  RF_TRY(env_->fs().sync_dir(dir_));
  env_->kill_point("rollup_seal_before_manifest");
  RF_TRY(write_manifest(work.next));
  env_->kill_point("rollup_seal_after_manifest");
  const Manifest old = [&] {
    std::lock_guard lock(mutex_);  // prepare() of the next epoch may be looking at its markers
    return std::exchange(manifest_, work.next);
  }();
  const std::string old_log = log_->path();
  log_ = std::move(log);
  log_->make_official(&*acknowledged_);
  remove_left_behind(old, old_log);
  return {};
}

// After an error the folder may name the old log or the new one: nothing is written to either before load()
// has seen which.
Status Datasource::write_manifest(const Manifest& manifest) {
  Status written = write_file_atomic(env_->fs(), path("MANIFEST"), encode_manifest(manifest));
  if (!written.ok() && log_ != nullptr) log_->give_up();
  return written;
}

// The next open removes it if this fails.
void Datasource::remove_left_behind(const Manifest& old, const std::string& old_log) {
  acknowledged_->forget(old_log.substr(old_log.rfind('/') + 1));
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

// Puts files in place of the memory that they were made from; what is not committed stays in memory.
void Datasource::install(Compaction& work) {
  std::lock_guard lock(mutex_);
  const Micros horizon = horizon_locked();
  std::erase_if(chunks_.all(), [&](const auto& entry) {
    return horizon != kNoTime && entry.second.end() <= horizon && !work.next.chunks.contains(entry.first);
  });
  for (auto& [start, files] : work.files) {
    Chunk& chunk = chunks_.at(start);
    chunk.show_files(std::move(files), work.next.chunks[start].sealed);
    for (auto& p : pending_) {
      if (p.second.visible) chunks_.merge_into(chunk, p.second.cells->dimensions, p.second.cells->cells);
    }
    for (const auto& shard : shards_) {
      std::lock_guard guard(shard->mutex);
      chunks_.merge_into(chunk, shard->epoch.dimensions, shard->epoch.cells);
    }
  }
  drop_expired();
  spilled_at_ = chunks_.memory_bytes();
  snapshot_.reset();
}

// REQUIRES: no writer is open, so that all rows are committed or prepared.
Status Datasource::change_spec(const RollupSpec& spec) {
  std::lock_guard io(io_);
  const auto next_spec = std::make_shared<const RollupSpec>(spec);
  RF_TRY(load());
  RF_TRY(compact());
  Compaction work;
  work.spec = next_spec;
  work.next = manifest_;
  Manifest& next = work.next;
  next.spec = encode_spec(spec);
  ++next.log_number;
  for (auto& entry : next.chunks) {
    const std::vector<std::string> files = std::exchange(entry.second.files, {});
    CellSet merged(next_spec);
    for (const std::string& file : files) {
      RF_ASSIGN(const std::shared_ptr<const Part> part, open_segment(env_, path(file), spec_));
      if (merged.cells.rows() + part->rows() > static_cast<size_t>(options_.merge_cells))
        RF_TRY(write_cells(work, entry.second, merged));
      RF_ASSIGN(CellSet old, read_cells(spec_, *part));
      CellSet converted = convert_cells(old, next_spec);
      std::vector<CodeMap> maps;
      merge_cells(converted.dimensions, converted.cells, nullptr, maps, merged.dimensions, merged.cells);
    }
    RF_TRY(write_cells(work, entry.second, merged));
  }
  std::erase_if(next.chunks, [](const auto& c) { return c.second.files.empty(); });
  RF_ASSIGN(auto log, empty_log(next));
  for (auto& p : pending_) {
    LogRecord record = p.second.record;
    record.type = RecordType::prepared;
    record.cells = encode_cells(convert_cells(*p.second.cells, next_spec));
    RF_TRY(log->append(record));
  }
  next.log_bytes = log->size();
  RF_TRY(env_->fs().sync_dir(dir_));
  RF_TRY(write_manifest(next));
  {
    std::lock_guard lock(mutex_);
    spec_ = next_spec;
    chunks_ = Chunks(next_spec);
  }
  return load();
}

}  // namespace rideflow::rollup
