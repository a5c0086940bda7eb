// Row keys of keyed state: key group (2 bytes, big-endian), step, 0, slice (8 bytes, big-endian, sign
// flipped), key. Bytewise order is the order of (group, step, slice, key); a group, a step of it and a slice
// of that are each one range, so that a restore reads ranges and an expired slice is one DeleteRange.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/state_table.h"

namespace rideflow {

inline constexpr int32_t kMaxKeyGroups = 65536;

// REQUIRES: 0 <= group < kMaxKeyGroups; step has no NUL.
std::string state_step_prefix(KeyGroup group, std::string_view step);
// Above every key of the step in the group, and below those of the steps behind it.
std::string state_step_end(KeyGroup group, std::string_view step);
std::string state_slice_prefix(KeyGroup group, std::string_view step, int64_t slice);
std::string state_key(std::string_view step, const CellKey& cell);

struct StateRow {
  std::string_view step;
  CellKey cell;
};
// The parts of a row key, pointing into it. Nothing when it is none.
std::optional<StateRow> parse_state_key(std::string_view row_key);

}  // namespace rideflow
