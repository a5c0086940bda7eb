#include "rollup/free_memory.h"

#include <cstddef>

// Of glibc.
extern "C" int malloc_trim(std::size_t pad) noexcept;

namespace rideflow::rollup {

void give_back_free_memory() {
  malloc_trim(0);
}

}  // namespace rideflow::rollup
