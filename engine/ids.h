// Ids are types: an Epoch can't be passed where a Partition is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace rideflow {

template <class Tag, class Rep = int64_t>
struct Id {
  Rep value{};
  constexpr Id() = default;
  constexpr explicit Id(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

using Epoch = Id<struct EpochTag>;  // counts checkpoints within a job's lineage, from 1, never reused
using Partition = Id<struct PartitionTag, int32_t>;
using KeyGroup = Id<struct KeyGroupTag, int32_t>;
using TaskId = Id<struct TaskTag, int32_t>;
using NodeId = Id<struct NodeTag, int32_t>;  // a node of a logical plan
using Shard = Id<struct ShardTag, int32_t>;  // one parallel instance of a sink or operator

// Microseconds since 1970-01-01T00:00:00Z. Event time and wall time alike.
using Micros = int64_t;
inline constexpr Micros kMicrosPerSecond = 1'000'000;
inline constexpr Micros kNoTime = INT64_MIN;     // "none yet": below every timestamp
inline constexpr Micros kEndOfTime = INT64_MAX;  // the watermark of a stream that ended

}  // namespace rideflow

template <class Tag, class Rep>
struct std::hash<rideflow::Id<Tag, Rep>> {
  size_t operator()(rideflow::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>()(id.value); }
};
