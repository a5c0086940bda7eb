#include "engine/env.h"

#include "engine/presence.h"

namespace rideflow {

void Completion::wake_when_done(WakerRef waker) {
  if (!waker) return;
  {
    const std::lock_guard lock(mutex_);
    if (!done()) {
      wakers_.push_back(std::move(waker));
      return;
    }
  }
  waker->wake();
}

void Completion::notify() {
  std::vector<WakerRef> wakers;
  {
    const std::lock_guard lock(mutex_);
    wakers.swap(wakers_);
  }
  for (const WakerRef& waker : wakers) waker->wake();
}

Result<std::string> read_file(FileSystem& fs, const std::string& path) {
  RF_ASSIGN(auto file, fs.open(path));
  RF_ASSIGN(const int64_t size, size_of(*file, path));
  std::string content(static_cast<size_t>(size), '\0');
  RF_ASSIGN(size_t n, file->read(0, content.size(), content.data()));
  content.resize(n);
  return content;
}

Status write_file_atomic(FileSystem& fs, const std::string& path, std::string_view content) {
  const std::string tmp = path + ".tmp";
  RF_ASSIGN(auto file, fs.create(tmp));
  RF_TRY(file->append(content));
  RF_TRY(file->sync());
  RF_TRY(file->close());
  RF_TRY(fs.rename(tmp, path));
  return fs.sync_dir(parent_dir(path));
}

std::string parent_dir(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string join_path(std::string_view dir, std::string_view name) {
  if (dir.empty() || dir == ".") return std::string(name);
  std::string path(dir);
  if (path.back() != '/') path += '/';
  return path += name;
}

}  // namespace rideflow
