#include "objects/whole_file.h"

#include <fmt/format.h>

#include "engine/hash.h"
#include "engine/presence.h"

namespace rideflow {

Result<std::shared_ptr<const std::string_view>> whole_file(const ReadableFile& file,
                                                           const std::string& path) {
  auto mapped = file.map();
  if (mapped.ok() || mapped.status().code() != Code::unimplemented) return mapped;
  struct Content {
    std::string bytes;
    std::string_view view;
  };
  auto content = std::make_shared<Content>();
  RF_ASSIGN(const int64_t size, size_of(file, path));
  content->bytes.resize(static_cast<size_t>(size));
  RF_ASSIGN(const size_t got, file.read(0, content->bytes.size(), content->bytes.data()));
  content->view = std::string_view(content->bytes).substr(0, got);
  return std::shared_ptr<const std::string_view>(content, &content->view);
}

ObjectSum sum_of(std::string_view bytes) {
  return {static_cast<int64_t>(bytes.size()), checksum64(bytes)};
}

Status about_local_file(Status status) {
  if (status.code() != Code::not_found) return status;
  return Status::external(Code::failed_precondition, status.to_string(), status.retry());
}

Result<std::string_view> wanted_bytes(const LocalFile& file, std::string_view content) {
  if (file.first_bytes < 0) return content;
  const auto wanted = static_cast<size_t>(file.first_bytes);
  if (wanted <= content.size()) return content.substr(0, wanted);
  return Status::external(Code::failed_precondition, fmt::format("'{}' has {} bytes, and {} were asked for.",
                                                                 file.path, content.size(), wanted));
}

Status write_synced(FileSystem& fs, const std::string& path, std::string_view bytes) {
  RF_ASSIGN(const auto file, fs.create(path));
  RF_TRY(file->append(bytes));
  RF_TRY(file->sync());
  return file->close();
}

Status drop_file(FileSystem& fs, const std::string& path, Status status) {
  const Status removed = fs.remove(path);
  (void)removed;  // it takes room, and the error that is told matters more
  return status;
}

}  // namespace rideflow
