// Pages of numbers: what comes out of packed bits is what went in, and bytes that are no page are refused.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "rollup/packed_page.h"

namespace rideflow::rollup {
namespace packed_page_test {

using Doubles = std::numeric_limits<double>;

// What a reader makes of a page from a row on.
template <class T>
std::vector<T> integers_from(const std::string& bytes, const PageForm& form, size_t rows, size_t begin) {
  PackedPage page;
  EXPECT_EQ(page.set(bytes, form, rows), nullptr);
  std::vector<T> out(rows - begin);
  page.integers(begin, out.size(), out.data());
  return out;
}

void expect_kept(const std::vector<int64_t>& values) {
  const NumberPage page = NumberPage::of(values);
  for (const uint8_t bits : {page.form.bits, whole_bytes(page.form.bits)}) {
    PageForm form = page.form;
    form.bits = bits;
    const std::string bytes = page.pack(bits);
    ASSERT_EQ(bytes.size(), page.packed_bytes(bits));
    for (size_t begin = 0; begin <= values.size(); begin += 8) {
      const std::vector<int64_t> expected(values.begin() + static_cast<ptrdiff_t>(begin), values.end());
      ASSERT_EQ(integers_from<int64_t>(bytes, form, values.size(), begin), expected) << int{bits};
      ASSERT_EQ(integers_from<uint32_t>(bytes, form, values.size(), begin),
                std::vector<uint32_t>(expected.begin(), expected.end()));
    }
  }
}

TEST(PackedPage, KeepsIntegersOfEveryWidth) {
  std::mt19937_64 random(7);
  for (int bits = 0; bits <= 64; ++bits) {
    for (const size_t rows : {1, 7, 8, 9, 300}) {
      std::vector<int64_t> values(rows);
      for (int64_t& v : values) {
        v = static_cast<int64_t>((bits == 0 ? 0 : random() >> (64 - bits)) - uint64_t{1000});
      }
      expect_kept(values);
    }
  }
  expect_kept({INT64_MIN, INT64_MAX, 0, -1});
  expect_kept({INT64_MAX});
}

TEST(PackedPage, TakesWhatAllDistancesAreMultiplesOfAsItsStep) {
  std::vector<int64_t> times;
  for (int64_t i = 0; i < 1000; ++i) times.push_back(1'767'225'600'000'000 + i / 10 * 1'000'000);
  const NumberPage page = NumberPage::of(times);
  EXPECT_EQ(page.form.step, 1'000'000U);
  EXPECT_EQ(page.form.bits, 7) << "a hundred seconds";
  expect_kept(times);
  expect_kept({INT64_MIN, INT64_MIN + (int64_t{1} << 62), INT64_MAX - 7});
}

NumberPage expect_doubles_kept(const std::vector<double>& values) {
  NumberPage page = NumberPage::of(std::span<const double>(values));
  for (const uint8_t bits : {page.form.bits, whole_bytes(page.form.bits)}) {
    PageForm form = page.form;
    form.bits = bits;
    const std::string bytes = page.pack(bits);
    PackedPage packed;
    EXPECT_EQ(packed.set(bytes, form, values.size()), nullptr);
    for (size_t begin = 0; begin < values.size(); begin += 8) {
      std::vector<double> out(std::min<size_t>(values.size() - begin, 100));
      packed.doubles(begin, out.size(), out.data());
      for (size_t i = 0; i < out.size(); ++i) {
        EXPECT_EQ(std::bit_cast<uint64_t>(out[i]), std::bit_cast<uint64_t>(values[begin + i]))
            << begin + i << ' ' << out[i] << ' ' << values[begin + i];
      }
    }
  }
  return page;
}

TEST(PackedPage, PricesAreIntegersOverAPowerOfTen) {
  std::mt19937_64 random(7);
  std::vector<double> prices;
  for (int i = 0; i < 1000; ++i) prices.push_back(static_cast<double>(random() % 10'000) / 100);
  const NumberPage page = expect_doubles_kept(prices);
  EXPECT_EQ(page.form.power, 2);
  EXPECT_EQ(page.form.bits, 14);
  EXPECT_EQ(page.form.exceptions, 0U);
}

TEST(PackedPage, WhatSumsRoundedAwayIsIntegersOverAPowerOfTwo) {
  std::vector<double> lost;
  for (int i = 0; i < 1000; ++i) lost.push_back(std::ldexp(i % 9 - 4, -51));
  const NumberPage page = expect_doubles_kept(lost);
  EXPECT_EQ(page.form.power, -52);
  EXPECT_EQ(page.form.bits, 4);
}

TEST(PackedPage, AFewThatAreNoPricesAreExceptions) {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(i / 100.0);
  values[0] = 0.1 + 0.2;
  values[1] = -0.0;
  values[500] = Doubles::quiet_NaN();
  values[777] = -Doubles::infinity();
  values[999] = 1e300;
  const NumberPage page = expect_doubles_kept(values);
  EXPECT_EQ(page.form.power, 2);
  EXPECT_EQ(page.exception_rows, (std::vector<uint32_t>{0, 1, 500, 777, 999}));
  EXPECT_EQ(page.form.bits, 10) << "an exception makes no entry wider";
}

TEST(PackedPage, OtherDoublesAreTheirBits) {
  std::mt19937_64 random(7);
  std::vector<double> noise;
  for (int i = 0; i < 500; ++i) noise.push_back(std::bit_cast<double>(random()));
  EXPECT_EQ(expect_doubles_kept(noise).form.bits, 64);
  EXPECT_EQ(expect_doubles_kept(std::vector<double>(500, 0.1 + 0.2)).form.bits, 0) << "one value, no entry";
  EXPECT_EQ(expect_doubles_kept(std::vector<double>(500, -0.0)).form.bits, 0);
  expect_doubles_kept(
      std::vector<double>{Doubles::denorm_min(), Doubles::max(), Doubles::lowest(), Doubles::min()});
  expect_doubles_kept(std::vector<double>{std::ldexp(1, 51), -std::ldexp(1, 51), std::ldexp(1, 51) - 1, 3});
  expect_doubles_kept(std::vector<double>{std::ldexp(1, -1000), 0});
  expect_doubles_kept(std::vector<double>{std::ldexp(1, -1001), 0});
  expect_doubles_kept(std::vector<double>{Doubles::quiet_NaN(), Doubles::quiet_NaN(), 1, 2});
}

TEST(PackedPage, BytesThatAreNoPageAreRefused) {
  const NumberPage good = NumberPage::of(std::vector<int64_t>{1, 2, 3});
  const std::string bytes = good.pack(good.form.bits);
  PackedPage page;
  EXPECT_EQ(page.set(bytes, good.form, 3), nullptr);
  EXPECT_STREQ(page.set(bytes + "x", good.form, 3), "a page has a wrong size");
  EXPECT_STREQ(page.set("", good.form, 3), "a page has a wrong size");
  for (const int bits : {58, 63, 65, 255}) {
    PageForm form = good.form;
    form.bits = static_cast<uint8_t>(bits);
    EXPECT_STREQ(page.set(bytes, form, 3), "a page has a wrong width");
  }
  for (const int power : {10, -1002, INT16_MIN, INT16_MAX}) {
    PageForm form = good.form;
    form.power = static_cast<int16_t>(power);
    EXPECT_STREQ(page.set(bytes, form, 3), "a page has a wrong power");
  }
}

TEST(PackedPage, ExceptionsOfWrongRowsAreRefused) {
  PageForm form;
  form.power = 2;
  form.exceptions = 2;
  const auto rows = [](uint32_t a, uint32_t b) {
    std::string bytes(sizeof a + sizeof b + 2 * sizeof(double), '\0');
    std::memcpy(bytes.data(), &a, sizeof a);
    std::memcpy(bytes.data() + sizeof a, &b, sizeof b);
    return bytes;
  };
  PackedPage page;
  EXPECT_EQ(page.set(rows(0, 2), form, 3), nullptr);
  for (const std::string& wrong : {rows(2, 0), rows(1, 1), rows(0, 3), rows(0, UINT32_MAX)}) {
    EXPECT_STREQ(page.set(wrong, form, 3), "a page has exceptions in wrong rows");
  }
  EXPECT_STREQ(page.set(rows(0, 1), form, 1), "a page has a wrong size") << "more exceptions than rows";
}

}  // namespace packed_page_test
}  // namespace rideflow::rollup
