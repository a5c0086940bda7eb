// A small rollup with a column of every kind, for the fuzz targets of what reads rollups.
#pragma once

#include <memory>
#include <string>

#include "engine/virtual_env.h"
#include "rollup/rollup_store.h"

namespace rideflow::test {

// Datasource `rides`: three hours of rows, of which the store has sealed the first two where `sealed`.
RollupSpec fuzz_rollup_spec();
std::shared_ptr<RollupStore> fuzz_rollup(VirtualEnv& env, bool sealed);
// The bytes of one of its sealed segments.
std::string fuzz_segment_bytes();

}  // namespace rideflow::test
