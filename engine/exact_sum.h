// ExactSum: a sum of doubles without rounding until it is asked for.
//
// Two doubles hold the sum as long as they can hold it exactly (nearly always: 106 bits); what does not fit
// goes to a fixed-point accumulator as wide as the range of doubles. NaN and infinities are counted apart. So
// the result does not depend on the order of adding and merging, and what was added can be subtracted again.
// Copies share the wide part. One thread at a time per object.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/cow_ref.h"
#include "engine/status.h"

namespace rideflow {

// A signed fixed-point number in units of 2^-1074, the smallest double, with room for 2^63 of the largest.
struct WideSum : RefCount {
  static constexpr int kWords = 34;
  std::array<uint64_t, kWords> words{};  // two's complement, least significant first
  int64_t nan = 0;
  int64_t positive_infinity = 0;
  int64_t negative_infinity = 0;

  void add(double x, int64_t times = 1);  // times: 1 or -1; any double
  void add(const WideSum& o);
  void subtract(const WideSum& o);
  bool is_zero() const;  // of the finite part
  bool negative() const { return (words[kWords - 1] >> 63) != 0; }
  double rounded() const;  // of the finite part, half to even; infinite when no double is near
};

class ExactSum {
 public:
  void add(double x) {
    const double s = hi_ + x;
    const double s1 = s - hi_;
    const double e = (hi_ - (s - s1)) + (x - s1);
    const double t = e + lo_;
    const double t1 = t - e;
    const double rest = (e - (t - t1)) + (lo_ - t1);
    const double hi = s + t;
    if (rest == 0 && std::isfinite(hi)) [[likely]] {
      const double h1 = hi - s;
      lo_ = (s - (hi - h1)) + (t - h1);
      hi_ = hi;
      return;
    }
    add_slow(x);
  }
  void merge(const ExactSum& o);
  void subtract(const ExactSum& o);

  // Correctly rounded. NaN or an infinity when such were added, or when the sum is past the largest double.
  double value() const;
  // The finite sum is past the largest double.
  bool overflows() const;
  // The sum as an unevaluated pair, hi correctly rounded, lo what is left, rounded. For moments.
  struct Pair {
    double hi;
    double lo;
  };
  Pair pair() const;
  bool has_special() const {
    return wide_ && (wide_->nan | wide_->positive_infinity | wide_->negative_infinity);
  }

  // Equal sums give equal bytes.
  void encode(std::string& out) const;
  // Takes exactly the bytes of one encoding; data_loss otherwise, and the sum is then 0.
  Status decode(std::string_view bytes);

 private:
  void add_slow(double x);
  double special(double finite) const;
  WideSum total() const;

  double hi_ = 0;  // the sum is hi_ + lo_ + *wide_, and hi_ is hi_ + lo_ rounded
  double lo_ = 0;
  CowRef<WideSum> wide_;
};

}  // namespace rideflow
