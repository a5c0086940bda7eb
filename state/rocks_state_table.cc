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

RocksStateTable::RocksStateTable(rocksdb::DB& db, std::string path, std::string step, int32_t key_groups)
    : db_(db),
      path_(std::move(path)),
      step_(std::move(step)),
      key_groups_(key_groups),
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

Status RocksStateTable::apply(std::span<const CellChange> changes) {
  if (changes.empty()) return {};
  if (changes.front().group.value < 0 || changes.back().group.value >= key_groups_)
    return Status::internal("Changes of the state of '" + step_ + "' are of no key group.");
  RF_TRY(flush());
  const rocksdb::Options options = db_.GetOptions();
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
  const std::string file = path_ + "/" + std::to_string(++ingested_) + ".ingest";
  RF_TRY(rocks_status(writer.Open(file), "write", file));
  std::string last;
  for (const CellChange& change : changes) {
    const std::string row_key = state_key(step_, {change.group, change.slice, change.key});
    if (!last.empty() && row_key <= last)
      return Status::internal("Changes of the state of '" + step_ + "' are not sorted.");
    RF_TRY(rocks_status(change.value ? writer.Put(slice_of(row_key), slice_of(*change.value))
                                     : writer.Delete(slice_of(row_key)),
                        "write", file));
    last = row_key;
  }
  RF_TRY(rocks_status(writer.Finish(), "write", file));
  rocksdb::IngestExternalFileOptions ingest;
  ingest.move_files = true;
  ingest.failed_move_fall_back_to_copy = true;
  ingest.write_global_seqno = false;
  RF_TRY(rocks_status(db_.IngestExternalFile({file}, ingest), "add changes to", path_));
  note_stored(changes);
  changed_ = true;
  return {};
}

Status RocksStateTable::erase_slices(KeyGroupRange groups, int64_t begin_slice, int64_t end_slice) {
  if (begin_slice >= end_slice) return {};
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

// REQUIRES: sorted by group and slice.
void RocksStateTable::note_stored(std::span<const CellChange> changes) {
  std::vector<int64_t> slices;
  for (size_t i = 0; i < changes.size();) {
    const KeyGroup group = changes[i].group;
    slices.clear();
    for (; i < changes.size() && changes[i].group == group; ++i) {
      const bool known = !changes[i].value || (!slices.empty() && slices.back() == changes[i].slice);
      if (!known) slices.push_back(changes[i].slice);
    }
    std::vector<int64_t>& stored = stored_[static_cast<size_t>(group.value)];
    std::vector<int64_t> all;
    std::set_union(stored.begin(), stored.end(), slices.begin(), slices.end(), std::back_inserter(all));
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
  return scan_stores({&db_}, path_, step_, clamp(groups, key_groups_), visit);
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
