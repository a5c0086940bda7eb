#include "state/rocks_state_table.h"

#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <iterator>

#include "state/rocks_support.h"
#include "state/state_key.h"

namespace rideflow {
namespace {

rocksdb::Slice slice_of(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

std::string_view view_of(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

rocksdb::ReadOptions scan_options() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  options.auto_prefix_mode = false;
  options.total_order_seek = true;
  return options;
}

KeyGroupRange clamp(KeyGroupRange groups, int32_t key_groups) {
  return {std::max(groups.begin, 0), std::min(groups.end, key_groups)};
}

}  // namespace

RocksStateTable::RocksStateTable(rocksdb::DB& db, std::string path, std::string step, int32_t key_groups,
                                 bool filled)
    : db_(db),
      path_(std::move(path)),
      step_(std::move(step)),
      key_groups_(key_groups),
      unknown_(filled),
      stored_(static_cast<size_t>(key_groups)),
      erased_(static_cast<size_t>(key_groups)) {
  RF_CHECK(key_groups_ <= kMaxKeyGroups && step_.find('\0') == std::string::npos);
}

Result<std::vector<std::optional<std::string>>> RocksStateTable::get(std::span<const CellKey> keys) {
  RF_TRY(flush());
  std::vector<std::string> row_keys;
  std::vector<rocksdb::Slice> slices;
  row_keys.reserve(keys.size());
  for (const CellKey& key : keys) row_keys.push_back(state_key(step_, key));
  for (const std::string& row_key : row_keys) slices.push_back(slice_of(row_key));
  std::vector<std::string> found;
  const auto statuses = db_.MultiGet(rocksdb::ReadOptions(), slices, &found);
  std::vector<std::optional<std::string>> values(keys.size());
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    RF_TRY(rocks_status(statuses[i], "read from", path_));
    values[i] = std::move(found[i]);
  }
  return values;
}

// The table file of one apply(), begun with the first change.
class RocksStateTable::Writer {
 public:
  Writer(RocksStateTable& table, std::string file)
      : table_(table),
        file_(std::move(file)),
        options_(table.db_.GetOptions()),
        writer_(rocksdb::EnvOptions(), options_) {}

  Status put(const CellChange& change) {
    if (row_key_.empty()) RF_TRY(rocks_status(writer_.Open(file_), "write", file_));
    RF_TRY(move_to(change.cell));
    row_key_.resize(prefix_bytes_);
    row_key_.append(change.cell.key);
    if (change.value && (slices_.empty() || slices_.back() != std::pair(group_, slice_)))
      slices_.emplace_back(group_, slice_);
    const rocksdb::Status status =
        change.value ? writer_.Put(row_key_, slice_of(*change.value)) : writer_.Delete(row_key_);
    // Its order is all that RocksDB can find wrong with it.
    if (status.IsInvalidArgument()) return not_sorted();
    return rocks_status(status, "write", file_);
  }

  // Nothing was put: nothing is there.
  Status finish() {
    if (row_key_.empty()) return {};
    RF_TRY(rocks_status(writer_.Finish(), "write", file_));
    rocksdb::IngestExternalFileOptions ingest;
    ingest.move_files = true;
    ingest.failed_move_fall_back_to_copy = true;
    ingest.write_global_seqno = false;
    RF_TRY(rocks_status(table_.db_.IngestExternalFile({file_}, ingest), "add changes to", table_.path_));
    table_.note_stored(slices_);
    table_.changed_ = true;
    return {};
  }

 private:
  // The prefix of a group's slice is made once for all its cells.
  Status move_to(const CellKey& cell) {
    if (!row_key_.empty() && cell.group == group_ && cell.slice == slice_) return {};
    if (cell.group.value < 0 || cell.group.value >= table_.key_groups_)
      return Status::internal("Changes of the state of '" + table_.step_ + "' are of no key group.");
    group_ = cell.group;
    slice_ = cell.slice;
    row_key_ = state_slice_prefix(group_, table_.step_, slice_);
    prefix_bytes_ = row_key_.size();
    return {};
  }
  Status not_sorted() const {
    return Status::internal("Changes of the state of '" + table_.step_ + "' are not sorted.");
  }

