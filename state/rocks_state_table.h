// RocksStateTable: the cells of one step in a task's RocksDB.
//
// apply() writes the sorted changes to one table file and ingests it; the file is not rewritten by that
// (write_global_seqno is false), so its checksum may be taken afterwards. The table knows which slices of
// which key groups it holds, from what was applied and, where the store did not begin empty, from the scan of
// all that comes first: erase_slices() notes those, and before anything is read or written, neighbours go
// together as one range delete. What was never stored costs nothing; a range delete of its own for every
// slice and group was a millisecond a window, and was paid again by every scan. An iterator's status is
// always checked: RocksDB ends a scan at a damaged block without a word. One thread at a time; the store
// outlives it.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/state_table.h"

namespace rideflow {

class RocksStateTable : public StateTable {
 public:
  // `path`: of the store, for its table files and messages. `filled`: there may be cells already; then
  // nothing is erased before a scan. REQUIRES: step has no NUL, key_groups <= 65536.
  RocksStateTable(rocksdb::DB& db, std::string path, std::string step, int32_t key_groups,
                  bool filled = false);

  Result<std::vector<std::optional<std::string>>> get(std::span<const CellKey> keys) override;
  // internal: the changes are not sorted.
  Status apply(const EachChange& changes) override;
  Status erase_slices(KeyGroupRange groups, int64_t begin_slice, int64_t end_slice) override;
  Status scan(KeyGroupRange groups, const Visit& visit) override;
  // Erases what was noted. After it everything is in the store.
  Status flush();
  // Something was written since the last call.
  bool take_changed() { return std::exchange(changed_, false); }
  // Since the table was made.
  int64_t range_deletes() const { return range_deletes_; }

 private:
  class Writer;
  void note_stored(const std::vector<std::pair<KeyGroup, int64_t>>& slices);

  rocksdb::DB& db_;
  std::string path_;
  std::string step_;
  int32_t key_groups_;
  int64_t ingested_ = 0;
  bool changed_ = false;
  bool unknown_;  // what the store holds
  int64_t range_deletes_ = 0;
  // By key group, in order: slices that hold cells, and those that are to be erased.
  std::vector<std::vector<int64_t>> stored_;
  std::vector<std::vector<int64_t>> erased_;
};

// Whether a store has cells of these groups and steps alone. Looks at one cell of each group and step.
Result<bool> holds_only(rocksdb::DB& store, const std::string& path, KeyGroupRange groups,
                        const std::vector<std::string>& steps);

// Visits the cells of a step in several stores as one table, in order.
Status scan_stores(const std::vector<rocksdb::DB*>& stores, const std::string& path, const std::string& step,
                   KeyGroupRange groups, const StateTable::Visit& visit);

}  // namespace rideflow
