#include "engine/row_layout.h"

#include <cstring>

#include "engine/byte_codec.h"

namespace rideflow {

RowLayout::RowLayout(std::vector<std::shared_ptr<const Aggregate>> aggregates, int extra)
    : extra_(extra), size_(extra) {
  for (auto& aggregate : aggregates) {
    trivial_ = trivial_ && aggregate->trivial();
    can_subtract_ = can_subtract_ && aggregate->can_subtract();
    const int bytes = aggregate->state_size();
    slots_.push_back({std::move(aggregate), size_});
    size_ += bytes;
  }
}

void RowLayout::init(std::byte* row) const {
  std::memset(row, 0, static_cast<size_t>(extra_));
  for (const Slot& slot : slots_) slot.aggregate->init(row + slot.offset);
}

void RowLayout::destroy(std::byte* row) const {
  if (trivial_) return;
  for (const Slot& slot : slots_) slot.aggregate->destroy(row + slot.offset);
}

void RowLayout::clone(std::byte* to, const std::byte* from) const {
  if (trivial_) {
    std::memcpy(to, from, static_cast<size_t>(size_));
    return;
  }
  std::memcpy(to, from, static_cast<size_t>(extra_));
  for (const Slot& slot : slots_) slot.aggregate->clone(to + slot.offset, from + slot.offset);
}

void RowLayout::merge(std::byte* into, const std::byte* from) const {
  for (const Slot& slot : slots_) slot.aggregate->merge(into + slot.offset, from + slot.offset);
}

void RowLayout::subtract(std::byte* from, const std::byte* what) const {
  for (const Slot& slot : slots_) slot.aggregate->subtract(from + slot.offset, what + slot.offset);
}

void RowLayout::encode(const std::byte* row, std::string& out) const {
  out.append(reinterpret_cast<const char*>(row), static_cast<size_t>(extra_));
  std::string bytes;
  for (const Slot& slot : slots_) {
    bytes.clear();
    slot.aggregate->encode(row + slot.offset, bytes);
    append_bytes(out, bytes);
  }
}

Status RowLayout::decode(std::string_view bytes, std::byte* row) const {
  ByteReader in(bytes);
  const std::string_view extra = in.take(static_cast<uint64_t>(extra_));
  if (!extra.empty()) std::memcpy(row, extra.data(), extra.size());
  for (const Slot& slot : slots_) {
    const std::string_view state = in.bytes();
    if (!in.ok()) break;
    RF_TRY(slot.aggregate->decode(state, row + slot.offset));
  }
  if (in.complete()) return {};
  return Status::external(Code::data_loss, "A row of the state is damaged: its bytes do not decode.");
}

}  // namespace rideflow
