// KeyIndex: hash -> number of an entry, for tables that must not stop to grow (engine/keyed_table.h).
//
// Extendible hashing (Fagin et al., 1979) over segments with linear probing, each at most 65 % full: a
// directory indexed by the upper bits of the hash tells the segment, the lower bits the place in it. A small
// index is one segment, which doubles. A segment of 256 KiB splits in two instead, so that no insertion moves
// more than what one holds, however large the index is. Where many hashes are equal in their upper bits the
// segment doubles after all.
//
// It stores 32 bits of hash beside each number and knows no keys: its user compares them. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace rideflow {

class KeyIndex {
 public:
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = 0;  // of the entry, from 1; 0: free
  };
  // Where a hash is looked for: from slots[hash & mask] on, wrapping, to the first free one.
  struct Place {
    Slot* slots = nullptr;
    uint32_t mask = 0;
    uint32_t segment = 0;
  };

  KeyIndex();

  Place place_of(uint32_t hash) const { return directory_[uint64_t{hash} >> shift_]; }
  void prefetch(uint32_t hash) const {
    const Place place = place_of(hash);
    __builtin_prefetch(&place.slots[hash & place.mask]);
  }
  // REQUIRES: the number is not in it; number > 0.
  void insert(uint32_t hash, uint32_t number);
  // Room for as many, up to some 300,000: more would have to be made at once.
  void reserve(int64_t numbers);
  // Empty again. It keeps its size, unless that was much too large or is more than can be cleared at once.
  void clear();
  size_t bytes() const { return bytes_; }

 private:
  struct Segment {
    std::unique_ptr<Slot[]> slots;
    uint32_t mask = 0;
    uint32_t used = 0;
    int depth = 0;  // how many upper bits of the hash all its slots share

    explicit Segment(uint32_t size, int bits);
    bool full() const { return used >= uint64_t{mask + 1} * 13 / 20; }
    void insert(Slot slot);
  };

  void reset(uint32_t segments, uint32_t slots);
  void make_room(uint32_t hash);
  void grow(uint32_t number);
  void split(uint32_t number, uint32_t hash);
  void point_to(uint32_t number, uint32_t hash);

  std::vector<Segment> segments_;
  std::vector<Place> directory_;
  int shift_ = 32;  // of a hash, to its place in the directory
  size_t used_ = 0;
  size_t bytes_ = 0;
};

}  // namespace rideflow
