#include "runtime/memory_job_storage.h"

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

}  // namespace

// The description of a checkpoint is the cells themselves.
class MemoryJobStorage::Backend : public TaskStateBackend {
 public:
  Result<StateTable*> table(const std::string& name) override {
    auto& table = tables_[name];
    if (!table) table = std::make_unique<MemoryStateTable>();
    return table.get();
  }
  Result<std::string> checkpoint(Epoch) override {
    ByteWriter out;
    out.put(static_cast<uint32_t>(tables_.size()));
    for (const auto& [name, table] : tables_) encode_table(name, *table, out);
    return out.take();
  }

 private:
  std::map<std::string, std::unique_ptr<MemoryStateTable>> tables_;
};

Result<std::shared_ptr<TaskStateBackend>> MemoryJobStorage::backend(TaskId) {
  return std::shared_ptr<TaskStateBackend>(std::make_shared<Backend>());
}

Result<int64_t> MemoryJobStorage::publish(const JobCheckpoint& checkpoint) {
  const std::lock_guard lock(mutex_);
  newest_ = checkpoint;
  int64_t bytes = 0;
  for (const TaskSnapshot& snapshot : checkpoint.snapshots) {
    bytes += static_cast<int64_t>(snapshot.state_files.size());
    for (const auto& [name, blob] : snapshot.blobs) bytes += static_cast<int64_t>(blob.size());
  }
  return bytes;
}

Result<std::optional<JobCheckpoint>> MemoryJobStorage::load() {
  const std::lock_guard lock(mutex_);
  restored_.clear();
  if (!newest_) return std::optional<JobCheckpoint>();
  for (const TaskSnapshot& snapshot : newest_->snapshots) {
    if (snapshot.state_files.empty()) continue;
    ByteReader in(snapshot.state_files);
    const auto tables = in.get<uint32_t>();
    for (uint32_t t = 0; t < tables && in.ok(); ++t) {
      auto& table = restored_[in.get_string()];
      if (!table) table = std::make_unique<MemoryStateTable>();
      const auto cells = in.get<uint32_t>();
      const std::string body = in.get_string();
      ByteReader rows(body);
      const Status read = table->apply([&](const TakeChange& take) -> Status {
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
      RF_TRY(rows.finish("a state table"));
    }
    RF_TRY(in.finish("the state of a task"));
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
