// Numbers at once are the numbers digit by digit.
#include "operators/json/json_scan.h"

#include <gtest/gtest.h>

#include <random>

namespace rideflow {
namespace json_scan_test {

void expect_same(const std::string& text, size_t size) {
  // Padded, as records are, by what may stand behind one.
  const std::string padded = text + std::string(64, '7');
  const char* const begin = padded.data();
  NumberText slow;
  NumberText fast;
  const char* const slow_end = scan_number(begin, begin + size, slow);
  const char* const fast_end = scan_number_padded(begin, begin + size, fast);
  ASSERT_EQ(slow_end, fast_end) << text;
  if (slow_end == nullptr) return;
  EXPECT_EQ(slow.mantissa, fast.mantissa) << text;
  EXPECT_EQ(slow.exponent, fast.exponent) << text;
  EXPECT_EQ(slow.negative, fast.negative) << text;
  EXPECT_EQ(slow.exact, fast.exact) << text;
  EXPECT_EQ(slow.whole, fast.whole) << text;
}

TEST(JsonNumber, AtOnceAsDigitByDigit) {
  for (const char* text : {"0",
                           "-0",
                           "7,",
                           "-12.5}",
                           "00",
                           "01.5",
                           "1.",
                           ".5",
                           "-",
                           "-.1",
                           "1.e5",
                           "1e5",
                           "12.25E-3",
                           "12345678",
                           "123456789",
                           "12345678.1234567",
                           "12345678.12345678",
                           "1234567.123456789",
                           "0.0000001",
                           "99999999.9999999",
                           "9007199254740993",
                           "12345678901234567890123",
                           "1.5.5",
                           "1-2",
                           "+1",
                           "x",
                           "\"",
                           "1.5e",
                           "1.5x",
                           "10 "}) {
    expect_same(text, std::string_view(text).size());
  }
}

TEST(JsonNumber, EndsWithItsRecord) {
  // The digits behind the end belong to the next record.
  for (size_t size = 1; size <= 8; ++size) expect_same("123.4567", size);
}

TEST(JsonNumber, RandomTexts) {
  std::mt19937_64 random(1);
  constexpr std::string_view kBytes = "0123456789012345678901234567890123456789..-eE,}";
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (size_t n = 1 + random() % 22; n > 0; --n) text.push_back(kBytes[random() % kBytes.size()]);
    expect_same(text, text.size());
  }
}

}  // namespace json_scan_test
}  // namespace rideflow
