#include "runtime/memory_job_storage.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/byte_codec.h"

namespace rideflow {
namespace {

constexpr KeyGroupRange kAllGroups{0, INT32_MAX};

void encode_table(const std::string& name, StateTable& table, ByteWriter& out) {
  uint32_t cells = 0;
  ByteWriter body;
  const Status scanned = table.scan(kAllGroups, [&](const CellKey& key, std::string_view value) -> Status {
    body.put(key.group.value).put(key.slice).put_string(key.key).put_string(value);
    ++cells;
    return {};
  });
  RF_CHECK(scanned.ok());
  out.put_string(name).put(cells).put_string(body.take());
}

Status decode_cells(uint32_t cells, std::string_view body, MemoryStateTable& table) {
  ByteReader rows(body);
  const Status read = table.apply([&](const TakeChange& take) -> Status {
    for (uint32_t c = 0; c < cells; ++c) {
      CellChange change;
      change.cell.group = KeyGroup(rows.get<int32_t>());
      change.cell.slice = rows.get<int64_t>();
      const std::string key = rows.get_string();
      const std::string value = rows.get_string();
      change.cell.key = key;
      change.value = value;
      RF_TRY(take(change));
    }
    return {};
  });
  RF_TRY(read);
  return rows.finish("a state table");
}

}  // namespace

// Any thread.
class MemoryJobStorage::Files {
 public:
  StateFile put(Epoch epoch, std::string bytes) {
    const std::lock_guard lock(mutex_);
    StateFile file;
    file.name = fmt::format("{:016}-{}", epoch.value, ++last_);
    file.db_name = "cells";
    file.bytes = static_cast<int64_t>(bytes.size());
    files_[file.name] = std::make_shared<const std::string>(std::move(bytes));
    return file;
  }
  std::shared_ptr<const std::string> get(const StateFile& file) const {
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(file.name);
    return found == files_.end() ? nullptr : found->second;
  }
  void keep_only(const Checkpoint& checkpoint) {
    std::map<std::string, std::shared_ptr<const std::string>> kept;
    const std::lock_guard lock(mutex_);
    for (const TaskSnapshot& task : checkpoint.tasks) {
      for (const StateFile& file : task.files) kept.insert(files_.extract(file.name));
    }
    files_ = std::move(kept);
  }

 private:
  mutable std::mutex mutex_;
  int64_t last_ = 0;
  std::map<std::string, std::shared_ptr<const std::string>> files_;
};

class MemoryJobStorage::Backend : public TaskStateBackend {
 public:
  explicit Backend(std::shared_ptr<Files> files) : files_(std::move(files)) {}
  Result<StateTable*> table(const std::string& name) override {
    auto& table = tables_[name];
    if (!table) table = std::make_unique<MemoryStateTable>();
    return table.get();
  }
  Result<std::vector<StateFile>> checkpoint(Epoch epoch) override {
    ByteWriter out;
    out.put(static_cast<uint32_t>(tables_.size()));
    for (const auto& [name, table] : tables_) encode_table(name, *table, out);
    return std::vector<StateFile>{files_->put(epoch, out.take())};
  }

 private:
  std::shared_ptr<Files> files_;
  std::map<std::string, std::unique_ptr<MemoryStateTable>> tables_;
};

MemoryJobStorage::MemoryJobStorage() : files_(std::make_shared<Files>()) {}
MemoryJobStorage::~MemoryJobStorage() = default;

Result<std::shared_ptr<TaskStateBackend>> MemoryJobStorage::backend(TaskId) {
  return std::shared_ptr<TaskStateBackend>(std::make_shared<Backend>(files_));
}

// One checkpoint is under way at a time: what this one does not name is of older ones.
Result<int64_t> MemoryJobStorage::publish(const Checkpoint& checkpoint) {
  const std::lock_guard lock(mutex_);
  newest_ = checkpoint;
  files_->keep_only(checkpoint);
  int64_t bytes = 0;
  for (const TaskSnapshot& task : checkpoint.tasks) {
    for (const StateFile& file : task.files) bytes += file.bytes;
    for (const auto& [name, blob] : task.blobs) bytes += static_cast<int64_t>(blob.size());
  }
  return bytes;
}

Result<std::optional<Checkpoint>> MemoryJobStorage::load() {
  const std::lock_guard lock(mutex_);
  restored_.clear();
  if (!newest_) return std::optional<Checkpoint>();
  for (const TaskSnapshot& task : newest_->tasks) {
    for (const StateFile& file : task.files) {
      const auto bytes = files_->get(file);
      RF_CHECK(bytes != nullptr);
      ByteReader in(*bytes);
      const auto tables = in.get<uint32_t>();
      for (uint32_t t = 0; t < tables && in.ok(); ++t) {
        auto& table = restored_[in.get_string()];
        if (!table) table = std::make_unique<MemoryStateTable>();
        const auto cells = in.get<uint32_t>();
        RF_TRY(decode_cells(cells, in.get_string(), *table));
      }
      RF_TRY(in.finish("the state of a task"));
    }
  }
  return newest_;
}

Result<Epoch> MemoryJobStorage::begin_attempt(const std::string& lineage) {
  const std::lock_guard lock(mutex_);
  const int64_t published = newest_ ? newest_->epoch.value : 0;
  const int64_t begun = lineage == lineage_ ? attempt_.value : 0;
  lineage_ = lineage;
  attempt_ = Epoch(std::max(published + 1, begun) + (begun > 0 ? 1 : 0));
  return attempt_;
}

Result<StateTable*> MemoryJobStorage::restored_cells(TaskId, const std::string& node_name) {
  const auto it = restored_.find(node_name);
  return it == restored_.end() ? nullptr : it->second.get();
}

}  // namespace rideflow
