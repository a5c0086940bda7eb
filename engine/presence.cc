#include "engine/presence.h"

namespace rideflow {

Result<bool> exists(FileSystem& fs, const std::string& path) {
  const Result<DirEntry> entry = fs.stat(path);
  if (entry.ok()) return true;
  if (entry.status().code() == Code::not_found) return false;
  return Status(entry.status());
}

Result<int64_t> size_of(const ReadableFile& file, const std::string& path) {
  const int64_t size = file.size();
  if (size >= 0) return size;
  return Status::external(Code::unavailable, "Cannot look at '" + path + "': its size can't be read.");
}

}  // namespace rideflow
