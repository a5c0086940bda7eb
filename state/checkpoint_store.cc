#include "state/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow {
namespace {

constexpr std::string_view kManifestPrefix = "manifest-";
constexpr std::string_view kDamagedPrefix = "damaged-";
constexpr size_t kEpochDigits = 16;
constexpr int64_t kUsedElsewhere = 1'000'000;

std::optional<Epoch> leading_epoch(std::string_view text) {
  int64_t value = 0;
  if (text.size() < kEpochDigits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + kEpochDigits, value);
  if (error != std::errc() || end != text.data() + kEpochDigits) return std::nullopt;
  return Epoch(value);
}

bool is_damage(const Status& status) {
  return status.code() == Code::data_loss || status.code() == Code::not_found;
}

}  // namespace

Result<std::shared_ptr<CheckpointStore>> CheckpointStore::open(Env& env, const std::string& dir) {
  std::shared_ptr<CheckpointStore> store(new CheckpointStore(env, dir));
  RF_TRY(env.fs().make_dirs(store->files_dir()));
  RF_ASSIGN(const auto entries, env.fs().list(dir));
  for (const DirEntry& entry : entries) {
    if (entry.name.ends_with(".tmp")) RF_TRY(env.fs().remove(join_path(dir, entry.name)));
  }
  return store;
}

std::string CheckpointStore::manifest_path(Epoch epoch) const {
  return join_path(dir_, fmt::format("{}{:016}", kManifestPrefix, epoch.value));
}

std::string CheckpointStore::path_of(const StateFile& file) const {
  return join_path(files_dir(), file.name);
}

Result<StateFile> CheckpointStore::adopt(const std::string& path, const std::string& db_name, Epoch epoch) {
  StateFile file;
  file.db_name = db_name;
  file.name = fmt::format("{:016}-{:016x}-{}", epoch.value, env_.random(), db_name);
  RF_TRY(env_.fs().link(path, path_of(file)));
  {
    RF_ASSIGN(const auto out, env_.fs().append(path_of(file)));
    RF_TRY(out->sync());
    RF_TRY(out->close());
  }
  RF_ASSIGN(const auto in, env_.fs().open(path_of(file)));
  RF_ASSIGN(const auto content, in->map());
  file.bytes = static_cast<int64_t>(content->size());
  file.checksum = checksum64(*content);
  return file;
}

