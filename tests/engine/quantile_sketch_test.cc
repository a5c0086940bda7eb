#include "engine/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace rideflow {
namespace quantile_sketch_test {

const double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

QuantileSketch sketch_of(const std::vector<double>& values) {
  QuantileSketch sketch;
  for (const double v : values) sketch.add(v);
  return sketch;
}

std::string encoded(const QuantileSketch& sketch) {
  std::string out;
  sketch.encode(out);
  return out;
}

double at_rank(std::vector<double> values, double fraction) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(fraction * static_cast<double>(values.size()) - 1e-9);
  return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

std::vector<double> random_values(uint64_t seed, size_t n) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> fares(2.5, 1.0 + static_cast<double>(seed % 5));
  std::vector<double> values;
  for (size_t i = 0; i < n; ++i) values.push_back((seed % 3 == 0 && i % 3 == 0 ? -1 : 1) * fares(random));
  return values;
}

TEST(QuantileSketch, IsExactUpTo256Values) {
  EXPECT_FALSE(QuantileSketch().quantile(0.5).has_value());
  std::vector<double> values;
  for (int i = 256; i >= 1; --i) values.push_back(i);
  const QuantileSketch sketch = sketch_of(values);
  for (const double f : {0.0, 0.07, 0.25, 0.5, 0.9, 0.99, 1.0}) {
    EXPECT_EQ(sketch.quantile(f), at_rank(values, f)) << f;
  }
  EXPECT_EQ(sketch_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}).quantile(0.9), 9);
}

TEST(QuantileSketch, IsWithinItsErrorBeyond) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<double> values = random_values(seed, 20'000);
    const QuantileSketch sketch = sketch_of(values);
    for (const double f : {0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const double exact = at_rank(values, f);
      EXPECT_NEAR(*sketch.quantile(f), exact, std::fabs(exact) * QuantileSketch::kRelativeError * (1 + 1e-9));
    }
  }
}

TEST(QuantileSketch, EveryDoubleLiesNearItsBucketsValue) {
  std::mt19937_64 random(3);
  int32_t last = QuantileSketch::bucket_of(0);
  for (double x = 1e-322; x < 1.7e308; x *= 1.37) {
    const int32_t bucket = QuantileSketch::bucket_of(x);
    EXPECT_GE(bucket, last);
    last = bucket;
    EXPECT_EQ(QuantileSketch::bucket_of(-x), -bucket);
    if (x > 1e-305) {
      EXPECT_NEAR(QuantileSketch::bucket_value(bucket), x, x * 0.005 * (1 + 1e-9));
    }
  }
  EXPECT_TRUE(std::isfinite(
      QuantileSketch::bucket_value(QuantileSketch::bucket_of(std::numeric_limits<double>::max()))));
  // Values at the edges of buckets: the octaves and what is next to them.
  for (int e = -300; e < 300; ++e) {
    for (const double x : {std::ldexp(1, e), std::nextafter(std::ldexp(1, e), 0.0)}) {
      EXPECT_NEAR(QuantileSketch::bucket_value(QuantileSketch::bucket_of(x)), x, x * 0.005 * (1 + 1e-9)) << e;
    }
  }
}

TEST(QuantileSketch, DependsOnlyOnTheMultiset) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<double> values = random_values(seed, 200 + seed * 10);  // both sides of 256
    const std::string bytes = encoded(sketch_of(values));
    std::shuffle(values.begin(), values.end(), random);
    QuantileSketch merged;
    QuantileSketch part;
    for (const double v : values) {
      part.add(v);
      if (random() % 50 == 0) {
        if (random() % 2 == 0) {
          merged.merge(part);
        } else {
          part.merge(merged);
          merged = part;
        }
        part = QuantileSketch();
      }
    }
    merged.merge(part);
    EXPECT_EQ(encoded(merged), bytes);
    EXPECT_EQ(merged.count(), static_cast<int64_t>(values.size()));
  }
}

TEST(QuantileSketch, SubtractionLeavesTheRest) {
  for (const size_t n : {100U, 2000U}) {
    const std::vector<double> values = random_values(n, n);
    const auto middle = values.begin() + static_cast<ptrdiff_t>(n / 3);
    QuantileSketch sketch = sketch_of(values);
    sketch.subtract(sketch_of({values.begin(), middle}));
    EXPECT_EQ(encoded(sketch), encoded(sketch_of({middle, values.end()})));
  }
}

TEST(QuantileSketch, SpecialValuesHaveTheirPlaceInOrder) {
  std::vector<double> values = {kNaN, kInf, -kInf, -0.0, 0.0};
  for (const int copies : {1, 100}) {
    QuantileSketch sketch;
    for (int i = 0; i < copies; ++i) {
      for (const double v : values) sketch.add(v);
    }
    EXPECT_EQ(sketch.quantile(0), -kInf);
    EXPECT_EQ(sketch.quantile(0.5), 0);
    EXPECT_EQ(sketch.quantile(0.8), kInf);
    EXPECT_TRUE(std::isnan(*sketch.quantile(1)));
  }
}

TEST(QuantileSketch, SurvivesEncodingAndRefusesGarbage) {
  for (const size_t n : {0U, 1U, 256U, 3000U}) {
    const QuantileSketch sketch = sketch_of(random_values(n, n));
    const std::string bytes = encoded(sketch);
    QuantileSketch back;
    ASSERT_TRUE(back.decode(bytes).ok());
    EXPECT_EQ(encoded(back), bytes);
    EXPECT_EQ(back.count(), sketch.count());
    EXPECT_EQ(back.decode(bytes + "x").code(), Code::data_loss);
    for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(back.decode(bytes.substr(0, cut)).ok());
  }
  QuantileSketch sketch;
  EXPECT_FALSE(
      sketch.decode(std::string("\x02\x01\xff\xff\xff\xff\x0f\x01", 8)).ok());  // past the last bucket
  EXPECT_FALSE(sketch.decode(std::string("\x01\x00", 2)).ok());
}

TEST(QuantileSketch, CopiesShareUntilEdited) {
  QuantileSketch a = sketch_of(random_values(1, 1000));
  const QuantileSketch b = a;
  const std::string before = encoded(b);
  a.add(1);
  EXPECT_EQ(encoded(b), before);
  EXPECT_NE(encoded(a), before);
  a.merge(a);
  EXPECT_EQ(a.count(), 2002);
}

}  // namespace quantile_sketch_test
}  // namespace rideflow
