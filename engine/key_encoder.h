#pragma once
#include <span>
#include "engine/batch.h"
namespace rideflow {
BufferRef hash_keys(const Batch& batch, std::span<const int> columns);
}
