#include "state/rocks_task_state.h"

#include <rocksdb/utilities/checkpoint.h>

namespace rideflow {

Result<std::shared_ptr<RocksTaskState>> RocksTaskState::open(Env& env,
                                                             std::shared_ptr<CheckpointStore> checkpoints,
                                                             std::shared_ptr<RocksShared> shared,
                                                             const std::string& dir, int32_t key_groups) {
  std::shared_ptr<RocksTaskState> state(new RocksTaskState(env, dir));
  state->checkpoints_ = std::move(checkpoints);
  state->shared_ = std::move(shared);
  state->key_groups_ = key_groups;
  state->shared_->add_open(dir);
  RF_TRY(env.fs().remove_tree(dir));
  return state;
}

Status RocksTaskState::open_store() {
  RF_TRY(env_.fs().make_dirs(dir_));
  rocksdb::DB* db = nullptr;
  RF_TRY(rocks_status(rocksdb::DB::Open(shared_->options(), join_path(dir_, "db"), &db), "open", dir_));
  db_.reset(db);
  return {};
}

// Table files are never written again, so that a link to them does; RocksDB may write to the others.
Status RocksTaskState::link_files(const std::vector<StateFile>& files) {
  const std::string db = join_path(dir_, "db");
  RF_TRY(env_.fs().make_dirs(db));
  for (const StateFile& file : files) {
    const std::string to = join_path(db, file.db_name);
    if (file.db_name.ends_with(".sst")) {
      RF_TRY(env_.fs().link(checkpoints_->path_of(file), to));
      adopted_[file.db_name] = file;
      continue;
    }
    RF_ASSIGN(const std::string bytes, read_file(env_.fs(), checkpoints_->path_of(file)));
    RF_TRY(write_file_atomic(env_.fs(), to, bytes));
  }
  return {};
}

Result<bool> RocksTaskState::resume(const std::vector<StateFile>& files, KeyGroupRange groups,
                                    const std::vector<std::string>& steps) {
  if (files.empty()) return true;
  RF_TRY(link_files(files));
  RF_TRY(open_store());
  RF_ASSIGN(const bool ours, holds_only(*db_, dir_, groups, steps));
  if (!ours) {
    RF_TRY(clear());
    return false;
  }
  resumed_ = true;
  last_ = files;
  return true;
}

Status RocksTaskState::clear() {
  tables_.clear();
  db_.reset();
  adopted_.clear();
  last_.clear();
  resumed_ = false;
  return env_.fs().remove_tree(dir_);
}

RocksTaskState::~RocksTaskState() {
  tables_.clear();
  db_.reset();
  const Status removed = env_.fs().remove_tree(dir_);
  if (shared_) shared_->remove_open(dir_);
  if (!removed.ok()) env_.warn("state_not_removed", {{"dir", dir_}, {"error", removed.to_string()}});
}

Result<StateTable*> RocksTaskState::table(const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos)
    return Status::internal("'" + name + "' can't name a state.");
  if (!db_) RF_TRY(open_store());
  auto& table = tables_[name];
  if (!table)
    table = std::make_unique<RocksStateTable>(*db_, join_path(dir_, "db"), name, key_groups_, resumed_);
  return static_cast<StateTable*>(table.get());
}

Result<std::vector<StateFile>> RocksTaskState::checkpoint(Epoch epoch) {
  if (!db_) RF_TRY(open_store());
  bool changed = last_.empty();
  for (const auto& [name, table] : tables_) {
    RF_TRY(table->flush());
    changed = table->take_changed() || changed;
  }
  if (!changed) return last_;
  last_.clear();  // after an error the next one must not believe that nothing changed
  const std::string staging = join_path(dir_, "staging");
  RF_TRY(env_.fs().remove_tree(staging));
  rocksdb::Checkpoint* raw = nullptr;
  RF_TRY(rocks_status(rocksdb::Checkpoint::Create(db_.get(), &raw), "take a checkpoint of", dir_));
  const std::unique_ptr<rocksdb::Checkpoint> maker(raw);
  RF_TRY(rocks_status(maker->CreateCheckpoint(staging), "take a checkpoint of", dir_));
  env_.kill_point("state_checkpoint_linked");
  RF_ASSIGN(auto files, adopt_files(staging, epoch));
  env_.kill_point("state_checkpoint_adopted");
  RF_TRY(env_.fs().remove_tree(staging));
  last_ = std::move(files);
  return last_;
}

// Table files never change under their number within one store; the others are of this checkpoint alone.
Result<std::vector<StateFile>> RocksTaskState::adopt_files(const std::string& staging, Epoch epoch) {
  RF_ASSIGN(const auto entries, env_.fs().list(staging));
  std::map<std::string, StateFile> tables;
  std::vector<StateFile> files;
  for (const DirEntry& entry : entries) {
    const bool is_table = entry.name.ends_with(".sst");
    const auto known = is_table ? adopted_.find(entry.name) : adopted_.end();
    StateFile file;
    if (known != adopted_.end()) {
      file = known->second;
    } else {
      RF_ASSIGN(file, checkpoints_->adopt(join_path(staging, entry.name), entry.name, epoch));
    }
    if (is_table) tables[entry.name] = file;
    files.push_back(std::move(file));
  }
  adopted_ = std::move(tables);
  return files;
}

}  // namespace rideflow
