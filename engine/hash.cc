#include "engine/hash.h"

#include <xxhash.h>

#include "engine/cpu.h"
#include "engine/hash_v3.h"

namespace rideflow {
namespace {
constexpr size_t kLong = 1024;  // bytes from which wide registers pay
}

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t checksum64(std::string_view bytes) {
  if (bytes.size() >= kLong && cpu_has_v3()) return xxh3_v3(bytes.data(), bytes.size());
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace rideflow
