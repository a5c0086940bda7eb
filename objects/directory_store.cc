#include "objects/directory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/presence.h"
#include "objects/whole_file.h"

namespace rideflow {
namespace {

constexpr size_t kHexDigits = 16;

Status no_object(const std::string& path) {
  return Status::external(Code::not_found, fmt::format("There is no object '{}'.", path));
}

// A folder, or a path through a file: failed_precondition to a file system. Neither is an object.
Status about_object(Status status, const std::string& path) {
  return status.code() == Code::failed_precondition || status.code() == Code::not_found ? no_object(path)
                                                                                        : status;
}

std::string version_of(std::string_view bytes) {
  const ObjectSum sum = sum_of(bytes);
  return fmt::format("{:016x}-{}", sum.checksum, sum.bytes);
}

Status sync_file(FileSystem& fs, const std::string& path) {
  RF_ASSIGN(const auto file, fs.append(path));
  RF_TRY(file->sync());
  return file->close();
}

// The time in the name of a file in .incoming; less than 0: none of ours.
Micros begun_at(const std::string& name) {
  int64_t begun = -1;
  const char* end = name.data() + std::min(name.size(), kHexDigits);
  const auto [stop, error] = std::from_chars(name.data(), end, begun, 16);
  return error == std::errc() && stop == name.data() + kHexDigits ? begun : -1;
}

}  // namespace

Result<std::shared_ptr<DirectoryStore>> DirectoryStore::open(Env& env, const std::string& dir) {
  std::shared_ptr<DirectoryStore> store(new DirectoryStore(env, dir));
  RF_TRY(env.fs().make_dirs(dir));
  return store;
}

// ---- Aside, then in place

// Named by when it was begun: a link keeps the times of its file.
std::string DirectoryStore::incoming_path() {
  return join_path(incoming(), fmt::format("{:016x}-{:016x}", env_.now(), env_.random()));
}

Result<std::string> DirectoryStore::write_aside(std::string_view bytes) {
  RF_TRY(env_.fs().make_dirs(incoming()));
  const std::string aside = incoming_path();
  if (Status written = write_synced(env_.fs(), aside, bytes); !written.ok())
    return drop_file(env_.fs(), aside, std::move(written));
  return aside;
}

// A link where nobody changes the file any more, and where it may be opened to be synced: a crash must not
// leave the name here without the bytes.
Result<ObjectSum> DirectoryStore::bring_aside(const LocalFile& file, const std::string& aside) {
  RF_ASSIGN(const auto in, env_.fs().open(file.path));
  RF_ASSIGN(const auto content, whole_file(*in, file.path));
  RF_ASSIGN(const std::string_view bytes, wanted_bytes(file, *content));
  if (file.first_bytes < 0) {
    const Status synced = sync_file(env_.fs(), file.path);
    if (synced.ok()) RF_TRY(env_.fs().link(file.path, aside));
    if (synced.ok()) return sum_of(bytes);
    if (synced.code() != Code::permission_denied) return synced;
  }
  RF_TRY(write_synced(env_.fs(), aside, bytes));
  return sum_of(bytes);
}

Status DirectoryStore::make_parent(const std::string& name) {
  return name.find('/') == std::string::npos ? Status() : env_.fs().make_dirs(parent_dir(path_of(name)));
}

Status DirectoryStore::move_in(const std::string& aside, const std::string& name) {
  RF_TRY(make_parent(name));
  return env_.fs().rename(aside, path_of(name));
}

// ---- Writing

Status DirectoryStore::put(const std::string& name, std::string_view bytes) {
  RF_TRY(check_object_name(name));
  RF_ASSIGN(const std::string aside, write_aside(bytes));
  if (Status moved = move_in(aside, name); !moved.ok()) return drop_file(env_.fs(), aside, std::move(moved));
  return env_.fs().sync_dir(parent_dir(path_of(name)));
}

Result<std::vector<ObjectSum>> DirectoryStore::put_files(std::span<const LocalFile> files) {
  for (const LocalFile& file : files) RF_TRY(check_object_name(file.name));
  std::vector<ObjectSum> sums;
  std::vector<std::string> parents;
  RF_TRY(env_.fs().make_dirs(incoming()));
  for (const LocalFile& file : files) {
    const std::string aside = incoming_path();
    Result<ObjectSum> sum = bring_aside(file, aside);
    if (!sum.ok()) return drop_file(env_.fs(), aside, about_local_file(std::move(sum).status()));
    const Status moved = move_in(aside, file.name);
    if (!moved.ok()) return drop_file(env_.fs(), aside, moved);
    // Renaming one link of a file to another of the same file does nothing.
    RF_TRY(env_.fs().remove(aside));
    sums.push_back(*sum);
    parents.push_back(parent_dir(path_of(file.name)));
  }
  std::sort(parents.begin(), parents.end());
  parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
  for (const std::string& parent : parents) RF_TRY(env_.fs().sync_dir(parent));
  return sums;
}

Status DirectoryStore::remove_all(std::span<const std::string> names) {
  for (const std::string& name : names) RF_TRY(check_object_name(name));
  // A directory is synced where the next name is in another one: so what goes first is gone first.
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string path = path_of(names[i]);
    const Result<ObjectInfo> there = stat(names[i]);
    if (!there.ok() && there.status().code() != Code::not_found) return Status(there.status());
    if (there.ok()) RF_TRY(env_.fs().remove(path));  // a folder stays
    const std::string parent = parent_dir(path);
    if (i + 1 < names.size() && parent_dir(path_of(names[i + 1])) == parent) continue;
    // Also where nothing was to remove: an earlier call may have failed to make it durable.
    const Status synced = env_.fs().sync_dir(parent);
    if (!synced.ok() && about_object(synced, parent).code() != Code::not_found) return synced;
  }
  return {};
}

