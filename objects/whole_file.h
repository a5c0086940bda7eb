// A file of the local disk as one piece of memory, and what objects note about bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "objects/object_store.h"

namespace rideflow {

// Mapped where the disk can: a large file takes no memory. Valid while the owner lives, if nobody truncates
// it.
Result<std::shared_ptr<const std::string_view>> whole_file(const ReadableFile& file, const std::string& path);

ObjectSum sum_of(std::string_view bytes);

// For errors of local files inside the verbs of a store, where not_found is said of objects only.
Status about_local_file(Status status);

// The bytes of the file that become the object. failed_precondition when it has fewer.
Result<std::string_view> wanted_bytes(const LocalFile& file, std::string_view content);

// A new file of these bytes, synced; its name is not.
Status write_synced(FileSystem& fs, const std::string& path, std::string_view bytes);

// Leaves no half-written file behind. Answers `status`.
Status drop_file(FileSystem& fs, const std::string& path, Status status);

}  // namespace rideflow
