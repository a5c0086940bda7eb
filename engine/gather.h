// Picking values of a buffer by row number.
#pragma once

#include <cstdint>

#include "engine/buffer.h"

namespace rideflow {

// A new buffer of from[rows[i]], i in [0, n). REQUIRES: `from` holds a T for every row asked for.
template <class T>
BufferRef gather(const BufferRef& from, const int32_t* rows, int32_t n) {
  BufferRef out = BufferRef::allocate(static_cast<size_t>(n) * sizeof(T));
  const T* values = from.as<T>();
  T* to = out.as_mutable<T>();
  for (int32_t i = 0; i < n; ++i) to[i] = values[rows[i]];
  return out;
}

}  // namespace rideflow
