#include "state/data_dir.h"

#include <fmt/format.h>

#include <charconv>

namespace rideflow {
namespace {

constexpr std::string_view kFormatName = "rideflow-data ";
constexpr int kFormat = 1;

std::string owner_text(int64_t pid, const std::string& address) {
  return fmt::format("pid {}\naddress {}\n", pid, address);
}

DataDirOwner parse_owner(std::string_view text) {
  DataDirOwner owner;
  const auto line = [&](std::string_view name) {
    const size_t at = text.find(name);
    if (at == std::string_view::npos) return std::string_view();
    const std::string_view rest = text.substr(at + name.size());
    return rest.substr(0, rest.find('\n'));
  };
  const std::string_view pid = line("pid ");
  std::from_chars(pid.data(), pid.data() + pid.size(), owner.pid);
  owner.address = line("address ");
  return owner;
}

Status check_format(FileSystem& fs, const std::string& path) {
  const std::string file = join_path(path, "FORMAT");
  const auto content = read_file(fs, file);
  if (!content.ok()) {
    if (content.status().code() != Code::not_found) return Status(content.status());
    return write_file_atomic(fs, file, fmt::format("{}{}\n", kFormatName, kFormat));
  }
  const std::string_view text = *content;
  int format = 0;
  if (text.starts_with(kFormatName))
    std::from_chars(text.data() + kFormatName.size(), text.data() + text.size(), format);
  if (format < 1)
    return Status::user(
        Code::failed_precondition,
        fmt::format("'{}' is not a data directory of Rideflow: '{}' does not say so.", path, file));
  if (format > kFormat)
    return Status::user(
        Code::failed_precondition,
        fmt::format("The data directory '{}' has format {}; this Rideflow reads up to {}: use the "
                    "newer one that wrote it.",
                    path, format, kFormat));
  return {};
}

}  // namespace

Result<std::unique_ptr<DataDir>> DataDir::open(Env& env, const std::string& path, int64_t pid) {
  const Status made = env.fs().make_dirs(path);
  if (!made.ok())
    return Status::user(made.code(),
                        fmt::format("The data directory '{}' can't be made ({}): choose another one with "
                                    "--data-dir.",
                                    path, made.message()));
  auto lock = env.fs().lock(join_path(path, "LOCK"));
  if (!lock.ok()) {
    if (lock.status().code() != Code::aborted)
      return Status::user(lock.status().code(),
                          fmt::format("The data directory '{}' can't be written ({}): give this user the "
                                      "right to, or choose another one with --data-dir.",
                                      path, lock.status().message()));
    const auto text = read_file(env.fs(), join_path(path, "LOCK"));
    const DataDirOwner owner = text.ok() ? parse_owner(*text) : DataDirOwner();
    return Status::user(
        Code::failed_precondition,
        fmt::format(
            "The data directory '{}' belongs to process {}{}: stop it, or choose another directory with "
            "--data-dir.",
            path, owner.pid, owner.address.empty() ? "" : ", which listens on " + owner.address));
  }
  RF_TRY(check_format(env.fs(), path));
  std::unique_ptr<DataDir> dir(new DataDir(path, pid));
  dir->lock_ = *std::move(lock);
  RF_TRY(dir->set_address(""));
  return dir;
}

Result<std::optional<DataDirOwner>> DataDir::owner(Env& env, const std::string& path) {
  const std::string file = join_path(path, "LOCK");
  auto text = read_file(env.fs(), file);
  if (!text.ok()) {
    if (text.status().code() == Code::not_found) return std::optional<DataDirOwner>();
    return std::move(text).status();
  }
  const auto lock = env.fs().lock(file);
  if (lock.ok()) return std::optional<DataDirOwner>();
  if (lock.status().code() != Code::aborted) return Status(lock.status());
  return std::optional<DataDirOwner>(parse_owner(*text));
}

Status DataDir::set_address(const std::string& address) {
  return lock_->write(owner_text(pid_, address));
}

std::string DataDir::checkpoints(const std::string& job) const {
  return join_path(join_path(join_path(path_, "jobs"), job), "checkpoints");
}

std::string DataDir::state(const std::string& job) const {
  return join_path(join_path(join_path(path_, "jobs"), job), "state");
}

}  // namespace rideflow
