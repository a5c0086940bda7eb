#include "engine/virtual_fs.h"

#include <algorithm>
#include <set>

#include "engine/buffer.h"

namespace rideflow {

std::string normal_path(std::string_view path) {
  std::string out = path.starts_with('/') ? "/" : "";
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

namespace {

bool is_root(const std::string& path) {
  return path == "." || path == "/";
}

Status missing(const std::string& path) {
  return Status::external(Code::not_found, "'" + path + "' does not exist.");
}

}  // namespace

class VirtualFs::Writer : public WritableFile {
 public:
  Writer(VirtualFs& fs, NodeRef node, std::string path)
      : fs_(fs), node_(std::move(node)), path_(std::move(path)), generation_(fs.generation_) {}

  Status append(std::string_view bytes) override {
    const std::lock_guard lock(fs_.mutex_);
    RF_TRY(usable());
    if (Status status = fs_.count_call("append", path_); !status.ok()) {
      if (fs_.fault_now()) node_->data += bytes.substr(0, fs_.draw(bytes.size()));
      return status;
    }
    node_->data += bytes;
    node_->modified = fs_.clock_();
    return {};
  }

  Status sync() override {
    const std::lock_guard lock(fs_.mutex_);
    RF_TRY(usable());
    if (Status status = fs_.count_call("sync", path_); !status.ok()) {
      broken_ = true;
      if (!fs_.dead_ && node_->synced < node_->data.size()) {
        node_->holes.emplace_back(node_->synced, node_->data.size());
        node_->synced = node_->data.size();
      }
      return status;
    }
    node_->synced = node_->data.size();
    return {};
  }

  Status close() override {
    closed_ = true;
    return {};
  }

  int64_t size() const override {
    const std::lock_guard lock(fs_.mutex_);
    return static_cast<int64_t>(node_->data.size());
  }

 private:
  Status usable() const {
    if (generation_ != fs_.generation_)
      return Status::external(Code::unavailable, "'" + path_ + "' was open when the machine crashed.");
    if (closed_) return Status::internal("'" + path_ + "' is closed.");
    if (broken_)
      return Status::external(Code::data_loss, "A sync of '" + path_ + "' failed: it must not be used.");
    return {};
  }

  VirtualFs& fs_;
  NodeRef node_;
  std::string path_;
  int64_t generation_;
  bool closed_ = false;
  bool broken_ = false;
};

class VirtualFs::Reader : public ReadableFile {
 public:
  Reader(VirtualFs& fs, NodeRef node, std::string path)
      : fs_(fs), node_(std::move(node)), path_(std::move(path)), generation_(fs.generation_) {}

  Result<size_t> read(int64_t offset, size_t n, char* out) const override {
    const std::lock_guard lock(fs_.mutex_);
    RF_TRY(ready("read"));
    const auto from = static_cast<size_t>(std::max<int64_t>(offset, 0));
    if (from >= node_->data.size()) return size_t{0};
    const size_t got = node_->data.copy(out, n, from);
    fs_.bytes_read_ += static_cast<int64_t>(got);
    return got;
  }

  int64_t size() const override {
    const std::lock_guard lock(fs_.mutex_);
    if (!ready("size").ok()) return -1;
    return static_cast<int64_t>(node_->data.size());
  }

  Result<std::shared_ptr<const std::string_view>> map() const override {
    const std::lock_guard lock(fs_.mutex_);
    RF_TRY(ready("map"));
    struct Mapping {
      std::string bytes;
      std::string_view view;
    };
    auto mapping = std::make_shared<Mapping>();
    mapping->bytes = node_->data;
    mapping->bytes.append(BufferRef::kPadding, '\0');
    mapping->view = std::string_view(mapping->bytes).substr(0, node_->data.size());
    return std::shared_ptr<const std::string_view>(mapping, &mapping->view);
  }

 private:
  Status ready(std::string_view call) const {
    if (generation_ != fs_.generation_)
      return Status::external(Code::unavailable, "'" + path_ + "' was open when the machine crashed.");
    return fs_.count_call(call, path_);
  }

  VirtualFs& fs_;
  NodeRef node_;
  std::string path_;
  int64_t generation_;
};

class VirtualFs::Lock : public FileLock {
 public:
  Lock(VirtualFs& fs, NodeRef node) : fs_(fs), node_(std::move(node)), generation_(fs.generation_) {}
  ~Lock() override {
    const std::lock_guard lock(fs_.mutex_);
    if (generation_ == fs_.generation_) node_->locked = false;
  }
  Status write(std::string_view content) override {
    const std::lock_guard lock(fs_.mutex_);
    RF_TRY(fs_.count_call("write", "lock"));
    cut(*node_, 0);
    node_->data = content;
    return {};
  }

 private:
  VirtualFs& fs_;
  NodeRef node_;
  int64_t generation_;
};

VirtualFs::VirtualFs(uint64_t seed, std::function<Micros()> clock)
    : random_(seed), clock_(std::move(clock)) {}

VirtualFs::~VirtualFs() = default;

// ---- Faults

void VirtualFs::fail(int64_t n, Status status) {
  const std::lock_guard lock(mutex_);
  fail_at_ = n == 0 ? 0 : calls_ + n;
  fail_with_ = std::move(status);
}

void VirtualFs::die(int64_t n) {
  const std::lock_guard lock(mutex_);
  die_at_ = n == 0 ? 0 : calls_ + n;
}

void VirtualFs::die_now() {
  const std::lock_guard lock(mutex_);
  dead_ = true;
}

bool VirtualFs::dead() const {
  const std::lock_guard lock(mutex_);
  return dead_;
}

int64_t VirtualFs::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

int64_t VirtualFs::bytes_read() const {
  const std::lock_guard lock(mutex_);
  return bytes_read_;
}

void VirtualFs::ignore_dir_syncs(bool on) {
  const std::lock_guard lock(mutex_);
  ignore_dir_syncs_ = on;
}

Status VirtualFs::count_call(std::string_view call, const std::string& path) {
  ++calls_;
  if (calls_ == die_at_) dead_ = true;
  if (dead_)
    return Status::external(Code::unavailable,
                            std::string(call) + " of '" + path + "': the simulated machine is down.");
  if (calls_ == fail_at_) return Status(fail_with_).with(std::string(call) + " of '" + path + "'");
  return {};
}

void VirtualFs::crash(Crash how) {
  const std::lock_guard lock(mutex_);
  if (how == Crash::keep_all) durable_ = names_;
  if (how == Crash::lose_some) keep_some_names();
  journal_.clear();
  names_ = durable_;
  drop_orphans();
  durable_ = names_;
  for (auto& [path, node] : names_) {
    if (how == Crash::lose_some) keep_some_bytes(*node);
    if (how == Crash::lose_unsynced) node->data.resize(std::min(node->synced, node->data.size()));
    node->synced = node->data.size();
    node->locked = false;
    if (how == Crash::keep_all) continue;
    for (const auto& [from, to] : node->holes) {
      for (size_t i = from; i < std::min(to, node->data.size()); ++i) node->data[i] = '\0';
    }
    node->holes.clear();
  }
  ++generation_;
  dead_ = false;
  die_at_ = 0;
  fail_at_ = 0;
}

// Each directory keeps the changes up to a moment of its own, as a journaling file system would at worst.
void VirtualFs::keep_some_names() {
  std::set<std::string> stopped;
  for (const NameChange& one : journal_) {
    bool keep = draw(2) == 0;
    for (const auto& [path, node] : one) keep = keep && !stopped.contains(parent_dir(path));
    for (const auto& [path, node] : one) {
      if (!keep) {
        stopped.insert(parent_dir(path));
      } else if (node) {
        durable_[path] = node;
      } else {
        durable_.erase(path);
      }
    }
  }
}

void VirtualFs::keep_some_bytes(Node& node) {
  if (node.data.size() <= node.synced) return;
  const size_t kept = node.synced + draw(node.data.size() - node.synced + 1);
  node.data.resize(kept);
  if (draw(2) == 0) return;  // else: the size reached the disk, the last bytes did not
  const size_t zeros = draw(std::min<size_t>(kept - node.synced, 512) + 1);
  std::fill(node.data.end() - static_cast<int64_t>(zeros), node.data.end(), '\0');
}

void VirtualFs::cut(Node& node, size_t size) {
  node.data.resize(size);
  node.synced = size;
  for (auto& [from, to] : node.holes) to = std::min(to, size);
  std::erase_if(node.holes, [](const auto& hole) { return hole.first >= hole.second; });
}

// A name whose directory did not survive is gone with it.
void VirtualFs::drop_orphans() {
  for (auto it = names_.begin(); it != names_.end();) {
    const std::string parent = parent_dir(it->first);
    it = is_root(parent) || names_.contains(parent) ? std::next(it) : names_.erase(it);
  }
}

// ---- Names

Result<VirtualFs::NodeRef> VirtualFs::find(const std::string& path, bool is_dir) const {
  const auto it = names_.find(path);
  if (it == names_.end()) return missing(path);
  if (it->second->is_dir != is_dir)
    return Status::external(Code::failed_precondition,
                            "'" + path + "' is " + (is_dir ? "not a directory." : "a directory."));
  return it->second;
}

Status VirtualFs::require_parent(const std::string& path) const {
  const std::string parent = parent_dir(path);
  if (is_root(parent)) return {};
  return find(parent, true).status();
}

void VirtualFs::change(NameChange change) {
  for (const auto& [path, node] : change) {
    if (node) {
      names_[path] = node;
    } else {
      names_.erase(path);
    }
  }
  journal_.push_back(std::move(change));
}

bool VirtualFs::touches(const NameChange& change, const std::string& dir) {
  return std::any_of(change.begin(), change.end(), [&](const auto& c) { return parent_dir(c.first) == dir; });
}

Status VirtualFs::open_for_writing(const std::string& path, bool truncate,
                                   std::unique_ptr<WritableFile>& out) {
  RF_TRY(require_parent(path));
  const auto it = names_.find(path);
  NodeRef node;
  if (it == names_.end()) {
    node = std::make_shared<Node>();
    node->inode = ++last_inode_;
    change({{path, node}});
  } else {
    RF_ASSIGN(node, find(path, false));
    if (truncate) {
      cut(*node, 0);
    }
  }
  node->modified = clock_();
  out = std::make_unique<Writer>(*this, std::move(node), path);
  return {};
}

Result<std::unique_ptr<WritableFile>> VirtualFs::create(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("create", path));
  std::unique_ptr<WritableFile> file;
  RF_TRY(open_for_writing(normal_path(path), true, file));
  return file;
}

Result<std::unique_ptr<WritableFile>> VirtualFs::append(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("append-open", path));
  std::unique_ptr<WritableFile> file;
  RF_TRY(open_for_writing(normal_path(path), false, file));
  return file;
}

