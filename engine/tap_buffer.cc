#include "engine/tap_buffer.h"

#include <utility>

#include "engine/json_writer.h"

namespace rideflow {

namespace {
constexpr size_t kTapRows = 1000;
}  // namespace

void TapBuffer::add(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  for (int32_t row = 0; row < batch.rows; ++row) {
    std::string line;
    append_row_json(line, batch, row);
    rows_.push_back(std::move(line));
    if (rows_.size() > kTapRows) rows_.pop_front();
  }
}

std::string TapBuffer::drain(int32_t limit) {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (int32_t i = 0; i < limit && !rows_.empty(); ++i) {
    out += rows_.front();
    out += '\n';
    rows_.pop_front();
  }
  return out;
}

}  // namespace rideflow
