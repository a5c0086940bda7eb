// DistinctSketch: how many different values were seen: HyperLogLog of 4,096 registers, sparse first.
//
// Up to 768 different hashes it keeps them (26 bits and the rank of the rest: an exact count but for rare
// collisions); beyond, one byte per register, standard error 1.04 / sqrt(4096) = 1.6 %, estimated after Ertl
// ("New cardinality estimation algorithms for HyperLogLog sketches", 2017): no bias tables, no history. The
// state depends only on the set of hashes, so merging is the union. Copies share their memory until one of
// them is edited. One thread at a time per object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cow_ref.h"
#include "engine/hash.h"
#include "engine/status.h"

namespace rideflow {

class DistinctSketch {
 public:
  static constexpr int kPrecision = 12;
  static constexpr int kRegisters = 1 << kPrecision;
  static constexpr int kSparseEntries = 768;
  static constexpr double kStandardError = 0.01625;

  // `hash` of the value: 64 well-mixed bits. distinct_hash() below for values of the language.
  void add(uint64_t hash);
  void merge(const DistinctSketch& o);
  int64_t estimate() const;
  // The estimate before rounding (a Druid client may ask for it).
  double estimate_double() const;

  // Equal sets give equal bytes.
  void encode(std::string& out) const;
  // Takes exactly the bytes of one encoding; data_loss otherwise, and the sketch is then empty.
  Status decode(std::string_view bytes);
  size_t bytes() const;

 private:
  // Sparse: an open-addressing set of nonzero entries (26 bits of index, 6 of rank). Dense: registers.
  struct Rep : RefCount {
    bool dense = false;
    int32_t used = 0;
    std::vector<uint32_t> slots;
    std::vector<uint8_t> registers;
    void insert(uint32_t entry);
    void grow();
    void to_dense();
    void raise(uint32_t entry);
  };
  CowRef<Rep> rep_;
};

inline uint64_t distinct_hash(int64_t v) {
  return mix64(static_cast<uint64_t>(v) + 0x9e3779b97f4a7c15ULL);
}
uint64_t distinct_hash(double v);  // -0 = 0, NaN = NaN
inline uint64_t distinct_hash(std::string_view v) {
  return hash_bytes(v, 0x5bd1e995);
}

}  // namespace rideflow
