// From codes to truths to rows, and numbers of pairs: the same as by a loop of one line.
#include "rollup/query/selection.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "rollup/query/filter.h"
#include "rollup/query/grouping.h"

namespace rideflow::rollup {
namespace selection_test {

TEST(Selection, FindsTheTrueRowsOfEveryMask) {
  for (unsigned mask = 0; mask < 1U << 16; mask += 7) {
    std::vector<uint8_t> truth;
    std::vector<uint32_t> expected;
    for (uint32_t i = 0; i < 41; ++i) {
      const bool hit = (mask >> (i % 16) & 1U) != 0;
      truth.push_back(hit ? kTrue : (i % 3 == 0 ? kUnknown : kFalse));
      if (hit) expected.push_back(i);
    }
    std::vector<uint32_t> rows(truth.size() + kSelectionSlack);
    rows.resize(select_true(truth.data(), truth.size(), rows.data()));
    ASSERT_EQ(rows, expected) << mask;
  }
}

TEST(Selection, TruthsOfCodesAreThoseOfTheTable) {
  const std::vector<std::vector<uint8_t>> tables = {
      {kUnknown},                                  // only null
      {kUnknown, kFalse, kTrue, kFalse},           // one value
      {kTrue, kFalse, kTrue},                      // it or null
      {kFalse, kTrue},                             // the only value
      {kTrue, kFalse, kFalse},                     // null alone
      {kUnknown, kTrue, kTrue, kFalse},            // two
      {kUnknown, kFalse, kTrue, kUnknown, kFalse}  // unknown of another than null
  };
  for (const auto& table : tables) {
    std::vector<uint32_t> codes;
    for (uint32_t i = 0; i < 50; ++i) codes.push_back(i * i % static_cast<uint32_t>(table.size()));
    std::vector<uint8_t> out(codes.size(), 99);
    CodeTable(table).look_up(codes.data(), codes.size(), out.data());
    for (size_t i = 0; i < codes.size(); ++i) ASSERT_EQ(out[i], table[codes[i]]) << i;
  }
}

TEST(Selection, PairsHaveTheNumbersOfTheirFirstAppearance) {
  std::mt19937 random(7);
  PairIndex index;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> expected;
  uint32_t a = 3;
  uint32_t b = 2;
  for (int page = 0; page < 12; ++page) {  // in the end too many for a table of their own
    if (page != 5) index.expect(a, b);     // pairs that nobody announced are found too
    for (int i = 0; i < 2'000; ++i) {
      const std::pair<uint32_t, uint32_t> pair(random() % a, random() % b);
      const auto it = expected.try_emplace(pair, static_cast<uint32_t>(expected.size())).first;
      ASSERT_EQ(index.find_or_add(pair.first, pair.second), it->second) << page;
    }
    a *= 3;
    b += page % 2 == 0 ? 0 : b;
  }
  ASSERT_EQ(index.size(), expected.size());
  for (const auto& [pair, number] : expected) ASSERT_EQ(index.at(number), pair);
}

}  // namespace selection_test
}  // namespace rideflow::rollup