  RocksStateTable& table_;
  const std::string file_;
  const rocksdb::Options options_;
  rocksdb::SstFileWriter writer_;
  std::string row_key_;  // of the last change; empty: none yet
  size_t prefix_bytes_ = 0;
  KeyGroup group_;
  int64_t slice_ = 0;
  std::vector<std::pair<KeyGroup, int64_t>> slices_;  // with cells, in order
};

Status RocksStateTable::apply(const EachChange& changes) {
  RF_TRY(flush());
  Writer writer(*this, path_ + "/" + std::to_string(++ingested_) + ".ingest");
  RF_TRY(changes([&](const CellChange& change) { return writer.put(change); }));
  return writer.finish();
}

Status RocksStateTable::erase_slices(KeyGroupRange groups, int64_t begin_slice, int64_t end_slice) {
  if (begin_slice >= end_slice) return {};
  if (unknown_) return Status::internal("The state of '" + step_ + "' was not read before it was erased.");
  const KeyGroupRange range = clamp(groups, key_groups_);
  for (int32_t g = range.begin; g < range.end; ++g) {
    std::vector<int64_t>& stored = stored_[static_cast<size_t>(g)];
    const auto first = std::lower_bound(stored.begin(), stored.end(), begin_slice);
    const auto last = std::lower_bound(first, stored.end(), end_slice);
    std::vector<int64_t>& erased = erased_[static_cast<size_t>(g)];
    erased.insert(erased.end(), first, last);
    stored.erase(first, last);
  }
  return {};
}

// REQUIRES: sorted.
void RocksStateTable::note_stored(const std::vector<std::pair<KeyGroup, int64_t>>& slices) {
  std::vector<int64_t> of_group;
  for (size_t i = 0; i < slices.size();) {
    const KeyGroup group = slices[i].first;
    of_group.clear();
    for (; i < slices.size() && slices[i].first == group; ++i) of_group.push_back(slices[i].second);
    std::vector<int64_t>& stored = stored_[static_cast<size_t>(group.value)];
    std::vector<int64_t> all;
    std::set_union(stored.begin(), stored.end(), of_group.begin(), of_group.end(), std::back_inserter(all));
    stored = std::move(all);
  }
}

// A range ends where a slice follows that holds cells.
Status RocksStateTable::flush() {
  rocksdb::WriteBatch batch;
  for (size_t g = 0; g < erased_.size(); ++g) {
    std::vector<int64_t>& erased = erased_[g];
    std::sort(erased.begin(), erased.end());
    for (size_t i = 0; i < erased.size();) {
      const int64_t first = erased[i];
      const auto kept = std::upper_bound(stored_[g].begin(), stored_[g].end(), first);
      int64_t last = first;
      for (; i < erased.size() && (kept == stored_[g].end() || erased[i] < *kept); ++i) last = erased[i];
      const KeyGroup group(static_cast<int32_t>(g));
      const std::string begin = state_slice_prefix(group, step_, first);
      const std::string end = state_slice_prefix(group, step_, last + 1);
      RF_TRY(rocks_status(batch.DeleteRange(slice_of(begin), slice_of(end)), "erase slices of", path_));
      ++range_deletes_;
    }
    erased.clear();
  }
  if (batch.Count() == 0) return {};
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  RF_TRY(rocks_status(db_.Write(options, &batch), "erase slices of", path_));
  changed_ = true;
  return {};
}

Status RocksStateTable::scan(KeyGroupRange groups, const Visit& visit) {
  RF_TRY(flush());
  const KeyGroupRange range = clamp(groups, key_groups_);
  if (!unknown_) return scan_stores({&db_}, path_, step_, range, visit);
  std::vector<std::pair<KeyGroup, int64_t>> slices;
  RF_TRY(scan_stores({&db_}, path_, step_, range, [&](const CellKey& key, std::string_view value) -> Status {
    if (slices.empty() || slices.back() != std::pair(key.group, key.slice))
      slices.emplace_back(key.group, key.slice);
    return visit(key, value);
  }));
  note_stored(slices);
  unknown_ = false;
  return {};
}

Result<bool> holds_only(rocksdb::DB& store, const std::string& path, KeyGroupRange groups,
                        const std::vector<std::string>& steps) {
  const std::unique_ptr<rocksdb::Iterator> it(store.NewIterator(scan_options()));
  it->SeekToFirst();
  while (it->Valid()) {
    const auto row = parse_state_key(view_of(it->key()));
    if (!row || !groups.contains(row->cell.group)) return false;
    if (std::find(steps.begin(), steps.end(), row->step) == steps.end()) return false;
    it->Seek(state_step_end(row->cell.group, row->step));
  }
  RF_TRY(rocks_status(it->status(), "scan", path));
  return true;
}

Status scan_stores(const std::vector<rocksdb::DB*>& stores, const std::string& path, const std::string& step,
                   KeyGroupRange groups, const StateTable::Visit& visit) {
  std::vector<std::unique_ptr<rocksdb::Iterator>> iterators;
  for (rocksdb::DB* store : stores) iterators.emplace_back(store->NewIterator(scan_options()));
  const KeyGroupRange range = clamp(groups, kMaxKeyGroups);
  for (int32_t g = range.begin; g < range.end; ++g) {
    const std::string prefix = state_step_prefix(KeyGroup(g), step);
    for (const auto& it : iterators) it->Seek(slice_of(prefix));
    while (true) {
      // Mostly one store has cells of a group: the task that owned it.
      rocksdb::Iterator* least = nullptr;
      for (const auto& it : iterators) {
        if (!it->Valid()) {
          RF_TRY(rocks_status(it->status(), "scan", path));
          continue;
        }
        if (!view_of(it->key()).starts_with(prefix)) continue;
        if (!least || it->key().compare(least->key()) < 0) least = it.get();
      }
      if (!least) break;
      const auto row = parse_state_key(view_of(least->key()));
      if (!row) return Status::external(Code::data_loss, "'" + path + "' holds a key that is none of ours.");
      RF_TRY(visit(row->cell, view_of(least->value())));
      least->Next();
    }
  }
  for (const auto& it : iterators) RF_TRY(rocks_status(it->status(), "scan", path));
  return {};
}

}  // namespace rideflow
