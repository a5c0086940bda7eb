#include "runtime/file_job_storage.h"

#include <fmt/format.h>

#include "runtime/checkpoint_codec.h"

namespace rideflow {
namespace {
constexpr size_t kKept = 3;
constexpr std::string_view kPrefix = "checkpoint-";
}  // namespace

Result<std::shared_ptr<FileJobStorage>> FileJobStorage::open(Env& env, const std::string& dir) {
  RF_TRY(env.fs().make_dirs(dir));
  return std::shared_ptr<FileJobStorage>(new FileJobStorage(env, dir));
}

Result<std::vector<std::string>> FileJobStorage::checkpoints() {
  RF_ASSIGN(const std::vector<DirEntry> entries, env_.fs().list(dir_));
  std::vector<std::string> names;
  for (const DirEntry& entry : entries) {
    const bool tmp = entry.name.size() > 4 && entry.name.compare(entry.name.size() - 4, 4, ".tmp") == 0;
    if (entry.name.compare(0, kPrefix.size(), kPrefix) == 0 && !tmp) names.push_back(entry.name);
  }
  return names;
}

Result<std::optional<JobCheckpoint>> FileJobStorage::load() {
  RF_ASSIGN(const std::vector<std::string> names, checkpoints());
  Status first_error;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    RF_ASSIGN(const std::string bytes, read_file(env_.fs(), join_path(dir_, *name)));
    Result<JobCheckpoint> checkpoint = decode_checkpoint(bytes);
    if (checkpoint.ok()) {
      RF_TRY(MemoryJobStorage::publish(*checkpoint).status());
      return MemoryJobStorage::load();
    }
    if (checkpoint.status().code() != Code::data_loss) return std::move(checkpoint).status().with(*name);
    env_.warn("checkpoint_damaged", {{"file", *name}, {"why", checkpoint.status().to_string()}});
    if (first_error.ok()) first_error = std::move(checkpoint).status().with(*name);
  }
  if (!first_error.ok()) return first_error;
  return std::optional<JobCheckpoint>();
}

Result<int64_t> FileJobStorage::publish(const JobCheckpoint& checkpoint) {
  const std::string bytes = encode_checkpoint(checkpoint);
  RF_TRY(write_file_atomic(env_.fs(),
                           join_path(dir_, fmt::format("{}{:016}", kPrefix, checkpoint.epoch.value)), bytes));
  RF_ASSIGN(const std::vector<std::string> names, checkpoints());
  for (size_t i = 0; i + kKept < names.size(); ++i) RF_TRY(env_.fs().remove(join_path(dir_, names[i])));
  RF_TRY(MemoryJobStorage::publish(checkpoint).status());
  return static_cast<int64_t>(bytes.size());
}

}  // namespace rideflow
