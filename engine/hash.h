// Hashes that are part of Rideflow's formats: key routing, sketches, checksums. They never change within a
// format version. XXH3 over canonical bytes (little-endian fixed-width values; strings as they are).
#pragma once

#include <cstdint>
#include <string_view>

namespace rideflow {

uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);
// A strong mix of one 64-bit value (murmur3's finaliser): for integers and for combining.
inline uint64_t mix64(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  x ^= x >> 33;
  return x;
}
inline uint64_t hash_combine(uint64_t a, uint64_t b) {
  return mix64(a * 0x9e3779b97f4a7c15ULL + b);
}
uint64_t checksum64(std::string_view bytes);

}  // namespace rideflow
