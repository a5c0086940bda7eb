// The least that writing and reading keyed state can cost here: a run of sorted records in one file.
#pragma once

#include <cstdint>
#include <string>

#include "engine/status.h"

namespace rideflow::bench {

struct SortedRun {
  int64_t write_nanos = 0;  // of wall time: copying what changed, sorting, writing, syncing
  int64_t read_nanos = 0;   // reading it back, each record into a hash table
};

// `keys` records of a key and `value_bytes`, which is a multiple of 8.
Result<SortedRun> sorted_run(const std::string& path, int64_t keys, int64_t value_bytes);

}  // namespace rideflow::bench
