// CellSorter: cells of a step, put in as they come and given out as a StateTable takes them.
//
// Keys and values lie one behind the other in chunks that are kept for the next use, and what is sorted is an
// index beside them: (group, slice, the first eight bytes of the key) decide nearly every comparison without
// a look at the bytes. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/state_table.h"

namespace rideflow {

class CellSorter {
 public:
  // Begins a cell whose key is `head` and then `key`. Its value is what is appended to the answer before the
  // next call of this object.
  std::string& put(KeyGroup group, int64_t slice, std::string_view head, std::string_view key);
  // The cell is to be erased.
  void erase(KeyGroup group, int64_t slice, std::string_view head, std::string_view key);
  bool empty() const { return entries_.empty(); }

  // Gives all to take, in order, and is empty again. Of several calls for one cell the first counts.
  Status drain(const TakeChange& take);

 private:
  struct Entry {
    int64_t slice;
    uint64_t prefix;  // of the key, big-endian, 0 where it is shorter
    int32_t group;
    uint32_t chunk;
    uint32_t at;  // of the key in the chunk; the value stands behind it
    uint32_t key_bytes;
    size_t value_bytes;  // or kErased
  };
  static constexpr size_t kErased = SIZE_MAX;
  Entry& add(KeyGroup group, int64_t slice, std::string_view head, std::string_view key);
  void end_value();
  std::string_view key_of(const Entry& entry) const;
  bool less(const Entry& a, const Entry& b) const;

  std::vector<Entry> entries_;
  std::vector<std::string> chunks_;
  size_t used_ = 0;    // chunks in use; the last one of them takes what is added
  bool open_ = false;  // the last entry's value may still grow
};

}  // namespace rideflow
