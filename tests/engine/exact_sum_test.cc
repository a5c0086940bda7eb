#include "engine/exact_sum.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace rideflow {
namespace exact_sum_test {

constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kTiny = std::numeric_limits<double>::denorm_min();
const double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

ExactSum sum_of(const std::vector<double>& values) {
  ExactSum sum;
  for (const double v : values) sum.add(v);
  return sum;
}

std::string encoded(const ExactSum& sum) {
  std::string out;
  sum.encode(out);
  return out;
}

// Doubles of all magnitudes, or of a narrow range.
std::vector<double> random_values(std::mt19937_64& random, size_t n, bool all_magnitudes) {
  std::vector<double> values;
  while (values.size() < n) {
    const double v = all_magnitudes ? std::bit_cast<double>(random())
                                    : static_cast<double>(random() % 100'000) / 100.0 - 200;
    if (std::isfinite(v)) values.push_back(std::ldexp(v, all_magnitudes ? -64 : 0));
  }
  return values;
}

TEST(ExactSum, KeepsWhatPlainAdditionLoses) {
  EXPECT_EQ(sum_of({}).value(), 0);
  EXPECT_EQ(sum_of({1e16, 1, -1e16}).value(), 1);
  EXPECT_EQ(sum_of({1e300, 1, 1e-300, -1e300, -1}).value(), 1e-300);
  EXPECT_EQ(sum_of({kMax, kTiny, -kMax}).value(), kTiny);
  EXPECT_EQ(sum_of(std::vector<double>(10, 0.1)).value(), 1.0);
  EXPECT_FALSE(std::signbit(sum_of({-0.0}).value()));
}

TEST(ExactSum, RoundsOnceToNearestEven) {
  const double ulp = std::ldexp(1, -52);
  EXPECT_EQ(sum_of({1, ulp / 2}).value(), 1);                             // a tie goes to even
  EXPECT_EQ(sum_of({1 + ulp, ulp / 2}).value(), 1 + 2 * ulp);             // the other way
  EXPECT_EQ(sum_of({1, ulp / 2, std::ldexp(1, -300)}).value(), 1 + ulp);  // just above the tie
  EXPECT_EQ(sum_of({1, ulp / 2, -std::ldexp(1, -300)}).value(), 1);       // just below
  EXPECT_EQ(sum_of({-1, -ulp / 2, -std::ldexp(1, -300)}).value(), -1 - ulp);
}

TEST(ExactSum, OverflowsOnlyWhenTheSumDoes) {
  EXPECT_EQ(sum_of({kMax, kMax, -kMax}).value(), kMax);
  const ExactSum over = sum_of({kMax, kMax});
  EXPECT_TRUE(over.overflows());
  EXPECT_EQ(over.value(), kInf);
  EXPECT_FALSE(sum_of({kMax, 1}).overflows());
}

TEST(ExactSum, CountsNaNAndInfinitiesApart) {
  EXPECT_TRUE(std::isnan(sum_of({1, kNaN, 2}).value()));
  EXPECT_EQ(sum_of({1, kInf}).value(), kInf);
  EXPECT_EQ(sum_of({1, -kInf}).value(), -kInf);
  EXPECT_TRUE(std::isnan(sum_of({kInf, -kInf}).value()));
  EXPECT_FALSE(sum_of({kInf}).overflows());
  ExactSum sum = sum_of({1.5, kNaN, kInf, 2});
  sum.subtract(sum_of({kNaN, kInf}));
  EXPECT_EQ(sum.value(), 3.5);
}

TEST(ExactSum, IsFreeOfOrderGroupingAndSubtraction) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<double> values = random_values(random, 200, seed % 2 == 0);
    const ExactSum plain = sum_of(values);
    std::shuffle(values.begin(), values.end(), random);
    ExactSum merged;
    ExactSum part;
    for (const double v : values) {
      part.add(v);
      if (random() % 7 == 0) {
        merged.merge(part);
        part = ExactSum();
      }
    }
    merged.merge(part);
    EXPECT_EQ(std::bit_cast<uint64_t>(plain.value()), std::bit_cast<uint64_t>(merged.value()));
    EXPECT_EQ(encoded(plain), encoded(merged));

    const size_t half = values.size() / 2;
    const ExactSum first = sum_of({values.begin(), values.begin() + static_cast<ptrdiff_t>(half)});
    merged.subtract(first);
    EXPECT_EQ(encoded(merged),
              encoded(sum_of({values.begin() + static_cast<ptrdiff_t>(half), values.end()})));
    merged.subtract(merged);
    EXPECT_EQ(merged.value(), 0);
  }
}

TEST(ExactSum, AgreesWithQuadArithmeticOnOrdinaryValues) {
  std::mt19937_64 random(7);
  const std::vector<double> values = random_values(random, 1000, false);
  long double wide = 0;  // 64 bits hold these sums within half a unit of the double result
  for (const double v : values) wide += v;
  EXPECT_DOUBLE_EQ(sum_of(values).value(), static_cast<double>(wide));
}

TEST(ExactSum, PairIsTheSumToTwiceThePrecision) {
  const ExactSum::Pair p = sum_of({1e16, 1.0, 1e-3}).pair();
  EXPECT_EQ(p.hi, 1e16 + 2);  // doubles are 2 apart here
  EXPECT_EQ(p.lo, -0.999);
}

TEST(ExactSum, SurvivesEncodingAndRefusesGarbage) {
  for (const auto& values : std::vector<std::vector<double>>{{},
                                                             {1},
                                                             {1, 1e-20},
                                                             {1e300, 1, 1e-300},
                                                             {-1e300, -1, -1e-300},
                                                             {kMax, kMax},
                                                             {kNaN, 3},
                                                             {-kMax, -kMax}}) {
    const ExactSum sum = sum_of(values);
    const std::string bytes = encoded(sum);
    ExactSum back;
    ASSERT_TRUE(back.decode(bytes).ok());
    EXPECT_EQ(encoded(back), bytes);
    EXPECT_FALSE(back.decode(bytes + "x").ok());
    for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(back.decode(bytes.substr(0, n)).ok()) << n;
  }
  ExactSum sum;
  EXPECT_EQ(sum.decode("\x09zzz").code(), Code::data_loss);
}

TEST(ExactSum, CopiesShareUntilEdited) {
  ExactSum a = sum_of({1e300, 1, 1e-300});
  const ExactSum b = a;
  a.add(5);
  a.add(1e200);
  EXPECT_EQ(encoded(b), encoded(sum_of({1e300, 1, 1e-300})));
}

}  // namespace exact_sum_test
}  // namespace rideflow
