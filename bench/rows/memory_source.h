// A source of events that are in memory already: what the engine makes of them is measured, and nothing else.
#pragma once

#include <cstdint>
#include <memory>

#include "bench/rows/ride_data.h"
#include "engine/catalog.h"

namespace rideflow::bench {

// All events in one partition, out of the bytes that they are in. `data` outlives it.
std::shared_ptr<SourceKind> memory_source(const RideData* data);

// For several tasks, and for channels, which count the bytes that batches hold: event i is in partition i
// modulo `partitions`, so that all of them move through time together, and every `chunk_records` events of a
// partition have bytes of their own, as what is read from a topic has. They are copied here, before the clock
// starts.
std::shared_ptr<SourceKind> chunked_memory_source(const RideData& data, int partitions,
                                                  int32_t chunk_records);

}  // namespace rideflow::bench