Result<std::vector<Epoch>> CheckpointStore::epochs() {
  RF_ASSIGN(const auto entries, env_.fs().list(dir_));
  std::vector<Epoch> found;
  for (const DirEntry& entry : entries) {
    if (!entry.name.starts_with(kManifestPrefix)) continue;
    if (entry.name.size() != kManifestPrefix.size() + kEpochDigits) continue;
    const auto epoch = leading_epoch(std::string_view(entry.name).substr(kManifestPrefix.size()));
    if (epoch) found.push_back(*epoch);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<Checkpoint> CheckpointStore::read(Epoch epoch) {
  auto bytes = read_file(env_.fs(), manifest_path(epoch));
  if (!bytes.ok()) return std::move(bytes).status();
  auto checkpoint = decode_manifest(*bytes);
  if (!checkpoint.ok()) return std::move(checkpoint).status().with("'" + manifest_path(epoch) + "'");
  if (checkpoint->epoch != epoch)
    return Status::external(Code::data_loss, fmt::format("'{}' describes checkpoint {}: it was renamed.",
                                                         manifest_path(epoch), checkpoint->epoch.value));
  return checkpoint;
}

// ---- Epochs

// Epochs of 0: there was none.
Result<CheckpointStore::Attempt> CheckpointStore::last_attempt() {
  const auto bytes = read_file(env_.fs(), attempt_path());
  if (!bytes.ok() && bytes.status().code() == Code::not_found) return Attempt();
  if (!bytes.ok()) return Status(bytes.status());
  Attempt attempt;
  const size_t end = bytes->size() - std::min(bytes->size(), sizeof(uint64_t));
  const std::string_view body = std::string_view(*bytes).substr(0, end);
  ByteReader in(body);
  attempt.lineage = in.get_string();
  attempt.first = Epoch(in.get<int64_t>());
  if (in.ok() && !in.at_end()) attempt.published = Epoch(in.get<int64_t>());  // older versions end before
  const auto checksum = ByteReader(std::string_view(*bytes).substr(end)).get<uint64_t>();
  if (in.ok() && in.at_end() && checksum == checksum64(body)) return attempt;
  return Status::external(
      Code::data_loss, fmt::format("'{}' is damaged: which checkpoint numbers were used is not known. Start "
                                   "the job under a new name, or remove the file if the job's last "
                                   "attempt ended properly.",
                                   attempt_path()));
}

Status CheckpointStore::write_attempt(const Attempt& attempt) {
  ByteWriter out;
  out.put_string(attempt.lineage).put(attempt.first.value).put(attempt.published.value);
  std::string bytes = out.take();
  const uint64_t checksum = checksum64(bytes);
  bytes.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  return write_file_atomic(env_.fs(), attempt_path(), bytes);
}

Result<Epoch> CheckpointStore::begin_attempt(const std::string& lineage) {
  RF_ASSIGN(const Attempt last, last_attempt());
  const Epoch begun = last.lineage == lineage ? last.first : Epoch(0);
  RF_ASSIGN(const auto entries, env_.fs().list(dir_));
  Epoch used(0);
  for (const DirEntry& entry : entries) {
    for (const std::string_view prefix : {kManifestPrefix, kDamagedPrefix}) {
      if (!entry.name.starts_with(prefix)) continue;
      const auto epoch = leading_epoch(std::string_view(entry.name).substr(prefix.size()));
      if (epoch) used = std::max(used, *epoch);
    }
  }
  // The last attempt may have begun one epoch behind the newest that it published.
  const int64_t next = used.value + 1;
  Attempt attempt;
  attempt.lineage = lineage;
  attempt.first = Epoch(begun.value > 0 ? std::max(next, begun.value) + 1 : next);
  attempt.published = used;
  RF_TRY(write_attempt(attempt));
  attempt_ = attempt;
  return attempt.first;
}

// Once in an attempt, and once in the life of a job where it counts: that there has been a checkpoint at all.
// Without the note only that protection is missing.
void CheckpointStore::note_published(Epoch epoch) {
  if (attempt_.lineage.empty() || attempt_.published > Epoch(0)) return;
  Attempt attempt = attempt_;
  attempt.published = epoch;
  const Status noted = write_attempt(attempt);
  if (noted.ok()) attempt_ = attempt;
  if (!noted.ok()) env_.warn("checkpoint_not_noted", {{"error", noted.to_string()}});
}

// ---- Publishing

Result<int64_t> CheckpointStore::publish(const Checkpoint& checkpoint) {
  int64_t bytes = 0;
  for (const TaskSnapshot& task : checkpoint.tasks) {
    for (const StateFile& file : task.files) {
      RF_ASSIGN(const DirEntry entry, env_.fs().stat(path_of(file)));
      if (entry.size != file.bytes)
        return Status::external(Code::data_loss, fmt::format("'{}' has {} bytes instead of {}.",
                                                             path_of(file), entry.size, file.bytes));
      bytes += file.bytes;
    }
  }
  const std::string encoded = encode_manifest(checkpoint);
  bytes += static_cast<int64_t>(encoded.size());
  RF_TRY(env_.fs().sync_dir(files_dir()));
  env_.kill_point("manifest_before_write");
  RF_TRY(write_file_atomic(env_.fs(), manifest_path(checkpoint.epoch), encoded));
  env_.kill_point("manifest_after_write");
  RF_ASSIGN(const Checkpoint again, read(checkpoint.epoch));
  if (again != checkpoint)
    return Status::external(Code::data_loss, fmt::format("'{}' reads back differently than it was written.",
                                                         manifest_path(checkpoint.epoch)));
  note_published(checkpoint.epoch);
  Status dropped = drop_old();
  if (dropped.ok()) dropped = sweep(checkpoint.epoch).status();
  if (!dropped.ok()) env_.warn("checkpoint_cleanup_failed", {{"error", dropped.to_string()}});
  return bytes;
}

Status CheckpointStore::drop_old() {
  RF_ASSIGN(const auto found, epochs());
  if (found.size() <= kKept) return {};
  for (size_t i = 0; i + kKept < found.size(); ++i) RF_TRY(env_.fs().remove(manifest_path(found[i])));
  return env_.fs().sync_dir(dir_);
}

// A kept manifest that can't be read keeps all files: nothing is removed on a guess.
Result<int> CheckpointStore::sweep(Epoch up_to) {
  std::set<std::string> reachable;
  RF_ASSIGN(const auto found, epochs());
  for (const Epoch epoch : found) {
    RF_ASSIGN(const Checkpoint checkpoint, read(epoch));
    for (const TaskSnapshot& task : checkpoint.tasks) {
      for (const StateFile& file : task.files) reachable.insert(file.name);
    }
  }
  RF_ASSIGN(const auto entries, env_.fs().list(files_dir()));
  int removed = 0;
  for (const DirEntry& entry : entries) {
    const auto epoch = leading_epoch(entry.name);
    if (reachable.contains(entry.name) || !epoch || *epoch > up_to) continue;
    RF_TRY(env_.fs().remove(join_path(files_dir(), entry.name)));
    ++removed;
  }
  return removed;
}

// ---- Loading

Status CheckpointStore::check_files(const Checkpoint& checkpoint) {
  for (const TaskSnapshot& task : checkpoint.tasks) {
    for (const StateFile& file : task.files) {
      const auto in = env_.fs().open(path_of(file));
      if (!in.ok()) return Status(in.status());
      RF_ASSIGN(const auto content, (*in)->map());
      if (static_cast<int64_t>(content->size()) != file.bytes)
        return Status::external(Code::data_loss, fmt::format("'{}' has {} bytes instead of {}.",
                                                             path_of(file), content->size(), file.bytes));
      if (checksum64(*content) != file.checksum)
        return Status::external(Code::data_loss,
                                fmt::format("'{}' is damaged: its checksum differs.", path_of(file)));
    }
  }
  return {};
}

Status CheckpointStore::adopt_checkpoint(const Checkpoint& checkpoint) {
  RF_TRY(check_files(checkpoint));
  Attempt elsewhere;
  elsewhere.lineage = checkpoint.lineage;
  elsewhere.first = Epoch(checkpoint.epoch.value + kUsedElsewhere);
  RF_TRY(write_attempt(elsewhere));
  attempt_ = elsewhere;
  return publish(checkpoint).status();
}

Status CheckpointStore::set_aside(Epoch epoch) {
  const std::string aside = join_path(dir_, fmt::format("{}{:016}", kDamagedPrefix, epoch.value));
  RF_TRY(env_.fs().rename(manifest_path(epoch), aside));
  return env_.fs().sync_dir(dir_);
}

Status CheckpointStore::settle() {
  if (set_aside_.empty()) return {};
  while (!set_aside_.empty()) {
    RF_TRY(set_aside(set_aside_.back()));
    set_aside_.pop_back();
  }
  return sweep(Epoch(INT64_MAX)).status();  // nobody writes yet
}

Result<std::optional<LoadedCheckpoint>> CheckpointStore::load() {
  RF_ASSIGN(auto found, epochs());
  LoadedCheckpoint loaded;
  set_aside_.clear();
  for (auto epoch = found.rbegin(); epoch != found.rend(); ++epoch) {
    auto manifest = read(*epoch);
    Status status = manifest.ok() ? check_files(*manifest) : manifest.status();
    if (status.ok()) {
      loaded.checkpoint = *std::move(manifest);
      set_aside_.assign(found.rbegin(), epoch);
      if (!set_aside_.empty()) return std::optional<LoadedCheckpoint>(std::move(loaded));
      const auto swept = sweep(Epoch(INT64_MAX));  // nobody writes yet
      if (!swept.ok()) env_.warn("checkpoint_cleanup_failed", {{"error", swept.status().to_string()}});
      return std::optional<LoadedCheckpoint>(std::move(loaded));
    }
    if (!is_damage(status)) return status.with(fmt::format("checkpoint {}", epoch->value));
    env_.warn("checkpoint_damaged", {{"epoch", std::to_string(epoch->value)}, {"why", status.to_string()}});
    loaded.passed_over.push_back(fmt::format("checkpoint {}: {}", epoch->value, status.to_string()));
  }
  if (loaded.passed_over.empty()) {
    RF_ASSIGN(const Attempt last, last_attempt());
    if (last.published == Epoch(0)) return std::optional<LoadedCheckpoint>();
    return Status::external(
        Code::data_loss,
        fmt::format("'{0}' holds no checkpoint, but this job completed checkpoint {1}: '{2}' is gone. "
                    "Restore the directory from a copy, or remove all of '{0}' to start the job anew.",
                    dir_, last.published.value, manifest_path(last.published)));
  }
  std::string text = "No checkpoint of this job can be read:";
  for (const std::string& reason : loaded.passed_over) text += " " + reason;
  return Status::external(Code::data_loss, text + " Restore the files, or start the job under a new name.");
}

}  // namespace rideflow
