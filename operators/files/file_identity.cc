#include "operators/files/file_identity.h"

#include <algorithm>

#include "engine/hash.h"

namespace rideflow {
namespace {

Result<uint64_t> hash_of(const ReadableFile& file, int64_t from, int64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  RF_ASSIGN(const size_t got, file.read(from, bytes.size(), bytes.data()));
  bytes.resize(got);
  return checksum64(bytes);
}

}  // namespace

Result<FileIdentity> identity_of(const ReadableFile& file, const DirEntry& entry, int64_t size) {
  FileIdentity identity;
  identity.inode = entry.inode;
  identity.modified = entry.modified;
  identity.size = size;
  const int64_t part = std::min(size, FileIdentity::kPart);
  RF_ASSIGN(identity.head, hash_of(file, 0, part));
  RF_ASSIGN(identity.tail, hash_of(file, size - part, part));
  return identity;
}

Result<FileChange> compare(FileSystem& fs, const std::string& path, const DirEntry& now,
                           const FileIdentity& known) {
  if (now.size == known.size && now.modified == known.modified && now.inode == known.inode) {
    return FileChange::none;
  }
  // Too short to hold even the head that is known: nothing of it can be the same.
  if (now.size < std::min(known.size, FileIdentity::kPart)) return FileChange::replaced;
  RF_ASSIGN(const auto file, fs.open(path));
  RF_ASSIGN(const FileIdentity same_part, identity_of(*file, now, known.size));
  if (same_part.head != known.head) return FileChange::replaced;
  if (now.size < known.size || same_part.tail != known.tail) return FileChange::changed;
  return now.size == known.size ? FileChange::none : FileChange::grown;
}

}  // namespace rideflow
