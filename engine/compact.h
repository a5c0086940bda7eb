// What rows keep alive beside themselves, and copies that keep less.
//
// A text in a column points into the chunk that was read, and a batch that was cut from one keeps all of it:
// a row of 40 bytes may hold a chunk of 600 KiB. For as long as a batch is on its way that costs nothing; who
// holds rows until a watermark comes, or longer, compacts them first.
#pragma once

#include "engine/batch.h"

namespace rideflow {

// The same rows. Where the texts are less than half of what they keep alive they are copied out of it.
Batch compact(Batch batch);

}  // namespace rideflow