// Where the disk has no hard links, link() copies: there, and only there, a crash may leave half an object.
Result<std::string> DirectoryStore::create_if_absent(const std::string& name, std::string_view bytes) {
  RF_TRY(check_object_name(name));
  RF_ASSIGN(const std::string aside, write_aside(bytes));
  const std::string path = path_of(name);
  Status linked = make_parent(name);
  if (linked.ok()) linked = env_.fs().link(aside, path);
  const Status dropped = env_.fs().remove(aside);
  if (linked.code() == Code::already_exists)
    return Status::external(Code::already_exists, fmt::format("'{}' is there already.", path));
  RF_TRY(std::move(linked));
  RF_TRY(env_.fs().sync_dir(parent_dir(path)));
  (void)dropped;  // a leftover
  return version_of(bytes);
}

Result<std::string> DirectoryStore::compare_and_set(const std::string& name, const std::string& expected,
                                                    std::string_view bytes) {
  RF_TRY(check_object_name(name));
  const std::lock_guard in_this_process(setting_);
  const std::string lock_path = join_path(dir_, ".lock");
  const auto lock = env_.fs().lock(lock_path);
  if (!lock.ok() && lock.status().code() == Code::aborted)
    return Status::external(Code::unavailable,
                            fmt::format("Another process is setting an object of '{}' just now.", dir_),
                            Retry::backoff);
  if (!lock.ok()) return Status(lock.status());
  return set_locked(name, expected, bytes);
}

Result<std::string> DirectoryStore::set_locked(const std::string& name, const std::string& expected,
                                               std::string_view bytes) {
  RF_ASSIGN(const Object current, get(name, INT64_MAX));
  if (current.version != expected)
    return Status::external(Code::aborted,
                            fmt::format("'{}' was set by somebody else in the meantime.", path_of(name)));
  RF_TRY(put(name, bytes));
  return version_of(bytes);
}

// ---- Reading

Result<Object> DirectoryStore::get(const std::string& name, int64_t max_bytes) {
  RF_TRY(check_object_name(name));
  const std::string path = path_of(name);
  const auto file = env_.fs().open(path);
  if (!file.ok()) return about_object(file.status(), path);
  RF_ASSIGN(const int64_t size, size_of(**file, path));
  if (size > max_bytes)
    return Status::external(
        Code::failed_precondition,
        fmt::format("'{}' has {} bytes; what is read here has at most {}.", path, size, max_bytes));
  Object object;
  object.bytes.resize(static_cast<size_t>(size));
  RF_ASSIGN(const size_t got, (*file)->read(0, object.bytes.size(), object.bytes.data()));
  object.bytes.resize(got);
  object.version = version_of(object.bytes);
  return object;
}

