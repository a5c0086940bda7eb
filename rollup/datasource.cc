#include "rollup/datasource.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/byte_codec.h"
#include "rollup/segment.h"

namespace rideflow::rollup {
namespace {

// A handle is the commit record that it will become.
Result<LogRecord> decode_handle(const std::string& handle) {
  LogRecord record;
  RF_ASSIGN(const size_t whole, read_records(handle, [&](LogRecord r) {
              record = std::move(r);
              return Status();
            }));
  if (whole == 0 || whole != handle.size()) {
    return Status::external(Code::data_loss, "A rollup's prepared epoch in the checkpoint does not decode.");
  }
  return record;
}

auto key_of(const Marker& m) {
  return std::make_tuple(m.lineage, m.sink, m.shard);
}

constexpr std::string_view kAcknowledged = "ACKNOWLEDGED";

// What the cells of a file would take in memory: more or less, and rather more.
int64_t guess_bytes(const Part& part, const RollupSpec& spec) {
  const auto columns = static_cast<int64_t>(spec.dimensions.size() + spec.metrics.size());
  return part.file_bytes() * 3 + static_cast<int64_t>(part.rows()) * (32 + 16 * columns);
}

std::string describe(const Marker& m) {
  return fmt::format("epoch {} of lineage {}, sink {}, shard {}", m.epoch.value, m.lineage, m.sink, m.shard);
}

Status rows_are_gone(const Marker& marker) {
  return Status::external(Code::data_loss,
                          "The prepared rows of " + describe(marker) +
                              " are gone from the rollup: it was removed, or its log damaged. "
                              "Restore the rollup's folder from a copy, or start the job under a new "
                              "name to replay it.");
}

Result<Manifest> read_manifest(Env* env, const std::string& path) {
  RF_ASSIGN(const std::string bytes, read_file(env->fs(), path));
  auto manifest = decode_manifest(bytes);
  if (!manifest.ok()) return std::move(manifest).status().with("'" + path + "'");
  return manifest;
}

}  // namespace

Datasource::Datasource(Env* env, std::string dir, std::shared_ptr<const RollupSpec> spec,
                       const RollupStoreOptions& options)
    : env_(env), dir_(std::move(dir)), options_(options), spec_(spec), chunks_(std::move(spec)) {}

Result<std::shared_ptr<Datasource>> Datasource::open(Env* env, const std::string& dir,
                                                     const RollupStoreOptions& options) {
  RF_ASSIGN(const Manifest manifest, read_manifest(env, join_path(dir, "MANIFEST")));
  RF_ASSIGN(RollupSpec spec, decode_spec(manifest.spec));
  std::shared_ptr<Datasource> datasource(
      new Datasource(env, dir, std::make_shared<const RollupSpec>(std::move(spec)), options));
  std::lock_guard io(datasource->io_);
  RF_TRY(datasource->load());
  return datasource;
}

Result<std::shared_ptr<Datasource>> Datasource::create(Env* env, const std::string& dir,
                                                       const RollupSpec& spec,
                                                       const RollupStoreOptions& options) {
  RF_TRY(env->fs().make_dirs(dir));
  Manifest manifest;
  manifest.spec = encode_spec(spec);
  // The log first: a manifest whose log is missing has lost it.
  RF_ASSIGN(const auto log, env->fs().create(join_path(dir, manifest.log_name())));
  RF_TRY(log->sync());
  RF_TRY(log->close());
  RF_TRY(env->fs().sync_dir(dir));
  RF_TRY(write_file_atomic(env->fs(), join_path(dir, "MANIFEST"), encode_manifest(manifest)));
  RF_TRY(env->fs().sync_dir(parent_dir(dir)));
  return open(env, dir, options);
}

std::shared_ptr<const RollupSpec> Datasource::spec() const {
  std::lock_guard lock(mutex_);
  return spec_;
}

// ---- Reading the folder

Status Datasource::load() {
  RF_ASSIGN(Manifest found, read_manifest(env_, path("MANIFEST")));
  {
    std::lock_guard lock(mutex_);
    manifest_ = std::move(found);
  }
  // A failed sync may have left bytes in the file that are not on the disk: they never count.
  if (log_ != nullptr && !log_->alive()) RF_TRY(env_->fs().truncate(log_->path(), log_->size()));
  if (!acknowledged_) {
    RF_ASSIGN(acknowledged_, Acknowledged::open(env_->fs(), path(std::string(kAcknowledged))));
    if (!acknowledged_->damage().empty())
      env_->warn("rollup_notes_damaged", {{"why", acknowledged_->damage()}});
  }
  {
    std::lock_guard lock(mutex_);
    rebuild_ = true;  // until all of it succeeded
  }
  RF_TRY(settle_log());
  std::lock_guard lock(mutex_);
  chunks_.clear();
  pending_.clear();
  snapshot_.reset();
  complete_to_ = std::max(complete_to_, manifest_.complete_to);
  RF_TRY(load_segments());
  const LogClaim claim = {manifest_.format > 1, manifest_.log_bytes};
  RF_ASSIGN(log_, CommitLog::open(env_, path(manifest_.log_name()), *acknowledged_, claim,
                                  [&](LogRecord record) { return replay(std::move(record)); }));
  log_->make_official(&*acknowledged_);
  RF_TRY(rewrite_log());
  // What live writers hold was never in the folder.
  for (const auto& shard : shards_) {
    std::lock_guard guard(shard->mutex);
    chunks_.merge(shard->epoch);
  }
  rebuild_ = false;
  spilled_at_ = 0;
  drop_expired();
  return {};
}

// Copies the log into a new file. What a process left behind that died between a write and its sync may be
// readable and yet not durable, and a sync of the old file would not tell: a later power loss would take back
// epochs that were seen as committed.
Status Datasource::rewrite_log() {
  if (log_->size() == 0 && manifest_.format > 1) return {};
  RF_ASSIGN(const std::string bytes, read_file(env_->fs(), log_->path()));
  Manifest next = manifest_;
  ++next.log_number;
  RF_ASSIGN(const auto file, env_->fs().create(path(next.log_name())));
  RF_TRY(file->append(bytes));
  RF_TRY(file->sync());
  RF_TRY(file->close());
  RF_TRY(env_->fs().sync_dir(dir_));
  // The markers of the old manifest: the log brings the others again.
  RF_ASSIGN(Manifest written, read_manifest(env_, path("MANIFEST")));
  written.log_number = next.log_number;
  written.log_bytes = static_cast<int64_t>(bytes.size());
  RF_TRY(write_manifest(written));
  const std::string old_log = log_->path();
  manifest_.log_number = next.log_number;
  manifest_.log_bytes = written.log_bytes;
  manifest_.format = 2;
  acknowledged_->forget(old_log.substr(old_log.rfind('/') + 1));
  RF_ASSIGN(log_, CommitLog::open(env_, path(next.log_name()), *acknowledged_, {true, written.log_bytes},
                                  [](const LogRecord&) { return Status(); }));
  log_->make_official(&*acknowledged_);
  return env_->fs().remove(old_log);
}

// REQUIRES: mutex_. An open chunk is read into memory when all of it has room there; the newest first.
Status Datasource::load_chunk(Micros start, const ManifestChunk& chunk, int64_t& room) {
  std::vector<std::shared_ptr<const Part>> parts;
  int64_t bytes = 0;
  for (const std::string& file : chunk.files) {
    RF_ASSIGN(std::shared_ptr<const Part> part, open_segment(env_, path(file), spec_));
    bytes += guess_bytes(*part, *spec_);
    parts.push_back(std::move(part));
  }
  Chunk& loaded = chunks_.at(start);
  if (chunk.sealed || bytes > room) {
    loaded.show_files(std::move(parts), chunk.sealed);
    return {};
  }
  for (const auto& part : parts) {
    RF_ASSIGN(CellSet cells, read_cells(spec_, *part));
    chunks_.merge(cells);
  }
  room -= static_cast<int64_t>(loaded.memory_bytes());
  return {};
}

Status Datasource::load_segments() {
  std::vector<std::string> known = {"MANIFEST", manifest_.log_name(), std::string(kAcknowledged)};
  int64_t room = options_.memory_bytes / 2;
  for (auto it = manifest_.chunks.rbegin(); it != manifest_.chunks.rend(); ++it) {
    known.insert(known.end(), it->second.files.begin(), it->second.files.end());
    RF_TRY(load_chunk(it->first, it->second, room));
  }
  RF_ASSIGN(const std::vector<DirEntry> entries, env_->fs().list(dir_));
  for (const DirEntry& entry : entries) {
    if (std::find(known.begin(), known.end(), entry.name) == known.end()) {
      RF_TRY(env_->fs().remove(path(entry.name)));
    }
  }
  return {};
}

Status Datasource::replay(LogRecord record) {
  if (record.type == RecordType::drop) {
    std::erase_if(pending_, [&](const auto& p) {
      return key_of(p.first) == key_of(record.marker) && p.first.epoch > record.marker.epoch;
    });
    return {};
  }
  if (record.type == RecordType::commit) {
    if (record.rows > 0 && pending_.count(record.marker) == 0) return rows_are_gone(record.marker);
    apply_commit(record);
    return {};
  }
  RF_ASSIGN(CellSet cells, decode_cells(spec_, record.cells));
  record.cells.clear();
  Pending pending;
  pending.cells = std::make_shared<CellSet>(std::move(cells));
  pending.durable = true;
  pending.record = record;
  pending_.insert_or_assign(record.marker, std::move(pending));
  return {};
}

// REQUIRES: mutex_. The record is durable.
void Datasource::apply_commit(const LogRecord& record) {
  const auto it = pending_.find(record.marker);
  if (it != pending_.end()) {
    if (!it->second.visible) chunks_.merge(*it->second.cells);
    pending_.erase(it);
  }
  note_commit(record);
  snapshot_.reset();
}

// REQUIRES: mutex_.
void Datasource::note_commit(const LogRecord& record) {
  manifest_.markers[key_of(record.marker)] = {record.marker.epoch, record.watermark};
  Micros least = kEndOfTime;
  for (int32_t shard = 0; shard < record.parallelism; ++shard) {
    const auto it = manifest_.markers.find({record.marker.lineage, record.marker.sink, shard});
    if (it == manifest_.markers.end()) return;
    least = std::min(least, it->second.watermark);
  }
  ended_ = least == kEndOfTime;
  if (ended_) {
    for (auto& [start, chunk] : chunks_.all()) least = std::min(chunk.end(), kEndOfTime);
    if (least == kEndOfTime) return;
  }
  complete_to_ = std::max(complete_to_, least);
}

// ---- Snapshots

// REQUIRES: mutex_. Moves a shard's new cells into its epoch and into the chunks.
void Datasource::publish_shard(ShardState& shard) {
  std::lock_guard guard(shard.mutex);
  if (shard.fresh.empty()) return;
  std::vector<uint32_t> all(shard.fresh.rows());
  std::iota(all.begin(), all.end(), 0U);
  std::vector<const uint32_t*> codes;
  for (const auto& column : shard.fresh.cells().dimensions) codes.push_back(column.data());
  chunks_.merge(shard.epoch.dimensions, shard.fresh);
  shard.epoch.cells.merge(shard.fresh.cells(), all, codes);
  shard.fresh.clear();
  snapshot_.reset();
}

std::shared_ptr<const RollupSnapshot> Datasource::snapshot() {
  std::lock_guard lock(mutex_);
  const Micros now = env_->monotonic();
  if (snapshot_ != nullptr && now - snapshot_at_ < options_.publish_interval_us) return snapshot_;
  for (const auto& shard : shards_) publish_shard(*shard);
  snapshot_at_ = now;
  if (snapshot_ != nullptr) return snapshot_;
  auto snapshot = std::make_shared<RollupSnapshot>();
  snapshot->spec = spec_;
  snapshot->complete_to = complete_to_;
  for (auto& entry : chunks_.all()) entry.second.append_parts(snapshot->parts);
  snapshot_ = std::move(snapshot);
  return snapshot_;
}

Micros Datasource::horizon_locked() const {
  return spec_->retain == 0 || complete_to_ == kNoTime ? kNoTime : complete_to_ - spec_->retain;
}

Micros Datasource::horizon() const {
  std::lock_guard lock(mutex_);
  return horizon_locked();
}

// ---- Writers

std::shared_ptr<ShardState> Datasource::attach(const RollupWriterId& id) {
  std::lock_guard lock(mutex_);
  for (const auto& old : shards_) {
    if (old->id.sink != id.sink || old->id.shard != id.shard) continue;
    std::lock_guard guard(old->mutex);
    old->fenced = true;
    rebuild_ = rebuild_ || !old->epoch.cells.empty();
  }
  std::erase_if(shards_, [](const auto& s) { return s->fenced; });
  shards_.push_back(std::make_shared<ShardState>(spec_, id));
  return shards_.back();
}

void Datasource::detach(const std::shared_ptr<ShardState>& shard) {
  std::lock_guard lock(mutex_);
  const auto it = std::find(shards_.begin(), shards_.end(), shard);
  if (it == shards_.end()) return;
  {
    std::lock_guard guard(shard->mutex);
    rebuild_ = rebuild_ || !shard->epoch.cells.empty();
  }
  shards_.erase(it);
}

// REQUIRES: mutex_.
void Datasource::drop_expired() {
  const Micros horizon = horizon_locked();
  if (horizon == kNoTime) return;
  for (auto& entry : chunks_.all()) {
    if (entry.first >= horizon) break;
    if (entry.second.drop_before(horizon)) snapshot_.reset();
  }
}

int64_t Datasource::memory_bytes() const {
  std::lock_guard lock(mutex_);
  size_t bytes = chunks_.memory_bytes();
  for (const auto& [start, chunk] : chunks_.all()) bytes += chunk.file_heap_bytes();
  for (const auto& [marker, pending] : pending_) bytes += pending.cells->bytes();
  for (const auto& shard : shards_) {
    std::lock_guard guard(shard->mutex);
    bytes += shard->epoch.bytes() + shard->fresh.bytes();
  }
  // Columns that changed since, for the snapshot that queries have.
  for (const auto& part : snapshot_ ? snapshot_->parts : std::vector<std::shared_ptr<const Part>>()) {
    const auto chunk = chunks_.all().find(chunks_.start_of(part->min_time()));
    if (chunk == chunks_.all().end() || !chunk->second.holds(part.get()))
      bytes += static_cast<size_t>(part->memory_bytes());
  }
  return static_cast<int64_t>(bytes);
}

void Datasource::close_earlier(const RollupWriterId& id) {
  std::lock_guard lock(mutex_);
  for (const auto& old : shards_) {
    if (old->id.sink != id.sink || old->id.lineage != id.lineage) continue;
    std::lock_guard guard(old->mutex);
    old->fenced = true;
    rebuild_ = rebuild_ || !old->epoch.cells.empty();
  }
  std::erase_if(shards_, [](const auto& s) { return s->fenced; });
}

bool Datasource::has_writers() const {
  std::lock_guard lock(mutex_);
  return !shards_.empty();
}

Result<RollupPrepared> Datasource::prepare(const std::shared_ptr<ShardState>& shard, Epoch epoch) {
  std::lock_guard lock(mutex_);
  publish_shard(*shard);
  std::lock_guard guard(shard->mutex);
  LogRecord record;
  record.type = RecordType::commit;
  record.marker = {shard->id.lineage, shard->id.sink, shard->id.shard, epoch};
  record.watermark = shard->watermark;
  record.parallelism = shard->id.parallelism;
  RollupPrepared prepared;
  record.rows = static_cast<int64_t>(shard->epoch.cells.rows());
  const auto marker = manifest_.markers.find(key_of(record.marker));
  if (marker != manifest_.markers.end()) record.confirmed = marker->second.epoch;
  prepared.handle = encode_record(record);
  Pending pending;
  pending.visible = true;
  pending.durable = shard->epoch.cells.empty();
  pending.record = record;
  pending.cells = std::make_shared<CellSet>(std::move(shard->epoch));
  shard->epoch = CellSet(spec_);
  shard->fresh = CellTable(spec_);
  if (pending.durable) {
    prepared.persist = [] { return Status(); };
  } else {
    prepared.persist = [self = shared_from_this(), marker = record.marker] { return self->persist(marker); };
  }
  pending_.insert_or_assign(record.marker, std::move(pending));
  return prepared;
}

Status Datasource::persist(const Marker& marker) {
  std::lock_guard io(io_);
  LogRecord record;
  std::shared_ptr<const CellSet> cells;
  {
    std::lock_guard lock(mutex_);
    const auto it = pending_.find(marker);
    if (it == pending_.end()) {
      return Status::external(Code::aborted,
                              "The rollup dropped " + describe(marker) + " before it was written.");
    }
    record = it->second.record;
    cells = it->second.cells;
  }
  record.type = RecordType::prepared;
  record.cells = encode_cells(*cells);
  env_->kill_point("rollup_prepare_before_record");
  RF_TRY(log_->append(record));
  env_->kill_point("rollup_prepare_after_record");
  std::lock_guard lock(mutex_);
  const auto it = pending_.find(marker);
  if (it != pending_.end()) it->second.durable = true;
  return {};
}

Status Datasource::commit(const std::string& handle) {
  RF_ASSIGN(const LogRecord record, decode_handle(handle));
  std::lock_guard io(io_);
  RF_TRY(commit_record(record));
  return maintain();
}

// REQUIRES: io_.
Status Datasource::commit_record(const LogRecord& record) {
  const auto marker = manifest_.markers.find(key_of(record.marker));
  if (marker != manifest_.markers.end() && marker->second.epoch >= record.marker.epoch) return {};
  {
    std::lock_guard lock(mutex_);
    const auto it = pending_.find(record.marker);
    if (it != pending_.end() && !it->second.durable) {
      return Status::internal("The rollup is told to commit " + describe(record.marker) +
                              " before it was durable.");
    }
    if (it == pending_.end() && record.rows > 0)
      return rows_are_gone(record.marker).with("'" + log_->path() + "'");
  }
  env_->kill_point("rollup_commit_before_record");
  RF_TRY(log_->append(record));
  env_->kill_point("rollup_commit_after_record");
  std::lock_guard lock(mutex_);
  apply_commit(record);
  return {};
}

Status Datasource::drop_prepared(const ShardState& shard, Epoch restored) {
  LogRecord record;
  record.type = RecordType::drop;
  record.marker = {shard.id.lineage, shard.id.sink, shard.id.shard, restored};
  const auto above = [&](const auto& p) {
    return key_of(p.first) == key_of(record.marker) && p.first.epoch > restored;
  };
  {
    std::lock_guard lock(mutex_);
    if (std::none_of(pending_.begin(), pending_.end(), above)) return {};
  }
  RF_TRY(log_->append(record));
  std::lock_guard lock(mutex_);
  for (const auto& p : pending_) rebuild_ = rebuild_ || (above(p) && p.second.visible);
  std::erase_if(pending_, above);
  return {};
}

Status Datasource::recover(const ShardState& shard, Epoch restored,
                           const std::vector<std::pair<Epoch, std::string>>& pending) {
  std::lock_guard io(io_);
  const auto reload = [&] {
    const bool needed = [&] {
      std::lock_guard lock(mutex_);
      return rebuild_;
    }();
    return needed || !log_->alive() ? load() : Status();
  };
  RF_TRY(reload());
  RF_TRY(check_markers(shard, restored, pending));
  for (const auto& item : pending) {
    RF_ASSIGN(const LogRecord record, decode_handle(item.second));
    RF_TRY(commit_record(record));
  }
  RF_TRY(drop_prepared(shard, restored));
  return reload();
}

// Rule R4 of exactly-once output. REQUIRES: io_.
Status Datasource::check_markers(const ShardState& shard, Epoch restored,
                                 const std::vector<std::pair<Epoch, std::string>>& pending) const {
  for (const auto& [key, marker] : manifest_.markers) {
    if (std::get<0>(key) != shard.id.lineage || std::get<1>(key) != shard.id.sink) continue;
    if (marker.epoch <= restored) continue;
    return Status::user(
        Code::aborted,
        fmt::format(
            "The rollup '{}' already holds epoch {} of sink '{}', but the restored checkpoint is of epoch "
            "{}: replaying would count rows twice. Restore a newer checkpoint, or drop the rollup.",
            spec()->datasource, marker.epoch.value, shard.id.sink, restored.value));
  }
  for (const auto& item : pending) {
    RF_ASSIGN(const LogRecord record, decode_handle(item.second));
    const auto found = manifest_.markers.find(key_of(record.marker));
    const Epoch marker = found == manifest_.markers.end() ? Epoch(0) : found->second.epoch;
    if (marker >= record.confirmed) continue;
    return Status::external(Code::data_loss, fmt::format("The rollup '{}' ({}) holds epoch {} of sink '{}', "
                                                         "but the restored checkpoint knows that epoch {} "
                                                         "was committed there: rows are lost. Restore the "
                                                         "folder from a copy, or start the job under a new "
                                                         "name to replay it.",
                                                         spec()->datasource, dir_, marker.value,
                                                         shard.id.sink, record.confirmed.value));
  }
  return {};
}

}  // namespace rideflow::rollup
