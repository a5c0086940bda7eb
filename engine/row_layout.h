// RowLayout: what lies in the row of a keyed table: some bytes of the table's user, then one accumulator per
// aggregate. Immutable and shared by all tables of a step and their frozen copies.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/aggregate.h"

namespace rideflow {

class RowLayout {
 public:
  // `extra` bytes (a multiple of 8), zero in a new row, come first; they are copied and encoded as they are.
  explicit RowLayout(std::vector<std::shared_ptr<const Aggregate>> aggregates, int extra = 0);

  int size() const { return size_; }
  int extra() const { return extra_; }
  int count() const { return static_cast<int>(slots_.size()); }
  const Aggregate& aggregate(int i) const { return *slots_[static_cast<size_t>(i)].aggregate; }
  int offset(int i) const { return slots_[static_cast<size_t>(i)].offset; }
  bool trivial() const { return trivial_; }
  bool can_subtract() const { return can_subtract_; }

  void init(std::byte* row) const;
  void destroy(std::byte* row) const;
  void clone(std::byte* to, const std::byte* from) const;
  // These leave the extra bytes alone.
  void merge(std::byte* into, const std::byte* from) const;
  void subtract(std::byte* from, const std::byte* what) const;

  void encode(const std::byte* row, std::string& out) const;
  // REQUIRES: row was init()ed.
  Status decode(std::string_view bytes, std::byte* row) const;

 private:
  struct Slot {
    std::shared_ptr<const Aggregate> aggregate;
    int offset;
  };
  std::vector<Slot> slots_;
  int extra_ = 0;
  int size_ = 0;
  bool trivial_ = true;
  bool can_subtract_ = true;
};

}  // namespace rideflow