Status DirectoryStore::get_file(const std::string& name, const std::string& path) {
  RF_TRY(stat(name).status());
  // Somebody may have copied the directory here a moment ago: a crash must not leave the name without the
  // bytes.
  const Status synced = sync_file(env_.fs(), path_of(name));
  if (synced.code() == Code::permission_denied) return copy_file(name, path);
  if (!synced.ok()) return about_object(synced, path_of(name));
  Status linked = env_.fs().link(path_of(name), path);
  if (linked.ok() || linked.code() == Code::already_exists) return linked;
  return drop_file(env_.fs(), path, about_local_file(std::move(linked)));
}

Status DirectoryStore::copy_file(const std::string& name, const std::string& path) {
  RF_TRY(check_object_name(name));
  RF_ASSIGN(const bool there, exists(env_.fs(), path));
  if (there) return Status::external(Code::already_exists, fmt::format("'{}' exists already.", path));
  const std::string from = path_of(name);
  const auto file = env_.fs().open(from);
  if (!file.ok()) return about_object(file.status(), from);
  RF_ASSIGN(const auto content, whole_file(**file, from));
  const std::string part = path + ".part";
  Status copied = write_synced(env_.fs(), part, *content);
  if (copied.ok()) copied = env_.fs().rename(part, path);
  return copied.ok() ? Status() : drop_file(env_.fs(), part, about_local_file(std::move(copied)));
}

Result<ObjectInfo> DirectoryStore::stat(const std::string& name) {
  RF_TRY(check_object_name(name));
  const std::string path = path_of(name);
  const Result<DirEntry> entry = env_.fs().stat(path);
  if (!entry.ok()) return about_object(entry.status(), path);
  if (entry->is_dir) return no_object(path);
  return ObjectInfo{name, entry->size, entry->modified};
}

Result<ObjectSum> DirectoryStore::sum(const std::string& name) {
  RF_TRY(check_object_name(name));
  const std::string path = path_of(name);
  const auto file = env_.fs().open(path);
  if (!file.ok()) return about_object(file.status(), path);
  RF_ASSIGN(const auto content, whole_file(**file, path));
  return sum_of(*content);
}

Result<std::vector<ObjectInfo>> DirectoryStore::list(const std::string& prefix) {
  RF_TRY(check_object_prefix(prefix));
  std::vector<ObjectInfo> found;
  const size_t slash = prefix.rfind('/');
  RF_TRY(list_below(slash == std::string::npos ? "" : prefix.substr(0, slash), prefix, found));
  // A folder's names come together, but '-' is before '/': "a-b" before "a/b".
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

Status DirectoryStore::list_below(const std::string& folder, const std::string& prefix,
                                  std::vector<ObjectInfo>& found) {
  const Result<std::vector<DirEntry>> entries = env_.fs().list(join_path(dir_, folder));
  // Also one that somebody removed while we looked.
  if (!entries.ok() && about_object(entries.status(), folder).code() == Code::not_found) return {};
  if (!entries.ok()) return Status(entries.status());
  for (const DirEntry& entry : *entries) {
    const std::string name = join_path(folder, entry.name);
    const std::string_view common = std::string_view(prefix).substr(0, name.size());
    if (!name.starts_with(common) || !check_object_name(name).ok()) continue;
    if (entry.is_dir) {
      RF_TRY(list_below(name, prefix, found));
    } else if (name.starts_with(prefix)) {
      found.push_back({name, entry.size, entry.modified});
    }
  }
  return {};
}

// ---- Housekeeping

Status DirectoryStore::check() {
  RF_ASSIGN(const std::string aside, write_aside("check"));
  RF_TRY(env_.fs().remove(aside));
  const auto lock = env_.fs().lock(join_path(dir_, ".lock"));
  return lock.ok() || lock.status().code() == Code::aborted ? Status() : lock.status();
}

Result<int> DirectoryStore::sweep_leftovers(int64_t older_than_micros) {
  const auto entries = env_.fs().list(incoming());
  if (!entries.ok() && entries.status().code() == Code::not_found) return 0;  // nothing was ever written
  if (!entries.ok()) return Status(entries.status());
  int removed = 0;
  for (const DirEntry& entry : *entries) {
    const Micros begun = begun_at(entry.name);
    if (older_than_micros > 0 && (begun < 0 || env_.now() - begun < older_than_micros)) continue;
    RF_TRY(env_.fs().remove(join_path(incoming(), entry.name)));
    ++removed;
  }
  return removed;
}

}  // namespace rideflow
