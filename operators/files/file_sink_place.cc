#include "operators/files/file_sink_place.h"

#include <fmt/format.h>

#include "engine/presence.h"

namespace rideflow {
namespace {

constexpr std::string_view kFormatName = "FORMAT";
constexpr std::string_view kFormat =
    "rideflow file sink 1\n"
    "Markers and rows in progress of the directory beside this one. Keep both, or copy both.\n";
constexpr std::string_view kProbePrefix = ".rideflow-probe-";
constexpr size_t kLongestName = 200;  // of 255, so that ours fit

// Whether a file can be renamed from beside into the directory: other mounts and volumes tell only by trying.
// The file is empty, and whatever a kill leaves of it is cleared at the next start.
Result<bool> moves_in(Env& env, FileSystem& fs, const FileSinkPlace& place) {
  const std::string name = fmt::format("{}{:016x}", kProbePrefix, env.random());
  const std::string from = join_path(place.state, name);
  const std::string to = join_path(place.directory, name);
  auto file = fs.create(from);
  if (!file.ok() && file.status().code() == Code::permission_denied) return false;
  if (!file.ok()) return file.status();
  RF_TRY((*file)->close());
  const Status moved = fs.rename(from, to);
  RF_TRY(fs.remove(moved.ok() ? to : from));
  if (moved.ok()) return true;
  if (moved.code() == Code::failed_precondition) return false;  // another file system
  return moved;
}

// Why the state can't be in place.state; empty: it can. Tried once: FORMAT says so from then on, so that the
// answer does not change while there are markers.
Result<std::string> why_not_beside(Env& env, FileSystem& fs, const FileSinkPlace& place) {
  if (place.state.empty()) return std::string("nothing can stand beside a path like this");
  const std::string format = join_path(place.state, kFormatName);
  const Result<DirEntry> there = fs.stat(place.state);
  if (there.ok() && !there->is_dir) return fmt::format("'{}' is no directory", place.state);
  if (there.ok()) {
    RF_ASSIGN(const bool decided, exists(fs, format));
    if (decided) return std::string();
  } else if (there.status().code() == Code::permission_denied) {
    return there.status().message();
  } else if (there.status().code() != Code::not_found) {
    return there.status();
  }
  const Status made = fs.make_dirs(place.state);
  if (!made.ok() && made.code() == Code::permission_denied) return made.message();
  RF_TRY(made);
  RF_ASSIGN(const bool moves, moves_in(env, fs, place));
  if (moves) {
    RF_TRY(write_file_atomic(fs, format, kFormat));
    return std::string();
  }
  (void)fs.remove(place.state);  // empty, or of somebody
  return fmt::format("no file can be moved from '{}' into it", place.state);
}

// Whoever deletes the directory deletes what was published: going on would not bring it back.
Status check_not_gone(FileSystem& fs, const FileSinkPlace& place, std::string_view owner) {
  RF_ASSIGN(const bool there, exists(fs, place.directory));
  if (there || place.state.empty()) return {};
  const Result<std::vector<DirEntry>> entries = fs.list(place.state);
  if (!entries.ok()) {
    const Code code = entries.status().code();
    const bool none = code == Code::not_found || code == Code::permission_denied ||
                      code == Code::failed_precondition;  // no directory
    return none ? Status() : entries.status();
  }
  const std::string prefix = fmt::format("{}{}-", kSinkMarkerPrefix, owner);
  for (const DirEntry& entry : *entries) {
    if (!entry.name.starts_with(prefix)) continue;
    return Status::external(
        Code::data_loss,
        fmt::format("the directory '{}' is gone, and '{}' says that files were published in it. Restore it; "
                    "make it, empty, if they were taken away on purpose; or start the job under a new name",
                    place.directory, join_path(place.state, entry.name)));
  }
  return {};
}

// What is there twice counts as inside: it is of an earlier version that was gone back to, and so the newer
// one, or of a copy, and then it shows that the files beside it are old.
Status move_out(FileSystem& fs, const FileSinkPlace& place) {
  RF_ASSIGN(const std::vector<DirEntry> entries, fs.list(place.directory));
  bool moved = false;
  for (const DirEntry& entry : entries) {
    const std::string from = join_path(place.directory, entry.name);
    if (entry.name.starts_with(kProbePrefix)) RF_TRY(fs.remove(from));
    const bool ours =
        entry.name.starts_with(kSinkMarkerPrefix) || entry.name.starts_with(kSinkInProgressPrefix);
    if (!ours || entry.is_dir) continue;
    RF_TRY(fs.rename(from, join_path(place.state, entry.name)));
    moved = true;
  }
  if (!moved) return {};
  RF_TRY(fs.sync_dir(place.state));
  return fs.sync_dir(place.directory);
}

}  // namespace

std::string state_beside(std::string_view directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.remove_suffix(1);
  const size_t slash = directory.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? directory : directory.substr(slash + 1);
  if (name.empty() || name == "." || name == ".." || name.size() > kLongestName) return {};
  const std::string_view parent = slash == std::string_view::npos ? "" : directory.substr(0, slash + 1);
  return fmt::format("{}.{}.rideflow", parent, name);
}

Result<FileSinkPlace> open_file_sink_place(Env& env, FileSystem& fs, const std::string& directory,
                                           std::string_view owner) {
  FileSinkPlace place{directory, state_beside(directory), {}};
  RF_TRY(check_not_gone(fs, place, owner));
  RF_TRY(fs.make_dirs(directory));
  RF_ASSIGN(place.inside, why_not_beside(env, fs, place));
  if (!place.inside.empty()) {
    place.state = directory;
    return place;
  }
  RF_TRY(move_out(fs, place));
  return place;
}

}  // namespace rideflow
