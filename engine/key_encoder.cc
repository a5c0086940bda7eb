#include "engine/key_encoder.h"
#include "engine/hash.h"
#include "engine/value.h"
namespace rideflow {
BufferRef hash_keys(const Batch& batch, std::span<const int> columns) {
  BufferRef out = BufferRef::allocate(static_cast<size_t>(batch.rows) * 8);
  for (int32_t i = 0; i < batch.rows; ++i) {
    uint64_t h = 0;
    for (int c : columns) h = hash_combine(h, hash_bytes(value_at(batch.column(c), i).to_string()));
    out.as_mutable<uint64_t>()[i] = h;
  }
  return out;
}
}  // namespace rideflow