Result<std::unique_ptr<ReadableFile>> VirtualFs::open(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("open", path));
  RF_ASSIGN(NodeRef node, find(normal_path(path), false));
  return std::unique_ptr<ReadableFile>(std::make_unique<Reader>(*this, std::move(node), path));
}

Result<std::vector<DirEntry>> VirtualFs::list(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("list", dir));
  const std::string parent = normal_path(dir);
  if (!is_root(parent)) RF_TRY(find(parent, true).status());
  std::vector<DirEntry> entries;
  for (const auto& [path, node] : names_) {
    if (parent_dir(path) != parent || is_root(path)) continue;
    DirEntry entry;
    entry.name = path.substr(path.rfind('/') + 1);
    entry.is_dir = node->is_dir;
    entry.size = static_cast<int64_t>(node->data.size());
    entry.modified = node->modified;
    entry.inode = node->inode;
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<DirEntry> VirtualFs::stat(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("stat", path));
  const std::string normal = normal_path(path);
  DirEntry entry;
  entry.name = normal.substr(normal.rfind('/') + 1);
  entry.is_dir = is_root(normal);
  if (entry.is_dir) return entry;
  const auto it = names_.find(normal);
  if (it == names_.end()) return missing(path);
  entry.is_dir = it->second->is_dir;
  entry.size = static_cast<int64_t>(it->second->data.size());
  entry.modified = it->second->modified;
  entry.inode = it->second->inode;
  return entry;
}

