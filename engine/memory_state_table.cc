#include "engine/memory_state_table.h"

namespace rideflow {

Result<std::vector<std::optional<std::string>>> MemoryStateTable::get(std::span<const CellKey> keys) {
  std::vector<std::optional<std::string>> values;
  for (const CellKey& key : keys) {
    const auto it = cells_.find(Place(key.group.value, key.slice, key.key));
    values.push_back(it == cells_.end() ? std::nullopt : std::optional<std::string>(it->second));
  }
  return values;
}

Status MemoryStateTable::apply(const EachChange& changes) {
  std::vector<std::pair<Place, std::optional<std::string>>> taken;
  RF_TRY(changes([&](const CellChange& change) -> Status {
    const CellKey& cell = change.cell;
    taken.emplace_back(Place(cell.group.value, cell.slice, cell.key), change.value);
    return {};
  }));
  for (auto& [place, value] : taken) {
    if (value) {
      cells_[std::move(place)] = *std::move(value);
    } else {
      cells_.erase(place);
    }
  }
  return {};
}

Status MemoryStateTable::erase_slices(KeyGroupRange groups, int64_t begin_slice, int64_t end_slice) {
  if (begin_slice >= end_slice) return {};
  auto it = cells_.lower_bound(std::make_tuple(groups.begin, begin_slice, std::string()));
  while (it != cells_.end() && groups.contains(KeyGroup(std::get<0>(it->first)))) {
    const auto& [group, slice, key] = it->first;
    if (slice < begin_slice) {
      it = cells_.lower_bound(std::make_tuple(group, begin_slice, std::string()));
    } else if (slice >= end_slice) {
      it = cells_.lower_bound(std::make_tuple(group + 1, begin_slice, std::string()));
    } else {
      it = cells_.erase(it);
    }
  }
  return {};
}

Status MemoryStateTable::scan(KeyGroupRange groups, const Visit& visit) {
  auto it = cells_.lower_bound(std::make_tuple(groups.begin, INT64_MIN, std::string()));
  for (; it != cells_.end() && groups.contains(KeyGroup(std::get<0>(it->first))); ++it) {
    const auto& [group, slice, key] = it->first;
    RF_TRY(visit({KeyGroup(group), slice, key}, it->second));
  }
  return {};
}

}  // namespace rideflow
