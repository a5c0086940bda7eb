#include "state/manifest_reader.h"

#include <algorithm>

namespace rideflow {

Result<std::vector<Manifest>> read_manifests(FileSystem& fs, const std::string& checkpoints_dir) {
  std::vector<Manifest> manifests;
  auto entries = fs.list(checkpoints_dir);
  if (!entries.ok() && entries.status().code() == Code::not_found) return manifests;
  if (!entries.ok()) return std::move(entries).status();
  for (const DirEntry& entry : *entries) {
    if (!entry.name.starts_with("manifest-") || entry.name.ends_with(".tmp")) continue;
    auto bytes = read_file(fs, join_path(checkpoints_dir, entry.name));
    if (!bytes.ok() && bytes.status().code() == Code::not_found)
      continue;  // a newer one replaced it just now
    if (!bytes.ok()) return std::move(bytes).status();
    auto manifest = decode_manifest(*bytes);
    if (manifest.ok()) manifests.push_back(*std::move(manifest));
  }
  std::sort(manifests.begin(), manifests.end(),
            [](const Manifest& a, const Manifest& b) { return a.epoch < b.epoch; });
  return manifests;
}

}  // namespace rideflow
