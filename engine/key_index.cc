#include "engine/key_index.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace rideflow {
namespace {

constexpr uint32_t kFirstSlots = 64;
constexpr uint32_t kMostSlots = 1 << 15;   // 256 KiB
constexpr int kMostDepth = 16;             // a directory of 1 MiB, for 1.4 thousand million keys
constexpr uint32_t kMostReserved = 16;     // segments that are made at once: about a millisecond
constexpr size_t kMostCleared = 16 << 20;  // bytes: some milliseconds

}  // namespace

KeyIndex::Segment::Segment(uint32_t size, int bits)
    : slots(std::make_unique<Slot[]>(size)), mask(size - 1), depth(bits) {}

void KeyIndex::Segment::insert(Slot slot) {
  uint32_t at = slot.hash & mask;
  while (slots[at].number != 0) at = (at + 1) & mask;
  slots[at] = slot;
  ++used;
}

KeyIndex::KeyIndex() {
  reset(1, kFirstSlots);
}

// As many segments of that size, both powers of two.
void KeyIndex::reset(uint32_t segments, uint32_t slots) {
  const int depth = std::countr_zero(segments);
  segments_.clear();
  directory_.clear();
  shift_ = 32 - depth;
  used_ = 0;
  bytes_ = sizeof(Slot) * segments * slots;
  for (uint32_t i = 0; i < segments; ++i) {
    const Segment& made = segments_.emplace_back(slots, depth);
    directory_.push_back({made.slots.get(), made.mask, i});
  }
}

void KeyIndex::insert(uint32_t hash, uint32_t number) {
  uint32_t segment = place_of(hash).segment;
  if (segments_[segment].full()) [[unlikely]] {
    make_room(hash);
    segment = place_of(hash).segment;
  }
  segments_[segment].insert({hash, number});
  ++used_;
}

// A split may put all slots on one side.
void KeyIndex::make_room(uint32_t hash) {
  while (true) {
    const uint32_t number = place_of(hash).segment;
    const Segment& segment = segments_[number];
    if (!segment.full()) return;
    if (segment.mask + 1 < kMostSlots || segment.depth == kMostDepth) {
      grow(number);
      point_to(number, hash);
    } else {
      split(number, hash);
    }
  }
}

void KeyIndex::grow(uint32_t number) {
  Segment larger((segments_[number].mask + 1) * 2, segments_[number].depth);
  bytes_ += sizeof(Slot) * (larger.mask + 1) / 2;
  const Segment smaller = std::exchange(segments_[number], std::move(larger));
  for (uint32_t i = 0; i <= smaller.mask; ++i) {
    if (smaller.slots[i].number != 0) segments_[number].insert(smaller.slots[i]);
  }
}

// The slots whose next bit is set go to a new segment.
void KeyIndex::split(uint32_t number, uint32_t hash) {
  const Segment whole = std::move(segments_[number]);
  const int depth = whole.depth + 1;
  const uint32_t bit = uint32_t{1} << (32 - depth);
  const auto other = static_cast<uint32_t>(segments_.size());
  segments_[number] = Segment(whole.mask + 1, depth);
  segments_.emplace_back(whole.mask + 1, depth);
  bytes_ += sizeof(Slot) * (whole.mask + 1);
  for (uint32_t i = 0; i <= whole.mask; ++i) {
    const Slot& slot = whole.slots[i];
    if (slot.number != 0) segments_[(slot.hash & bit) == 0 ? number : other].insert(slot);
  }
  if (depth > 32 - shift_) {
    std::vector<Place> twice;
    for (const Place& place : directory_) twice.insert(twice.end(), 2, place);
    directory_ = std::move(twice);
    --shift_;
  }
  point_to(number, hash & ~bit);
  point_to(other, hash | bit);
}

// All places of hashes that share the segment's upper bits with this one.
void KeyIndex::point_to(uint32_t number, uint32_t hash) {
  const Segment& segment = segments_[number];
  const int spare = 32 - shift_ - segment.depth;  // bits of the directory that tell nothing here
  const size_t first = (uint64_t{hash} >> shift_) >> spare << spare;
  for (size_t i = 0; i < size_t{1} << spare; ++i) {
    directory_[first + i] = {segment.slots.get(), segment.mask, number};
  }
}

void KeyIndex::reserve(int64_t numbers) {
  const auto wanted = std::bit_ceil(static_cast<uint64_t>(numbers) * 20 / 13 + 1);
  const auto segments = static_cast<uint32_t>(std::clamp<uint64_t>(wanted / kMostSlots, 1, kMostReserved));
  const auto slots = static_cast<uint32_t>(std::clamp<uint64_t>(wanted, kFirstSlots, kMostSlots));
  if (used_ > 0 || sizeof(Slot) * segments * slots <= bytes_) return;
  reset(segments, slots);
}

void KeyIndex::clear() {
  const size_t most_used = bytes_ / sizeof(Slot) * 13 / 20;
  const bool oversized = bytes_ > sizeof(Slot) * kFirstSlots && used_ < most_used / 8;
  if (oversized || bytes_ > kMostCleared) {
    const size_t slots = std::min(bytes_ / 4, kMostCleared) / sizeof(Slot);
    const auto segments = std::bit_ceil(std::max<size_t>(slots / kMostSlots, 1));
    const auto each = std::clamp<size_t>(std::bit_ceil(slots), kFirstSlots, kMostSlots);
    return reset(static_cast<uint32_t>(segments), static_cast<uint32_t>(each));
  }
  for (Segment& segment : segments_) {
    std::fill_n(segment.slots.get(), size_t{segment.mask} + 1, Slot{});
    segment.used = 0;
  }
  used_ = 0;
}

}  // namespace rideflow
