#include "runtime/posix_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>

#include "engine/mappable_files.h"
#include "runtime/posix_file.h"

namespace rideflow {

namespace {

Result<Fd> open_fd(const std::string& path, int flags, std::string_view what) {
  while (true) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return posix_error(errno, what, path);
  }
}

// flock belongs to the open file: other descriptors of this process may come and go.
class PosixLock : public FileLock {
 public:
  PosixLock(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Status write(std::string_view content) override {
    if (::ftruncate(fd_.get(), 0) != 0) return posix_error(errno, "write", path_);
    const ssize_t n = ::pwrite(fd_.get(), content.data(), content.size(), 0);
    if (n != static_cast<ssize_t>(content.size())) return posix_error(n < 0 ? errno : ENOSPC, "write", path_);
    return {};
  }

 private:
  Fd fd_;
  std::string path_;
};

Status copy_file(const std::string& from, const std::string& to) {
  RF_ASSIGN(const Fd in, open_fd(from, O_RDONLY, "open"));
  RF_ASSIGN(Fd out, open_fd(to, O_WRONLY | O_CREAT | O_EXCL, "create"));
  RF_ASSIGN(const std::unique_ptr<WritableFile> target, writable_file(std::move(out), to));
  std::string buffer(size_t{1} << 18, '\0');
  while (true) {
    const ssize_t n = ::read(in.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_error(errno, "read", from);
    if (n == 0) break;
    RF_TRY(target->append({buffer.data(), static_cast<size_t>(n)}));
  }
  RF_TRY(target->sync());
  return target->close();
}

Result<std::vector<std::string>> names_in(const std::string& dir) {
  RF_ASSIGN(Fd fd, open_fd(dir, O_RDONLY | O_DIRECTORY, "list"));
  return names_in(std::move(fd), dir);
}

class PosixFs : public FileSystem, public MappableFiles {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    return open_writable(path, O_TRUNC, "create");
  }

  Result<std::unique_ptr<WritableFile>> append(const std::string& path) override {
    return open_writable(path, O_APPEND, "open for appending");
  }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    // Without waiting: the open of a FIFO would wait for a writer.
    RF_ASSIGN(Fd fd, open_fd(path, O_RDONLY | O_NONBLOCK, "open"));
    return readable_file(std::move(fd), path);
  }

  Result<std::vector<DirEntry>> list(const std::string& dir) override {
    RF_ASSIGN(auto names, names_in(dir));
    std::vector<DirEntry> entries;
    for (std::string& name : names) {
      const std::string path = join_path(dir, name);
      struct stat info = {};
      if (::stat(path.c_str(), &info) != 0) {
        const int error = errno;
        // Somebody may remove a file while we look: then it is not in the list, nor is a link that leads
        // nowhere.
        if (error == ENOENT || (::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode))) continue;
        return posix_error(error, "look at", path);
      }
      entries.push_back(entry_of(std::move(name), info));
    }
    return entries;
  }

  Result<DirEntry> stat(const std::string& path) override {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) return posix_error(errno, "look at", path);
    return entry_of(path.substr(path.rfind('/') + 1), info);
  }

  Status make_dirs(const std::string& dir) override {
    if (dir.empty()) return {};
    for (size_t slash = dir.find('/', 1);; slash = dir.find('/', slash + 1)) {
      const std::string part = dir.substr(0, slash);
      if (::mkdir(part.c_str(), 0755) == 0) {
        RF_TRY(sync_dir(parent_dir(part)));
      } else if (errno != EEXIST) {
        return posix_error(errno, "make the directory", part);
      }
      if (slash == std::string::npos) break;
    }
    struct stat info = {};
    if (::stat(dir.c_str(), &info) != 0) return posix_error(errno, "make the directory", dir);
    if (!S_ISDIR(info.st_mode)) return posix_error(ENOTDIR, "make the directory", dir);
    return {};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return posix_error(errno, "rename", from);
    return {};
  }

  Status link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return {};
    const int error = errno;
    if (error == EXDEV || error == EPERM || error == EMLINK) return copy_file(from, to);
    return posix_error(error, "link", error == EEXIST ? to : from);
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    const int error = errno;
    if ((error == EISDIR || error == EPERM) && ::rmdir(path.c_str()) == 0) return {};
    return posix_error(error == EISDIR || error == EPERM ? errno : error, "remove", path);
  }

  Status remove_tree(const std::string& dir) override {
    struct stat info = {};
    if (::lstat(dir.c_str(), &info) != 0)
      return errno == ENOENT ? Status() : posix_error(errno, "remove", dir);
    if (S_ISDIR(info.st_mode)) {
      RF_ASSIGN(const auto names, names_in(dir));
      for (const std::string& name : names) RF_TRY(remove_tree(join_path(dir, name)));
    }
    return remove(dir);
  }

  Status truncate(const std::string& path, int64_t size) override {
    RF_ASSIGN(const Fd fd, open_fd(path, O_WRONLY, "truncate"));
    if (::ftruncate(fd.get(), size) != 0) return posix_error(errno, "truncate", path);
    return sync_fd(fd.get(), path);
  }

  Status sync_dir(const std::string& dir) override {
    RF_ASSIGN(const Fd fd, open_fd(dir.empty() ? "." : dir, O_RDONLY | O_DIRECTORY, "open the directory"));
    if (::fsync(fd.get()) != 0) return posix_error(errno, "sync the directory", dir);
    return {};
  }

  Result<std::shared_ptr<void>> map_new(const std::string& path, size_t bytes) override {
    RF_TRY(remove(path));
    RF_ASSIGN(Fd fd, open_fd(path, O_RDWR | O_CREAT | O_EXCL, "create"));
    return map_empty_file(std::move(fd), bytes, path);
  }
  Result<int64_t> free_bytes(const std::string& dir) override {
    struct statvfs info = {};
    if (::statvfs(dir.c_str(), &info) != 0) return posix_error(errno, "ask the free space of", dir);
    return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    RF_ASSIGN(Fd fd, open_fd(path, O_RDWR | O_CREAT, "lock"));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return Status::external(Code::aborted, "'" + path + "' is locked.");
      return posix_error(errno, "lock", path);
    }
    return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(fd), path));
  }

 private:
  static Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path, int flags,
                                                             std::string_view what) {
    RF_ASSIGN(Fd fd, open_fd(path, O_WRONLY | O_CREAT | flags, what));
    return writable_file(std::move(fd), path);
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_fs() {
  return std::make_unique<PosixFs>();
}

}  // namespace rideflow
