#include "engine/distinct_sketch.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace rideflow {
namespace distinct_sketch_test {

DistinctSketch sketch_of(int64_t first, int64_t n) {
  DistinctSketch sketch;
  for (int64_t i = 0; i < n; ++i) sketch.add(distinct_hash(first + i));
  return sketch;
}

std::string encoded(const DistinctSketch& sketch) {
  std::string out;
  sketch.encode(out);
  return out;
}

TEST(DistinctSketch, IsExactWhileSparse) {
  for (const int64_t n : {0, 1, 2, 10, 100, 768}) EXPECT_EQ(sketch_of(5, n).estimate(), n);
}

TEST(DistinctSketch, ErrorsStayNearTheStandardErrorBeyond) {
  for (const int64_t n : {800, 2000, 5000, 20'000, 100'000}) {
    double squares = 0;
    const int trials = 40;
    for (int t = 0; t < trials; ++t) {
      const double error = sketch_of(t * 10'000'000, n).estimate_double() / static_cast<double>(n) - 1;
      EXPECT_LT(std::fabs(error), 5 * DistinctSketch::kStandardError) << n;
      squares += error * error;
    }
    EXPECT_LT(std::sqrt(squares / trials), 1.4 * DistinctSketch::kStandardError) << n;
  }
}

TEST(DistinctSketch, DependsOnlyOnTheSet) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<int64_t> values;
    for (int64_t i = 0; i < static_cast<int64_t>(seed * 80); ++i) values.push_back(i * i);
    DistinctSketch plain;
    for (const int64_t v : values) plain.add(distinct_hash(v));
    std::vector<int64_t> doubled = values;
    doubled.insert(doubled.end(), values.begin(), values.end());
    std::shuffle(doubled.begin(), doubled.end(), random);
    DistinctSketch merged;
    DistinctSketch part;
    for (const int64_t v : doubled) {
      part.add(distinct_hash(v));
      if (random() % 100 == 0) {
        part.merge(merged);
        merged = part;
        part = DistinctSketch();
      }
    }
    merged.merge(part);
    merged.merge(merged);
    EXPECT_EQ(encoded(merged), encoded(plain));
    EXPECT_EQ(merged.estimate(), plain.estimate());
  }
}

TEST(DistinctSketch, SurvivesEncodingAndRefusesGarbage) {
  for (const int64_t n : {0, 1, 768, 5000}) {
    const std::string bytes = encoded(sketch_of(1, n));
    DistinctSketch back;
    ASSERT_TRUE(back.decode(bytes).ok());
    EXPECT_EQ(encoded(back), bytes);
    EXPECT_EQ(back.estimate(), sketch_of(1, n).estimate());
    EXPECT_EQ(back.decode(bytes + "x").code(), Code::data_loss);
    for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(back.decode(bytes.substr(0, cut)).ok());
  }
  DistinctSketch sketch;
  EXPECT_FALSE(sketch.decode(std::string("\x02") + std::string(4096, '\x7f')).ok());  // ranks end at 53
  EXPECT_FALSE(sketch.decode(std::string("\x01\x01\x40", 3)).ok());                   // rank 0
}

TEST(DistinctSketch, CopiesShareUntilEdited) {
  DistinctSketch a = sketch_of(0, 1000);
  const DistinctSketch b = a;
  const std::string before = encoded(b);
  for (int64_t i = 0; i < 1000; ++i) a.add(distinct_hash(5000 + i));
  EXPECT_EQ(encoded(b), before);
}

TEST(DistinctSketch, EqualDoublesHaveEqualHashes) {
  EXPECT_EQ(distinct_hash(0.0), distinct_hash(-0.0));
  EXPECT_EQ(distinct_hash(std::nan("1")), distinct_hash(-std::nan("2")));
  EXPECT_NE(distinct_hash(1.0), distinct_hash(2.0));
}

}  // namespace distinct_sketch_test
}  // namespace rideflow
