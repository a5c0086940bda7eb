// What rows keep alive beside themselves, and copies that keep less.
//
// A text in a column points into the chunk that was read, and a batch that was cut from one keeps all of it:
// a row of 40 bytes may hold a chunk of 600 KiB. For as long as a batch is on its way that costs nothing; who
// holds rows until a watermark comes, or longer, compacts them first.
#pragma once

#include <vector>

#include "engine/batch.h"

namespace rideflow {

// What the texts of several columns keep alive; often all columns point into one buffer, which counts once.
class KeptTexts {
 public:
  // The bytes that the column, without what is inside of it, adds.
  size_t add(const Column& column);

 private:
  std::vector<const std::byte*> counted_;
};

// The same rows. Where the texts are less than half of what they keep alive they are copied out of it.
Batch compact(Batch batch);

}  // namespace rideflow
