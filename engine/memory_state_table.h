// MemoryStateTable: the StateTable that lives and dies with the process; for job tests and simulation.
#pragma once

#include <map>
#include <tuple>

#include "engine/state_table.h"

namespace rideflow {

class MemoryStateTable : public StateTable {
 public:
  Result<std::vector<std::optional<std::string>>> get(std::span<const CellKey> keys) override;
  Status apply(const EachChange& changes) override;
  Status erase_slices(KeyGroupRange groups, int64_t begin_slice, int64_t end_slice) override;
  Status scan(KeyGroupRange groups, const Visit& visit) override;

 private:
  using Place = std::tuple<int32_t, int64_t, std::string>;  // group, slice, key
  std::map<Place, std::string, std::less<>> cells_;
};

}  // namespace rideflow
