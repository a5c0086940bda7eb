// Key groups: the fixed number of shards that a job's keys fall into; the unit of routing, of state, of
// rescaling.
//
// Pure functions. The number of groups is fixed at a job's first start; each of `parallelism` tasks owns one
// contiguous range, and all ranges together cover all groups once. After Flink's KeyGroupRangeAssignment.
#pragma once

#include <cstdint>

#include "engine/ids.h"

namespace rideflow {

inline constexpr int32_t kDefaultKeyGroups = 128;

struct KeyGroupRange {
  int32_t begin = 0;  // first group
  int32_t end = 0;    // one past the last
  bool contains(KeyGroup g) const { return g.value >= begin && g.value < end; }
  int32_t size() const { return end - begin; }
  friend bool operator==(const KeyGroupRange&, const KeyGroupRange&) = default;
};

inline KeyGroup key_group_of(uint64_t key_hash, int32_t groups) {
  return KeyGroup(static_cast<int32_t>(key_hash % static_cast<uint64_t>(groups)));
}
// The range of task `index` of `parallelism`.
inline KeyGroupRange key_group_range(int32_t groups, int32_t parallelism, int32_t index) {
  return {static_cast<int32_t>(int64_t{groups} * index / parallelism),
          static_cast<int32_t>(int64_t{groups} * (index + 1) / parallelism)};
}
// The task that owns a group: the inverse of key_group_range.
inline int32_t task_of(KeyGroup g, int32_t groups, int32_t parallelism) {
  return static_cast<int32_t>((int64_t{parallelism} * (g.value + 1) - 1) / groups);
}

}  // namespace rideflow
