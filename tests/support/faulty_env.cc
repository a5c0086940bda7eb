#include "tests/support/faulty_env.h"

#include <errno.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include "runtime/posix_file.h"

namespace rideflow::test {
namespace {

class FaultyWriter : public WritableFile {
 public:
  FaultyWriter(FaultyFs& fs, std::string path, std::unique_ptr<WritableFile> file)
      : fs_(fs), path_(std::move(path)), file_(std::move(file)) {}
  Status append(std::string_view bytes) override {
    Status failed = fs_.enter("append", path_, true);
    if (failed.ok()) return file_->append(bytes);
    if (!fs_.dead()) (void)file_->append(bytes.substr(0, bytes.size() / 2));
    return failed;
  }
  Status sync() override { return fs_.enter("sync", path_, true); }
  Status close() override { return file_->close(); }
  int64_t size() const override { return file_->size(); }

 private:
  FaultyFs& fs_;
  const std::string path_;
  std::unique_ptr<WritableFile> file_;
};

class FaultyReader : public ReadableFile {
 public:
  FaultyReader(FaultyFs& fs, std::string path, std::unique_ptr<ReadableFile> file)
      : fs_(fs), path_(std::move(path)), file_(std::move(file)) {}
  Result<size_t> read(int64_t offset, size_t n, char* out) const override {
    RF_TRY(fs_.enter("read", path_, false));
    return file_->read(offset, n, out);
  }
  int64_t size() const override { return fs_.enter("size", path_, false).ok() ? file_->size() : -1; }
  Result<std::shared_ptr<const std::string_view>> map() const override {
    RF_TRY(fs_.enter("map", path_, false));
    return file_->map();
  }

 private:
  FaultyFs& fs_;
  const std::string path_;
  std::unique_ptr<ReadableFile> file_;
};

PosixEnvOptions quiet() {
  PosixEnvOptions options;
  options.log_sink = [](std::string_view) {};
  return options;
}

}  // namespace

// Numbers, and names that are drawn at random, are the same for all of a kind.
std::string FaultyFs::kind_of(const char* call, const std::string& path) {
  const size_t name_at = path.rfind('/');
  const size_t dir_at = name_at == 0 || name_at == std::string::npos ? name_at : path.rfind('/', name_at - 1);
  std::string name = path.substr(dir_at == std::string::npos ? 0 : dir_at + 1);
  static const RE2 hex("[0-9a-f]{8,}"), number("[0-9]+");
  RE2::GlobalReplace(&name, hex, "#");
  RE2::GlobalReplace(&name, number, "#");
  return fmt::format("{} {}", call, name);
}

void FaultyFs::fail(const std::string& kind, int64_t n, DiskFault fault) {
  const std::lock_guard lock(mutex_);
  fail_kind_ = kind;
  fail_left_ = n;
  fault_ = fault;
  failed_.clear();
}

void FaultyFs::die(int64_t n) {
  const std::lock_guard lock(mutex_);
  die_at_ = calls_ + n;
}

bool FaultyFs::dead() const {
  const std::lock_guard lock(mutex_);
  return die_at_ != 0 && calls_ >= die_at_;
}

std::string FaultyFs::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

std::map<std::string, int64_t> FaultyFs::kinds() const {
  const std::lock_guard lock(mutex_);
  return kinds_;
}

Status FaultyFs::enter(const char* call, const std::string& path, bool writes) {
  const std::lock_guard lock(mutex_);
  const int64_t n = ++calls_;
  const std::string kind = kind_of(call, path);
  ++kinds_[kind];
  if (die_at_ != 0 && n >= die_at_) return posix_error(EIO, call, path);
  if (kind != fail_kind_ || --fail_left_ != 0) return {};
  failed_ = fmt::format("{} '{}'", call, path);
  return posix_error(writes && fault_ == DiskFault::full ? ENOSPC : EIO, call, path);
}

Result<std::unique_ptr<WritableFile>> FaultyFs::create(const std::string& path) {
  RF_TRY(enter("create", path, true));
  RF_ASSIGN(auto file, ForwardingFs::create(path));
  return std::unique_ptr<WritableFile>(std::make_unique<FaultyWriter>(*this, path, std::move(file)));
}
Result<std::unique_ptr<WritableFile>> FaultyFs::append(const std::string& path) {
  RF_TRY(enter("open for appending", path, true));
  RF_ASSIGN(auto file, ForwardingFs::append(path));
  return std::unique_ptr<WritableFile>(std::make_unique<FaultyWriter>(*this, path, std::move(file)));
}
Result<std::unique_ptr<ReadableFile>> FaultyFs::open(const std::string& path) {
  RF_TRY(enter("open", path, false));
  RF_ASSIGN(auto file, ForwardingFs::open(path));
  return std::unique_ptr<ReadableFile>(std::make_unique<FaultyReader>(*this, path, std::move(file)));
}
Result<std::vector<DirEntry>> FaultyFs::list(const std::string& dir) {
  RF_TRY(enter("list", dir, false));
  return ForwardingFs::list(dir);
}
Result<DirEntry> FaultyFs::stat(const std::string& path) {
  RF_TRY(enter("look at", path, false));
  return ForwardingFs::stat(path);
}
Status FaultyFs::make_dirs(const std::string& dir) {
  RF_TRY(enter("make the directory", dir, true));
  return ForwardingFs::make_dirs(dir);
}
Status FaultyFs::rename(const std::string& from, const std::string& to) {
  RF_TRY(enter("rename", from, true));
  return ForwardingFs::rename(from, to);
}
Status FaultyFs::link(const std::string& from, const std::string& to) {
  RF_TRY(enter("link", from, true));
  return ForwardingFs::link(from, to);
}
Status FaultyFs::remove(const std::string& path) {
  RF_TRY(enter("remove", path, false));
  return ForwardingFs::remove(path);
}
Status FaultyFs::remove_tree(const std::string& dir) {
  RF_TRY(enter("remove the tree", dir, false));
  return ForwardingFs::remove_tree(dir);
}
Status FaultyFs::truncate(const std::string& path, int64_t size) {
  RF_TRY(enter("truncate", path, true));
  return ForwardingFs::truncate(path, size);
}
Status FaultyFs::sync_dir(const std::string& dir) {
  return enter("sync the directory", dir, true);
}
Result<int64_t> FaultyFs::free_bytes(const std::string& dir) {
  RF_TRY(enter("measure", dir, false));
  return ForwardingFs::free_bytes(dir);
}
Result<std::unique_ptr<FileLock>> FaultyFs::lock(const std::string& path) {
  RF_TRY(enter("lock", path, true));
  return ForwardingFs::lock(path);
}

FaultyEnv::FaultyEnv() : posix_(quiet()), fs_(posix_.fs()) {}
FaultyEnv::~FaultyEnv() = default;

}  // namespace rideflow::test