Status VirtualFs::make_dirs(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("make_dirs", dir));
  const std::string path = normal_path(dir);
  if (is_root(path)) return {};
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (!names_.contains(part)) {
      auto node = std::make_shared<Node>();
      node->is_dir = true;
      node->modified = clock_();
      forget(part);
      names_[part] = node;
      durable_[part] = node;
    } else {
      RF_TRY(find(part, true).status());
    }
    if (slash == std::string::npos) return {};
  }
}

// A new directory of an old name: what the old one held is gone with it.
void VirtualFs::forget(const std::string& dir) {
  const auto below = [&](const std::string& path) { return path == dir || path.starts_with(dir + "/"); };
  std::erase_if(durable_, [&](const auto& entry) { return below(entry.first); });
  std::erase_if(journal_, [&](const NameChange& one) {
    return std::any_of(one.begin(), one.end(), [&](const auto& c) { return below(c.first); });
  });
}

Status VirtualFs::rename(const std::string& from_path, const std::string& to_path) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("rename", from_path));
  const std::string from = normal_path(from_path);
  const std::string to = normal_path(to_path);
  const auto it = names_.find(from);
  if (it == names_.end()) return missing(from_path);
  RF_TRY(require_parent(to));
  if (from == to) return {};
  if (const auto old = names_.find(to); old != names_.end() && old->second->is_dir)
    return Status::external(Code::already_exists, "'" + to_path + "' is a directory.");
  NameChange moved = {{from, nullptr}, {to, it->second}};
  if (it->second->is_dir) {
    const std::string prefix = from + "/";
    for (auto below = names_.lower_bound(prefix); below != names_.end() && below->first.starts_with(prefix);
         ++below) {
      moved.emplace_back(below->first, nullptr);
      moved.emplace_back(to + "/" + below->first.substr(prefix.size()), below->second);
    }
  }
  change(std::move(moved));
  return {};
}

