#include "runtime/posix_fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "engine/buffer.h"

namespace rideflow {

Status posix_error(int error, std::string_view what, const std::string& path) {
  Code code = Code::unavailable;
  Retry retry = Retry::no;
  switch (error) {
    case ENOENT:
      code = Code::not_found;
      break;
    case EEXIST:
      code = Code::already_exists;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Code::permission_denied;
      break;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      code = Code::resource_exhausted;
      retry = Retry::backoff;
      break;
    case ENOTEMPTY:
    case ENOTDIR:
    case EISDIR:
      code = Code::failed_precondition;
      break;
    case EINVAL:
    case ENAMETOOLONG:
      code = Code::invalid_argument;
      break;
    default:
      break;
  }
  const bool full = error == ENOSPC || error == EDQUOT;
  return Status::external(code,
                          "Cannot " + std::string(what) + " '" + path +
                              "': " + std::error_code(error, std::generic_category()).message() + "." +
                              (full ? " Make room there, then go on: what was acknowledged is kept." : ""),
                          retry);
}

namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Result<Fd> open_fd(const std::string& path, int flags, std::string_view what) {
  while (true) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return posix_error(errno, what, path);
  }
}

Status sync_fd(int fd, const std::string& path) {
  if (::fdatasync(fd) != 0) return posix_error(errno, "sync", path);
  return {};
}

Result<struct stat> stat_fd(int fd, const std::string& path) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return posix_error(errno, "look at", path);
  return info;
}

Micros modified(const struct stat& info) {
  return int64_t{info.st_mtim.tv_sec} * kMicrosPerSecond + info.st_mtim.tv_nsec / 1000;
}

class PosixWritable : public WritableFile {
 public:
  PosixWritable(Fd fd, std::string path, int64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  Status append(std::string_view bytes) override {
    RF_TRY(usable());
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return posix_error(errno, "write", path_);
      bytes.remove_prefix(static_cast<size_t>(n));
      size_ += n;
    }
    return {};
  }

  // Linux marks the pages clean after a failed sync, so that the next one would say ok falsely.
  Status sync() override {
    RF_TRY(usable());
    Status status = sync_fd(fd_.get(), path_);
    broken_ = !status.ok();
    return status;
  }

  Status close() override {
    const int fd = fd_.release();
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return posix_error(errno, "close", path_);
    return {};
  }

  int64_t size() const override { return size_; }

 private:
  Status usable() const {
    if (fd_.get() < 0) return Status::internal("'" + path_ + "' is closed.");
    if (broken_)
      return Status::external(Code::data_loss, "A sync of '" + path_ + "' failed: it must not be used.");
    return {};
  }

  Fd fd_;
  std::string path_;
  int64_t size_;
  bool broken_ = false;
};

// A file in memory, then at least 64 readable zero bytes: the file is mapped over the start of anonymous
// memory that is longer.
struct Mapping {
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (address) ::munmap(address, length);
  }
  void* address = nullptr;
  size_t length = 0;
  std::string_view view;
};

class PosixReadable : public ReadableFile {
 public:
  PosixReadable(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<size_t> read(int64_t offset, size_t n, char* out) const override {
    size_t done = 0;
    while (done < n) {
      const ssize_t got = ::pread(fd_.get(), out + done, n - done, offset + static_cast<int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return posix_error(errno, "read", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  int64_t size() const override {
    const auto info = stat_fd(fd_.get(), path_);
    return info.ok() ? int64_t{info->st_size} : 0;
  }

  Result<std::shared_ptr<const std::string_view>> map() const override {
    RF_ASSIGN(const struct stat info, stat_fd(fd_.get(), path_));
    const auto size = static_cast<size_t>(info.st_size);
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    auto mapping = std::make_shared<Mapping>();
    const size_t length = (size + BufferRef::kPadding + page - 1) / page * page;
    void* address = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return posix_error(errno, "map", path_);
    mapping->address = address;
    mapping->length = length;
    if (size > 0 && ::mmap(address, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd_.get(), 0) == MAP_FAILED)
      return posix_error(errno, "map", path_);
    mapping->view = {static_cast<const char*>(address), size};
    return std::shared_ptr<const std::string_view>(mapping, &mapping->view);
  }

 private:
  Fd fd_;
  std::string path_;
};

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
  PosixWritable target(std::move(out), to, 0);
  std::string buffer(size_t{1} << 18, '\0');
  while (true) {
    const ssize_t n = ::read(in.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_error(errno, "read", from);
    if (n == 0) break;
    RF_TRY(target.append({buffer.data(), static_cast<size_t>(n)}));
  }
  RF_TRY(target.sync());
  return target.close();
}

DirEntry entry_of(std::string name, const struct stat& info) {
  DirEntry entry;
  entry.name = std::move(name);
  entry.is_dir = S_ISDIR(info.st_mode);
  entry.size = entry.is_dir ? 0 : int64_t{info.st_size};
  entry.modified = modified(info);
  return entry;
}

// Names without "." and "..".
Result<std::vector<std::string>> names_in(const std::string& dir) {
  const std::unique_ptr<DIR, int (*)(DIR*)> handle(::opendir(dir.c_str()), ::closedir);
  if (!handle) return posix_error(errno, "list", dir);
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* item = ::readdir(handle.get());
    if (!item) break;
    const std::string_view name = item->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return posix_error(errno, "list", dir);
  std::sort(names.begin(), names.end());
  return names;
}

class PosixFs : public FileSystem {
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
    RF_ASSIGN(const struct stat info, stat_fd(fd.get(), path));
    if (S_ISDIR(info.st_mode)) return posix_error(EISDIR, "open", path);
    if (!S_ISREG(info.st_mode)) {
      return Status::user(Code::invalid_argument, "Cannot open '" + path +
                                                      "': it is a device, a pipe or a socket. Copy what it "
                                                      "gives into a file, or produce it into a topic.");
    }
    return std::unique_ptr<ReadableFile>(std::make_unique<PosixReadable>(std::move(fd), path));
  }

  Result<std::vector<DirEntry>> list(const std::string& dir) override {
    RF_ASSIGN(auto names, names_in(dir));
    std::vector<DirEntry> entries;
    for (std::string& name : names) {
      struct stat info = {};
      // Somebody may remove a file while we look: then it is not in the list.
      if (::stat(join_path(dir, name).c_str(), &info) != 0) continue;
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
    RF_ASSIGN(const struct stat info, stat_fd(fd.get(), path));
    return std::unique_ptr<WritableFile>(
        std::make_unique<PosixWritable>(std::move(fd), path, int64_t{info.st_size}));
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_fs() {
  return std::make_unique<PosixFs>();
}

}  // namespace rideflow
