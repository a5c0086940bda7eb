#include "engine/hash.h"

#include <xxhash.h>

namespace rideflow {

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint32_t checksum32(std::string_view bytes) {
  return static_cast<uint32_t>(checksum64(bytes));
}

uint64_t checksum64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace rideflow
