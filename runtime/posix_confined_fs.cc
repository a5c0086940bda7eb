#include "runtime/posix_confined_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "runtime/posix_file.h"

namespace rideflow {
namespace {

constexpr std::string_view kFileRootHint = "start with --file-root DIR for its directory";

bool is_beneath(std::string_view path, std::string_view dir) {
  if (dir == "/") return true;
  return path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/');
}

// An absolute path without ".", ".." and doubled slashes. Links are not looked at.
std::string normal_path(const std::string& base, const std::string& path) {
  std::vector<std::string_view> parts;
  const std::string full = !path.empty() && path[0] == '/' ? path : base + "/" + path;
  for (std::string_view rest = full; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return parts.empty() ? "/" : fmt::format("/{}", fmt::join(parts, "/"));
}

// Without links; empty when there is nothing.
std::string real_path(const std::string& path) {
  std::array<char, PATH_MAX> out{};
  return ::realpath(path.c_str(), out.data()) == nullptr ? "" : out.data();
}

// The same of an absolute path whose last parts may not be there yet.
std::string real_path_of(const std::string& path) {
  const std::string real = real_path(path);
  if (!real.empty() || path == "/") return path == "/" ? "/" : real;
  return join_path(real_path_of(parent_dir(path)), path.substr(path.rfind('/') + 1));
}

struct ConfinedRoot {
  std::string given;  // as it was spelt, absolute
  std::string real;
  Fd fd;
};

// A path as its root and what is beneath: "." for the root itself.
struct ConfinedPlace {
  const ConfinedRoot* root = nullptr;
  std::string beneath;
  std::string path;  // as the job has it
  std::string_view dir() const {
    const size_t slash = beneath.rfind('/');
    return slash == std::string::npos ? std::string_view(".") : std::string_view(beneath).substr(0, slash);
  }
  std::string name() const { return beneath.substr(beneath.rfind('/') + 1); }
};

class PosixConfinedFs : public ConfinedFs {
 public:
  PosixConfinedFs(std::string base, std::vector<ConfinedRoot> roots, std::vector<std::string> closed,
                  bool step_by_step)
      : base_(std::move(base)),
        roots_(std::move(roots)),
        closed_(std::move(closed)),
        step_by_step_(step_by_step || !has_openat2()) {}

  Status check(const std::string& path) override {
    const Result<Fd> fd = open_at(path, O_PATH, "look at");
    // What is missing is made, or waited for, or told by whoever opens it.
    if (fd.ok() || fd.status().code() == Code::not_found) return {};
    return fd.status().code() == Code::permission_denied ? fd.status() : Status();
  }

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    return open_writable(path, O_TRUNC, "create");
  }
  Result<std::unique_ptr<WritableFile>> append(const std::string& path) override {
    return open_writable(path, O_APPEND, "open for appending");
  }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    // Without waiting: the open of a FIFO would wait for a writer.
    RF_ASSIGN(Fd fd, open_at(path, O_RDONLY | O_NONBLOCK, "open"));
    return readable_file(std::move(fd), path);
  }

  Result<std::vector<DirEntry>> list(const std::string& dir) override {
    RF_ASSIGN(Fd fd, open_at(dir, O_RDONLY | O_DIRECTORY, "list"));
    RF_ASSIGN(auto names, names_in(std::move(fd), dir));
    std::vector<DirEntry> entries;
    for (std::string& name : names) {
      // What is gone meanwhile, and links that lead out, are not in the list.
      Result<DirEntry> entry = stat(join_path(dir, name));
      if (entry.ok()) {
        entries.push_back(*std::move(entry));
      } else if (entry.status().code() != Code::not_found && entry.status().blame() != Blame::user) {
        return std::move(entry).status();
      }
    }
    return entries;
  }

  Result<DirEntry> stat(const std::string& path) override {
    RF_ASSIGN(const Fd fd, open_at(path, O_PATH, "look at"));
    RF_ASSIGN(const struct stat info, stat_fd(fd.get(), path));
    return entry_of(path.substr(path.rfind('/') + 1), info);
  }

  Status make_dirs(const std::string& dir) override {
    RF_ASSIGN(const ConfinedPlace place, place_of(dir));
    for (size_t slash = place.beneath.find('/');; slash = place.beneath.find('/', slash + 1)) {
      ConfinedPlace part = place;
      part.beneath.resize(std::min(slash, part.beneath.size()));
      RF_TRY(make_dir(part));
      if (slash == std::string::npos) return {};
    }
  }

