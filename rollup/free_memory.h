// Freed memory that the allocator keeps, given back to the system.
#pragma once

namespace rideflow::rollup {

// After much was freed in small pieces, which the allocator keeps for the next ones. Takes some 40 ms of CPU
// for a hundred MiB, and threads that allocate may wait as long: not for each batch.
void give_back_free_memory();

}  // namespace rideflow::rollup
