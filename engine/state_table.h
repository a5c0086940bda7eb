// StateTable: where the cells of one stateful step of one task live between checkpoints.
//
// A cell is (key group, slice, key) -> value, all bytes; order is that tuple's, so that a key group, or a
// slice of it, is one range. Hot state lives in the operators' own tables in memory; at a checkpoint the
// changed cells come here sorted, in the background, and a restore reads them back. Two versions: in memory
// (engine, tests, simulation) and over RocksDB (state/); one contract test for both. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ids.h"
#include "engine/key_group.h"
#include "engine/status.h"

namespace rideflow {

struct CellKey {
  KeyGroup group;
  int64_t slice = 0;  // window slice, or 0; orders as a signed number
  std::string_view key;
};

struct CellChange {
  CellKey cell;
  std::optional<std::string_view> value;  // nothing: erase
};

// Calls take for every change of a barrier, in order, and ends at its first error. The bytes of a change are
// valid during the call, so that a million changes never stand in memory together.
using TakeChange = std::function<Status(const CellChange& change)>;
using EachChange = std::function<Status(const TakeChange& take)>;

class StateTable {
 public:
  virtual ~StateTable() = default;
  virtual Result<std::vector<std::optional<std::string>>> get(std::span<const CellKey> keys) = 0;
  // Later calls win. After an error nothing of the call is there. REQUIRES: sorted by (group, slice, key),
  // each cell at most once.
  virtual Status apply(const EachChange& changes) = 0;
  // Drops every cell of the group range with begin_slice <= slice < end_slice.
  virtual Status erase_slices(KeyGroupRange groups, int64_t begin_slice, int64_t end_slice) = 0;
  // Calls visit for every cell of the groups, in order. A Status of visit other than ok ends the scan.
  using Visit = std::function<Status(const CellKey& key, std::string_view value)>;
  virtual Status scan(KeyGroupRange groups, const Visit& visit) = 0;
};

// A step's state as it was at a barrier. Made in O(1) on the task's thread, written on another one: it must
// not touch anything that the live operator changes. Destroyed on any thread.
class FrozenState {
 public:
  virtual ~FrozenState() = default;
  // Writes what changed since the previous freeze; everything when `full`.
  virtual Status write(StateTable& table, bool full) = 0;
};

}  // namespace rideflow
