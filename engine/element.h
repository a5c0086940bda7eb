// What flows through channels: batches and the signals between them, in band.
#pragma once

#include <utility>
#include <variant>

#include "engine/batch.h"
#include "engine/ids.h"

namespace rideflow {

// No row with an event time below `time` is expected any more (those that come are late).
struct Watermark {
  Micros time = kNoTime;
};
// Everything before it belongs to the epoch or earlier ones. Flows also on streams that have ended.
struct Barrier {
  Epoch epoch;
};
// This input has nothing to say about time until it sends a batch or a watermark again.
struct Idle {};
// No batch will come any more; barriers still do.
struct End {};

using Element = std::variant<Batch, Watermark, Barrier, Idle, End>;

inline size_t element_bytes(const Element& e) {
  const Batch* batch = std::get_if<Batch>(&e);
  return batch ? batch->bytes() : 16;
}

}  // namespace rideflow
