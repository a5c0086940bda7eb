// QuantileSketch: quantiles of a multiset of doubles, exact up to 256 values, then within 0.5 % of a value.
//
// Past 256 values it is DDSketch (Masson, Rim, Lee: VLDB 2019) with 70 logarithmic buckets per octave, cut by
// a cubic in plain arithmetic so that every machine finds the same bucket, and integer counts. Negative
// values, zero, infinities and NaN (which sorts last) have buckets of their own in one order. The state
// depends only on the multiset, never on the order of adding and merging. subtract() undoes add() and
// merge(); a sketch that left exactness does not come back to it by subtracting.
//
// Copies share their memory until one of them is edited. One thread at a time per object.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cow_ref.h"
#include "engine/status.h"

namespace rideflow {

class QuantileSketch {
 public:
  static constexpr int64_t kExactValues = 256;
  static constexpr double kRelativeError = 0.005;  // of the value at the rank asked for

  void add(double x);
  void merge(const QuantileSketch& o);
  void subtract(const QuantileSketch& o);

  int64_t count() const { return rep_ ? rep_->count : 0; }
  // The value at rank ceil(fraction * count), counted from 1, as SQL's percentile_disc. Nothing when empty.
  // REQUIRES: 0 <= fraction <= 1.
  std::optional<double> quantile(double fraction) const;
  // The same for several fractions in one pass; empty when the sketch is.
  std::vector<double> quantiles(const std::vector<double>& fractions) const;

  // Equal multisets give equal bytes (without subtraction).
  void encode(std::string& out) const;
  // Takes exactly the bytes of one encoding; data_loss otherwise, and the sketch is then empty.
  Status decode(std::string_view bytes);
  // Memory of its own; shared memory counts in each sharer.
  size_t bytes() const;

  // Where a value falls: buckets are numbered in the order of values, 0 is zero.
  static int32_t bucket_of(double x);
  // The value that stands for a bucket.
  static double bucket_value(int32_t bucket);

 private:
  static constexpr int kChunkBuckets = 32;
  struct Chunk {
    int32_t base = 0;  // bucket / kChunkBuckets, rounded down
    std::array<int64_t, kChunkBuckets> counts{};
  };
  struct Rep : RefCount {
    int64_t count = 0;
    bool exact = true;
    std::vector<double> values;  // while exact; any order
    std::vector<Chunk> chunks;   // otherwise; ascending by base
    Chunk& chunk(int32_t base);
    void add_to_bucket(int32_t bucket, int64_t n);
    void leave_exactness();
  };
  CowRef<Rep> rep_;
};

}  // namespace rideflow