Status VirtualFs::link(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("link", from));
  RF_ASSIGN(NodeRef node, find(normal_path(from), false));
  const std::string target = normal_path(to);
  RF_TRY(require_parent(target));
  if (names_.contains(target)) return Status::external(Code::already_exists, "'" + to + "' exists already.");
  change({{target, std::move(node)}});
  return {};
}

Status VirtualFs::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("remove", path));
  const std::string normal = normal_path(path);
  const auto it = names_.find(normal);
  if (it == names_.end()) return {};
  const auto below = names_.lower_bound(normal + "/");
  if (it->second->is_dir && below != names_.end() && below->first.starts_with(normal + "/"))
    return Status::external(Code::failed_precondition, "The directory '" + path + "' is not empty.");
  change({{normal, nullptr}});
  return {};
}

Status VirtualFs::remove_tree(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("remove_tree", dir));
  const std::string top = normal_path(dir);
  std::vector<std::string> doomed;
  for (const auto& [path, node] : names_) {
    if (path == top || path.starts_with(top + "/")) doomed.push_back(path);
  }
  for (auto it = doomed.rbegin(); it != doomed.rend(); ++it) change({{*it, nullptr}});
  return {};
}

Status VirtualFs::truncate(const std::string& path, int64_t size) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("truncate", path));
  RF_ASSIGN(NodeRef node, find(normal_path(path), false));
  cut(*node, static_cast<size_t>(size));
  node->modified = clock_();
  return {};
}

Status VirtualFs::sync_dir(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("sync_dir", dir));
  const std::string path = normal_path(dir);
  if (!is_root(path)) RF_TRY(find(path, true).status());
  if (ignore_dir_syncs_) return {};
  std::vector<NameChange> rest;
  for (NameChange& one : journal_) {
    if (!touches(one, path)) {
      rest.push_back(std::move(one));
      continue;
    }
    for (const auto& [name, node] : one) {
      if (node) {
        durable_[name] = node;
      } else {
        durable_.erase(name);
      }
    }
  }
  journal_ = std::move(rest);
  return {};
}

Result<int64_t> VirtualFs::free_bytes(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("free_bytes", dir));
  return int64_t{1} << 40;
}

Result<std::unique_ptr<FileLock>> VirtualFs::lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RF_TRY(count_call("lock", path));
  std::unique_ptr<WritableFile> file;
  RF_TRY(open_for_writing(normal_path(path), false, file));
  const NodeRef node = names_[normal_path(path)];
  if (node->locked) return Status::external(Code::aborted, "'" + path + "' is locked.");
  node->locked = true;
  return std::unique_ptr<FileLock>(std::make_unique<Lock>(*this, node));
}

// ---- Damage by tests

std::string VirtualFs::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  auto node = find(normal_path(path), false);
  return (*node)->data;
}

void VirtualFs::set_content(const std::string& path, std::string bytes) {
  const std::lock_guard lock(mutex_);
  auto node = find(normal_path(path), false);
  cut(**node, 0);
  (*node)->data = std::move(bytes);
  (*node)->synced = (*node)->data.size();
}

std::vector<std::string> VirtualFs::files(const std::string& dir) const {
  const std::lock_guard lock(mutex_);
  const std::string prefix = is_root(normal_path(dir)) ? std::string() : normal_path(dir) + "/";
  std::vector<std::string> found;
  for (const auto& [path, node] : names_) {
    if (!node->is_dir && path.starts_with(prefix)) found.push_back(path);
  }
  return found;
}

}  // namespace rideflow
