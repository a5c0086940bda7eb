#include "state/rocks_restored_state.h"

#include "state/rocks_state_table.h"
#include "state/state_key.h"

namespace rideflow {

class RocksRestoredState::Cells : public StateTable {
 public:
  Cells(std::vector<rocksdb::DB*> stores, std::string path, std::string step)
      : stores_(std::move(stores)), path_(std::move(path)), step_(std::move(step)) {}

  Result<std::vector<std::optional<std::string>>> get(std::span<const CellKey> keys) override {
    std::vector<std::optional<std::string>> values(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      const std::string row_key = state_key(step_, keys[i]);
      for (rocksdb::DB* store : stores_) {
        std::string value;
        const rocksdb::Status status = store->Get(rocksdb::ReadOptions(), row_key, &value);
        if (status.IsNotFound()) continue;
        RF_TRY(rocks_status(status, "read from", path_));
        values[i] = std::move(value);
        break;
      }
    }
    return values;
  }
  Status apply(const EachChange&) override { return read_only(); }
  Status erase_slices(KeyGroupRange, int64_t, int64_t) override { return read_only(); }
  Status scan(KeyGroupRange groups, const Visit& visit) override {
    return scan_stores(stores_, path_, step_, groups, visit);
  }

 private:
  Status read_only() const { return Status::internal("The restored state of '" + step_ + "' is read-only."); }
  std::vector<rocksdb::DB*> stores_;
  std::string path_;
  std::string step_;
};

RocksRestoredState::RocksRestoredState(Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}

Result<std::unique_ptr<RocksRestoredState>> RocksRestoredState::open(Env& env,
                                                                     const CheckpointStore& checkpoints,
                                                                     std::shared_ptr<RocksShared> shared,
                                                                     const Checkpoint& checkpoint,
                                                                     const std::string& dir) {
  std::unique_ptr<RocksRestoredState> state(new RocksRestoredState(env, dir));
  state->shared_ = std::move(shared);
  state->shared_->add_open(dir);
  RF_TRY(env.fs().remove_tree(dir));
  for (const TaskSnapshot& task : checkpoint.tasks) {
    if (task.files.empty()) continue;
    const std::string path = join_path(dir, std::to_string(task.task.value));
    RF_TRY(env.fs().make_dirs(path));
    for (const StateFile& file : task.files)
      RF_TRY(env.fs().link(checkpoints.path_of(file), join_path(path, file.db_name)));
    rocksdb::DB* db = nullptr;
    RF_TRY(rocks_status(rocksdb::DB::OpenForReadOnly(state->shared_->options(), path, &db), "open", path));
    state->stores_.emplace_back(db);
  }
  return state;
}

RocksRestoredState::~RocksRestoredState() {
  cells_.clear();
  stores_.clear();
  const Status removed = env_.fs().remove_tree(dir_);
  if (shared_) shared_->remove_open(dir_);
  if (!removed.ok()) env_.warn("state_not_removed", {{"dir", dir_}, {"error", removed.to_string()}});
}

StateTable* RocksRestoredState::cells(const std::string& step) {
  if (stores_.empty()) return nullptr;
  auto& cells = cells_[step];
  if (!cells) {
    std::vector<rocksdb::DB*> stores;
    for (const auto& store : stores_) stores.push_back(store.get());
    cells = std::make_unique<Cells>(std::move(stores), dir_, step);
  }
  return cells.get();
}

}  // namespace rideflow
