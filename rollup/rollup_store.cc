#include "rollup/rollup_store.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

#include "engine/presence.h"
#include "rollup/datasource.h"
#include "rollup/rollup_writer.h"

namespace rideflow {
namespace {

constexpr std::string_view kDropped = ".dropped-";

// Whether `next` may take over the cells of `old`.
Status check_change(const RollupSpec& old, const RollupSpec& next) {
  const auto refuse = [&](const std::string& what) {
    return Status::user(
        Code::failed_precondition,
        fmt::format("The rollup '{}' exists with another {}. Give the sink another datasource, or "
                    "drop the old one.",
                    old.datasource, what));
  };
  if (!(old.granularity == next.granularity)) return refuse("granularity");
  for (const RollupDimension& d : next.dimensions) {
    const auto i = old.find_dimension(d.name);
    if (i && !(old.dimensions[static_cast<size_t>(*i)] == d)) return refuse("type of dimension " + d.name);
  }
  for (const RollupMetric& m : next.metrics) {
    const auto i = old.find_metric(m.name);
    if (i && old.metrics[static_cast<size_t>(*i)].kind != m.kind) return refuse("kind of metric " + m.name);
  }
  return {};
}

class FolderStore : public RollupStore {
 public:
  FolderStore(Env* env, std::string dir, RollupStoreOptions options)
      : env_(env), dir_(std::move(dir)), options_(options) {}

  Status load() {
    RF_TRY(env_->fs().make_dirs(dir_));
    RF_ASSIGN(const std::vector<DirEntry> entries, env_->fs().list(dir_));
    for (const DirEntry& entry : entries) {
      const std::string path = join_path(dir_, entry.name);
      if (!entry.is_dir) continue;
      if (entry.name.starts_with(kDropped)) {  // a drop that was cut short
        RF_TRY(env_->fs().remove_tree(path));
        continue;
      }
      RF_ASSIGN(const bool made, is_made(path));
      if (!made) continue;
      auto datasource = rollup::Datasource::open(env_, path, options_);
      if (!datasource.ok()) return std::move(datasource).status().with("rollup " + entry.name);
      datasources_[entry.name] = *std::move(datasource);
    }
    return {};
  }

  Result<std::unique_ptr<RollupWriter>> writer(const RollupSpec& spec, const RollupWriterId& id) override {
    RF_TRY(validate(spec));
    std::lock_guard lock(mutex_);
    std::shared_ptr<rollup::Datasource>& datasource = datasources_[spec.datasource];
    if (datasource == nullptr) {
      auto created = rollup::Datasource::create(env_, join_path(dir_, spec.datasource), spec, options_);
      if (!created.ok()) {
        datasources_.erase(spec.datasource);
        return std::move(created).status().with("rollup " + spec.datasource);
      }
      datasource = *std::move(created);
    }
    const std::shared_ptr<const RollupSpec> old = datasource->spec();
    if (!(*old == spec)) {
      RF_TRY(check_change(*old, spec));
      // An attempt of this job that ended in this process may not be gone yet (dev --watch).
      datasource->close_earlier(id);
      if (datasource->has_writers()) {
        return Status::user(Code::failed_precondition,
                            "The rollup '" + spec.datasource +
                                "' is being written with other columns: one sink writes a datasource.");
      }
      RF_TRY(datasource->change_spec(spec));
    }
    return rollup::make_writer(datasource, id);
  }

  std::vector<std::string> datasources() const override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& entry : datasources_) names.push_back(entry.first);
    return names;
  }

  std::shared_ptr<const RollupSnapshot> snapshot(const std::string& datasource) override {
    const std::shared_ptr<rollup::Datasource> found = find(datasource);
    return found == nullptr ? nullptr : found->snapshot();
  }

  int64_t memory_bytes(const std::string& datasource) const override {
    const std::shared_ptr<rollup::Datasource> found = find(datasource);
    return found == nullptr ? 0 : found->memory_bytes();
  }

  Status drop(const std::string& name) override {
    std::lock_guard lock(mutex_);
    const auto it = datasources_.find(name);
    if (it == datasources_.end()) return Status::user(Code::not_found, "There is no rollup '" + name + "'.");
    if (it->second->has_writers()) {
      return Status::user(Code::failed_precondition,
                          "The rollup '" + name + "' is being written. Stop its job first.");
    }
    datasources_.erase(it);
    // Under another name first: a folder that lost its manifest must not look like one being dropped.
    const std::string dropped = join_path(dir_, fmt::format("{}{:016x}", kDropped, env_->random()));
    RF_TRY(env_->fs().rename(join_path(dir_, name), dropped));
    RF_TRY(env_->fs().sync_dir(dir_));
    return env_->fs().remove_tree(dropped);
  }

 private:
  // False: the folder was being created when the process died, and holds nothing yet.
  Result<bool> is_made(const std::string& path) const {
    RF_ASSIGN(const bool made, exists(env_->fs(), join_path(path, "MANIFEST")));
    if (made) return true;
    RF_ASSIGN(const std::vector<DirEntry> entries, env_->fs().list(path));
    for (const DirEntry& entry : entries) {
      if (entry.size == 0 || entry.name.ends_with(".tmp")) continue;
      return Status::external(
          Code::data_loss,
          fmt::format("'{0}/MANIFEST' is missing, but the folder holds '{1}'. Restore the file from "
                      "a copy, or remove '{0}' and replay its jobs from the start under a new name.",
                      path, entry.name));
    }
    return false;
  }

  std::shared_ptr<rollup::Datasource> find(const std::string& name) const {
    std::lock_guard lock(mutex_);
    const auto it = datasources_.find(name);
    return it == datasources_.end() ? nullptr : it->second;
  }

  Env* const env_;
  const std::string dir_;
  const RollupStoreOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<rollup::Datasource>> datasources_;
};

}  // namespace

int64_t RollupSnapshot::rows() const {
  int64_t n = 0;
  for (const auto& part : parts) n += static_cast<int64_t>(part->rows());
  return n;
}

int64_t RollupSnapshot::memory_bytes() const {
  int64_t bytes = 0;
  for (const auto& part : parts) bytes += part->memory_bytes();
  return bytes;
}

int64_t RollupSnapshot::segment_bytes() const {
  int64_t bytes = 0;
  for (const auto& part : parts) bytes += part->file_bytes();
  return bytes;
}

Micros RollupSnapshot::min_time() const {
  Micros t = kNoTime;
  for (const auto& part : parts) t = t == kNoTime ? part->min_time() : std::min(t, part->min_time());
  return t;
}

Micros RollupSnapshot::max_time() const {
  Micros t = kNoTime;
  for (const auto& part : parts) t = std::max(t, part->max_time());
  return t;
}

Result<std::shared_ptr<RollupStore>> RollupStore::open(Env* env, const std::string& dir,
                                                       RollupStoreOptions options) {
  auto store = std::make_shared<FolderStore>(env, dir, options);
  RF_TRY(store->load());
  return std::shared_ptr<RollupStore>(std::move(store));
}

}  // namespace rideflow
