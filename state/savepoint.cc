#include "state/savepoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/json_writer.h"
#include "state/manifest.h"

namespace rideflow {
namespace {

constexpr const char* kManifest = "MANIFEST";
constexpr const char* kJobText = "JOB.yaml";
constexpr const char* kAbout = "SAVEPOINT.json";
constexpr int64_t kMaxManifest = int64_t{1} << 30;

std::string object_of(const StateFile& file) {
  return "files/" + file.name;
}

std::string about(const Checkpoint& checkpoint, int64_t bytes) {
  size_t unpublished = 0;
  for (const TaskSnapshot& task : checkpoint.tasks) unpublished += task.prepared.size();
  std::string text;
  JsonWriter json(text);
  json.begin_object().field("job", checkpoint.job).field("lineage", checkpoint.lineage);
  json.field("checkpoint", checkpoint.epoch.value);
  json.field("created_at", format_timestamp(checkpoint.created_at)).field("bytes", bytes);
  json.field("unpublished_epochs", static_cast<int64_t>(unpublished)).end_object();
  return text + "\n";
}

Status write_files(const std::vector<StateFile>& files, const std::string& files_dir, ObjectStore& to) {
  std::vector<LocalFile> local;
  for (const StateFile& file : files) local.push_back({join_path(files_dir, file.name), object_of(file)});
  RF_ASSIGN(const std::vector<ObjectSum> sums, to.put_files(local));
  for (size_t i = 0; i < files.size(); ++i) {
    if (sums[i].bytes == files[i].bytes && sums[i].checksum == files[i].checksum) continue;
    return Status::external(
        Code::data_loss, fmt::format("'{}' is not what its checkpoint says: it is damaged", local[i].path));
  }
  return {};
}

Status check_target(ObjectStore& to) {
  const Result<ObjectInfo> there = to.stat(kManifest);
  if (there.ok()) {
    return Status::user(Code::already_exists,
                        fmt::format("'{}' holds a savepoint already: name another place", to.describe()));
  }
  return there.status().code() == Code::not_found ? Status() : there.status();
}

// A directory of the user's may have a JOB.yaml.
Status put_text(const std::string& text, ObjectStore& to) {
  if (text.empty()) return {};
  const Status put = to.create_if_absent(kJobText, text).status();
  if (put.code() != Code::already_exists) return put;
  const Result<Object> there = to.get(kJobText, static_cast<int64_t>(text.size()));
  if (there.ok() && there->bytes == text) return {};  // of a try that failed
  return Status::user(Code::already_exists,
                      fmt::format("'{}' has another {}: name an empty place", to.describe(), kJobText));
}

}  // namespace

std::vector<StateFile> files_of(const Checkpoint& checkpoint) {
  std::vector<StateFile> files;
  std::set<std::string> names;
  for (const TaskSnapshot& task : checkpoint.tasks) {
    for (const StateFile& file : task.files) {
      if (names.insert(file.name).second) files.push_back(file);
    }
  }
  return files;
}

Result<int64_t> write_savepoint(const Checkpoint& savepoint, const std::string& files_dir, ObjectStore& to) {
  RF_TRY(check_target(to));
  const std::vector<StateFile> files = files_of(savepoint);
  RF_TRY(write_files(files, files_dir, to));
  const std::string manifest = encode_manifest(savepoint);
  int64_t bytes = static_cast<int64_t>(manifest.size() + savepoint.text.size());
  for (const StateFile& file : files) bytes += file.bytes;
  RF_TRY(put_text(savepoint.text, to));
  RF_TRY(to.put(kAbout, about(savepoint, bytes)));
  const Status last = to.create_if_absent(kManifest, manifest).status();
  if (last.code() == Code::already_exists) {
    return Status::user(Code::already_exists,
                        fmt::format("somebody else wrote a savepoint to '{}' meanwhile", to.describe()));
  }
  RF_TRY(last);
  return bytes;
}

Result<Checkpoint> read_savepoint(ObjectStore& from) {
  const Result<Object> manifest = from.get(kManifest, kMaxManifest);
  if (manifest.status().code() == Code::not_found) {
    return Status::user(Code::not_found, fmt::format("there is no savepoint in '{}': it has no {}",
                                                     from.describe(), kManifest));
  }
  if (!manifest.ok()) return manifest.status();
  Result<Checkpoint> checkpoint = decode_manifest(manifest->bytes);
  if (!checkpoint.ok()) return std::move(checkpoint).status().with(join_path(from.describe(), kManifest));
  return checkpoint;
}

namespace {

// Only where a fork would publish under its own name what another job prepared.
Status check_fork(const Checkpoint& checkpoint, const std::string& job) {
  for (const TaskSnapshot& task : checkpoint.tasks) {
    if (task.prepared.empty()) continue;
    return Status::user(
        Code::failed_precondition,
        fmt::format(
            "the savepoint of job '{}' lists rows of sink '{}' that may not be published, so '{}' can't "
            "go on from it: take it while that job runs, or with `rideflow stop {} --savepoint`",
            checkpoint.job, task.prepared.front().sink, job, checkpoint.job));
  }
  return {};
}

Status check_own(const Checkpoint& savepoint, const Checkpoint& newest) {
  if (newest.epoch == savepoint.epoch && newest.tasks == savepoint.tasks) return {};
  return Status::user(
      Code::failed_precondition,
      fmt::format(
          "job '{}' has checkpoints here, the newest is {}: without --from it goes on from there. To "
          "begin at the savepoint (checkpoint {}), use another data directory or a job of another name",
          newest.job, newest.epoch.value, savepoint.epoch.value));
}

}  // namespace

Status adopt_savepoint(Env& env, const Checkpoint& savepoint, ObjectStore& from, const std::string& job,
                       CheckpointStore& into) {
  Checkpoint checkpoint = savepoint;
  RF_ASSIGN(const std::optional<LoadedCheckpoint> own, into.load());
  if (own) return check_own(checkpoint, own->checkpoint);
  if (checkpoint.job != job) {
    RF_TRY(check_fork(checkpoint, job));
    checkpoint.job = job;
    checkpoint.lineage = fmt::format("{:016x}", env.random());
  }
  for (const StateFile& file : files_of(checkpoint)) {
    const std::string path = into.path_of(file);
    RF_TRY(env.fs().remove(path));  // of an earlier try
    RF_TRY(from.get_file(object_of(file), path));
  }
  return into.adopt_checkpoint(checkpoint);
}

}  // namespace rideflow
