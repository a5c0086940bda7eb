// Cells of a StateTable that own their bytes, for tests that write some.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/state_table.h"

namespace rideflow::test {

struct OwnedChange {
  KeyGroup group;
  int64_t slice = 0;
  std::string key;
  std::optional<std::string> value;  // nothing: erase
};

// Gives them as they stand, sorted or not.
inline Status apply(StateTable& table, const std::vector<OwnedChange>& changes) {
  return table.apply([&](const TakeChange& take) -> Status {
    for (const OwnedChange& change : changes)
      RF_TRY(take({{change.group, change.slice, change.key}, change.value}));
    return {};
  });
}

}  // namespace rideflow::test
