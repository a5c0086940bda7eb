// For hash.cc, behind a CPU check.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rideflow {

uint64_t xxh3_v3(const char* bytes, size_t size);

}  // namespace rideflow
