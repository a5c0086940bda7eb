#include "state/manifest_reader.h"

#include <algorithm>

namespace rideflow {

Result<std::vector<Checkpoint>> read_manifests(FileSystem& fs, const std::string& checkpoints_dir) {
  std::vector<Checkpoint> checkpoints;
  auto entries = fs.list(checkpoints_dir);
  if (!entries.ok() && entries.status().code() == Code::not_found) return checkpoints;
  if (!entries.ok()) return std::move(entries).status();
  for (const DirEntry& entry : *entries) {
    if (!entry.name.starts_with("manifest-") || entry.name.ends_with(".tmp")) continue;
    auto bytes = read_file(fs, join_path(checkpoints_dir, entry.name));
    if (!bytes.ok() && bytes.status().code() == Code::not_found)
      continue;  // a newer one replaced it just now
    if (!bytes.ok()) return std::move(bytes).status();
    auto checkpoint = decode_manifest(*bytes);
    if (checkpoint.ok()) checkpoints.push_back(*std::move(checkpoint));
  }
  std::sort(checkpoints.begin(), checkpoints.end(),
            [](const Checkpoint& a, const Checkpoint& b) { return a.epoch < b.epoch; });
  return checkpoints;
}

}  // namespace rideflow