  Status rename(const std::string& from, const std::string& to) override {
    RF_ASSIGN(const ConfinedPlace source, place_of(from));
    RF_ASSIGN(const ConfinedPlace target, place_of(to));
    RF_ASSIGN(const Fd from_dir, open_parent(source, "rename"));
    RF_ASSIGN(const Fd to_dir, open_parent(target, "rename"));
    const std::string name = source.name();
    const std::string new_name = target.name();
    if (::renameat(from_dir.get(), name.c_str(), to_dir.get(), new_name.c_str()) == 0) return {};
    return posix_error(errno, "rename", from);
  }

  Status remove(const std::string& path) override {
    RF_ASSIGN(const ConfinedPlace place, place_of(path));
    RF_ASSIGN(const Fd dir, open_parent(place, "remove"));
    const std::string name = place.name();
    if (::unlinkat(dir.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return posix_error(errno, "remove", path);
  }

  Status sync_dir(const std::string& dir) override {
    RF_ASSIGN(const Fd fd, open_at(dir, O_RDONLY | O_DIRECTORY, "open the directory"));
    if (::fsync(fd.get()) != 0) return posix_error(errno, "sync the directory", dir);
    return {};
  }

  Status link(const std::string&, const std::string& to) override { return not_for_jobs("link", to); }
  Status remove_tree(const std::string& dir) override { return not_for_jobs("remove the tree", dir); }
  Status truncate(const std::string& path, int64_t) override { return not_for_jobs("truncate", path); }
  Result<int64_t> free_bytes(const std::string& dir) override { return not_for_jobs("measure", dir); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return not_for_jobs("lock", path);
  }

 private:
  static Status not_for_jobs(std::string_view what, const std::string& path) {
    return Status::internal(fmt::format("a job can't {} '{}'", what, path));
  }

  static int open_beneath(int dir, const char* path, int flags, uint64_t resolve) {
    open_how how = {};
    how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
    how.mode = (flags & O_CREAT) != 0 ? 0644 : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve;
    // EAGAIN: a directory was moved while the kernel walked; it can't tell whether it is still beneath.
    for (int attempt = 0;; ++attempt) {
      const long fd = ::syscall(SYS_openat2, dir, path, &how, sizeof(how));
      if (fd >= 0 || (errno != EINTR && (errno != EAGAIN || attempt >= 100))) return static_cast<int>(fd);
    }
  }

  static bool has_openat2() {
    const Fd fd(open_beneath(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0));
    return fd.get() >= 0;
  }

  // Component by component, and none of them may be a link.
  static int open_stepwise(int dir, std::string_view path, int flags) {
    std::unique_ptr<Fd> held;
    while (true) {
      const size_t slash = path.find('/');
      const std::string part(path.substr(0, slash));
      const bool last = slash == std::string_view::npos;
      const int step = last ? flags : O_PATH | O_DIRECTORY;
      const int fd = ::openat(dir, part.c_str(), step | O_NOFOLLOW | O_CLOEXEC, 0644);
      struct stat info = {};
      const int error = errno;
      // A link in the place of a directory is "no directory", and O_PATH would open the link itself.
      const bool link =
          ::fstatat(dir, part.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
      if (fd < 0 || last) {
        struct stat opened = {};
        const bool is_link = fd < 0 ? link : ::fstat(fd, &opened) == 0 && S_ISLNK(opened.st_mode);
        if (!is_link) errno = error;
        if (!is_link) return fd;
        if (fd >= 0) ::close(fd);
        errno = ELOOP;
        return -1;
      }
      held = std::make_unique<Fd>(fd);
      dir = fd;
      path.remove_prefix(slash + 1);
    }
  }

  Result<ConfinedPlace> place_of(const std::string& path) const {
    const std::string normal = normal_path(base_, path);
    ConfinedPlace place;
    for (const ConfinedRoot& root : roots_) {
      for (const std::string* prefix : {&root.given, &root.real}) {
        if (!is_beneath(normal, *prefix)) continue;
        place.root = &root;
        place.beneath = normal.substr(*prefix == "/" ? 1 : std::min(prefix->size() + 1, normal.size()));
        if (place.beneath.empty()) place.beneath = ".";
        place.path = path;
        return place;
      }
    }
    std::vector<std::string> names;
    for (const ConfinedRoot& root : roots_) names.push_back("'" + root.given + "'");
    if (names.empty()) names.emplace_back("nothing");
    return Status::user(
        Code::permission_denied,
        fmt::format("'{}' lies outside of what jobs may read and write here ({}): move it there, or {}", path,
                    fmt::join(names, ", "), kFileRootHint));
  }

  Result<Fd> open_place(const ConfinedPlace& place, std::string_view beneath, int flags,
                        std::string_view what) const {
    const std::string name(beneath);
    const int opened = step_by_step_ ? open_stepwise(place.root->fd.get(), name, flags)
                                     : open_beneath(place.root->fd.get(), name.c_str(), flags, 0);
    if (opened < 0 && (errno == EXDEV || errno == ELOOP)) return leads_out(place);
    if (opened < 0) return posix_error(errno, what, place.path);
    Fd fd(opened);
    RF_TRY(is_open_to_jobs(fd, place));
    return fd;
  }

  Status leads_out(const ConfinedPlace& place) const {
    return Status::user(
        Code::permission_denied,
        fmt::format("'{}' leads through a link {}: name the place itself, and {}", place.path,
                    step_by_step_ ? "" : fmt::format("out of '{}'", place.root->given), kFileRootHint));
  }

  // Where the handle really is, whatever links led there.
  Status is_open_to_jobs(const Fd& fd, const ConfinedPlace& place) const {
    std::array<char, PATH_MAX> real{};
    const ssize_t size =
        ::readlink(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), real.data(), real.size() - 1);
    const std::string at =
        size > 0 ? std::string(real.data(), static_cast<size_t>(size)) : normal_path(base_, place.path);
    for (const std::string& closed : closed_) {
      if (!is_beneath(at, closed)) continue;
      return Status::user(
          Code::permission_denied,
          fmt::format("'{}' is the data directory's own: jobs reach what is in it by their topics, "
                      "rollups and state only. Choose another place",
                      place.path));
    }
    return {};
  }

  Result<Fd> open_at(const std::string& path, int flags, std::string_view what) const {
    RF_ASSIGN(const ConfinedPlace place, place_of(path));
    return open_place(place, place.beneath, flags, what);
  }
  Result<Fd> open_parent(const ConfinedPlace& place, std::string_view what) const {
    return open_place(place, place.dir(), O_PATH | O_DIRECTORY, what);
  }

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path, int flags,
                                                      std::string_view what) const {
    RF_ASSIGN(const ConfinedPlace place, place_of(path));
    RF_ASSIGN(const Fd dir, open_parent(place, what));
    const std::string name = place.name();
    const int fd = ::openat(dir.get(), name.c_str(),
                            O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0644);
    if (fd < 0 && errno == ELOOP) return leads_out(place);
    if (fd < 0) return posix_error(errno, what, path);
    return writable_file(Fd(fd), path);
  }

  Status make_dir(const ConfinedPlace& place) const {
    const Result<Fd> there = open_place(place, place.beneath, O_PATH | O_DIRECTORY, "make the directory");
    if (there.ok() || there.status().code() != Code::not_found) return there.status();
    RF_ASSIGN(const Fd parent, open_place(place, place.dir(), O_RDONLY | O_DIRECTORY, "make the directory"));
    const std::string name = place.name();
    if (::mkdirat(parent.get(), name.c_str(), 0755) != 0 && errno != EEXIST)
      return posix_error(errno, "make the directory", place.path);
    if (::fsync(parent.get()) != 0) return posix_error(errno, "sync the directory", place.path);
    return open_place(place, place.beneath, O_PATH | O_DIRECTORY, "make the directory").status();
  }

  std::string base_;
  std::vector<ConfinedRoot> roots_;
  std::vector<std::string> closed_;  // without links
  bool step_by_step_;
};

}  // namespace

Result<std::shared_ptr<ConfinedFs>> make_confined_fs(const ConfinedFsOptions& options) {
  const std::string base = real_path(".");
  std::vector<ConfinedRoot> roots;
  for (const std::string& given : options.roots) {
    Fd fd(::open(given.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) {
      const Status why = posix_error(errno, "open", given);
      return Status::user(why.code(),
                          why.message() + " A file root is a directory that exists: make it first.");
    }
    roots.push_back({normal_path(base, given), real_path(given), std::move(fd)});
  }
  std::vector<std::string> closed;
  for (const std::string& path : options.closed) {
    closed.push_back(real_path_of(normal_path(base, path)));
  }
  return std::shared_ptr<ConfinedFs>(
      std::make_shared<PosixConfinedFs>(base, std::move(roots), std::move(closed), options.step_by_step));
}

}  // namespace rideflow
