// XXH3 for CPUs with AVX2: the library's own code, which it compiles into this file under names of its own.
#include "engine/hash_v3.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace rideflow {

uint64_t xxh3_v3(const char* bytes, size_t size) {
  return XXH3_64bits(bytes, size);
}

}  // namespace rideflow
