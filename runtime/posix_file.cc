#include "runtime/posix_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      code = Code::resource_exhausted;
      retry = Retry::backoff;
      break;
    case ENOTEMPTY:
    case ENOTDIR:
    case EISDIR:
    case EXDEV:
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

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
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

static Micros modified(const struct stat& info) {
  return int64_t{info.st_mtim.tv_sec} * kMicrosPerSecond + info.st_mtim.tv_nsec / 1000;
}

DirEntry entry_of(std::string name, const struct stat& info) {
  DirEntry entry;
  entry.name = std::move(name);
  entry.is_dir = S_ISDIR(info.st_mode);
  entry.size = entry.is_dir ? 0 : int64_t{info.st_size};
  entry.modified = modified(info);
  entry.inode = info.st_ino;
  return entry;
}

Result<std::vector<std::string>> names_in(Fd dir, const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> handle(::fdopendir(dir.get()), ::closedir);
  if (!handle) return posix_error(errno, "list", path);
  (void)dir.release();  // the handle's now
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* item = ::readdir(handle.get());
    if (!item) break;
    const std::string_view name = item->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return posix_error(errno, "list", path);
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

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

  // Less than 0 when the disk can't say (engine/presence.h).
  int64_t size() const override {
    const auto info = stat_fd(fd_.get(), path_);
    return info.ok() ? int64_t{info->st_size} : -1;
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

}  // namespace

Result<std::unique_ptr<WritableFile>> writable_file(Fd fd, std::string path) {
  RF_ASSIGN(const struct stat info, stat_fd(fd.get(), path));
  return std::unique_ptr<WritableFile>(
      std::make_unique<PosixWritable>(std::move(fd), std::move(path), int64_t{info.st_size}));
}

Result<std::unique_ptr<ReadableFile>> readable_file(Fd fd, std::string path) {
  RF_ASSIGN(const struct stat info, stat_fd(fd.get(), path));
  if (S_ISDIR(info.st_mode)) return posix_error(EISDIR, "open", path);
  if (!S_ISREG(info.st_mode)) {
    return Status::user(Code::invalid_argument, "Cannot open '" + path +
                                                    "': it is a device, a pipe or a socket. Copy what it "
                                                    "gives into a file, or produce it into a topic.");
  }
  return std::unique_ptr<ReadableFile>(std::make_unique<PosixReadable>(std::move(fd), std::move(path)));
}

// With its blocks: a store into a hole of a full disk would end the process.
Result<std::shared_ptr<void>> map_empty_file(Fd fd, size_t bytes, const std::string& path) {
  const int refused = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes));
  if (refused != 0) return posix_error(refused, "write", path);
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return posix_error(errno, "map", path);
  return std::shared_ptr<void>(memory, [bytes](void* at) { ::munmap(at, bytes); });
}

}  // namespace rideflow
