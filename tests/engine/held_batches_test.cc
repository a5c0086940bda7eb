#include "engine/held_batches.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace rideflow {
namespace held_batches_test {

HeldBatch held(int node, int32_t rows) {
  HeldBatch h;
  h.node = node;
  h.batch.rows = rows;
  return h;
}

using Given = std::vector<std::pair<int, int32_t>>;  // node and rows

TEST(HeldBatches, EachNodeGetsItsOwnInOrderAndOneThatIsStuckHoldsUpNobodyElse) {
  HeldBatches batches;
  for (const auto& [node, rows] : Given{{1, 10}, {2, 20}, {1, 11}, {2, 21}}) batches.add(held(node, rows));
  Given given;
  const auto take = [&](HeldBatch& h) {
    given.emplace_back(h.node, h.batch.rows);
    return true;
  };
  EXPECT_TRUE(batches.run([](int node) { return node == 2; }, take));
  EXPECT_EQ(given, (Given{{2, 20}, {2, 21}}));
  EXPECT_TRUE(batches.holds(1));
  EXPECT_FALSE(batches.holds(2));
  EXPECT_TRUE(batches.run([](int) { return true; }, take));
  EXPECT_EQ(given, (Given{{2, 20}, {2, 21}, {1, 10}, {1, 11}}));
  EXPECT_TRUE(batches.empty());
}

TEST(HeldBatches, WhatIsLeftOfABatchKeepsItsPlace) {
  HeldBatches batches;
  batches.add(held(1, 10));
  batches.add(held(1, 11));
  Given given;
  const auto halve = [&](HeldBatch& h) {
    given.emplace_back(h.node, h.batch.rows);
    h.batch.rows /= 2;
    return h.batch.rows == 0;
  };
  const auto always = [](int) { return true; };
  EXPECT_FALSE(batches.run(always, halve));  // nothing was taken whole, and 11 had to wait for 10
  EXPECT_FALSE(batches.run(always, halve));
  EXPECT_EQ(given, (Given{{1, 10}, {1, 5}}));
}

TEST(HeldBatches, WhatABatchLeadsToGoesBehindAll) {
  HeldBatches batches;
  batches.add(held(1, 10));
  batches.add(held(2, 20));
  Given given;
  EXPECT_TRUE(batches.run([](int) { return true; },
                          [&](HeldBatch& h) {
                            given.emplace_back(h.node, h.batch.rows);
                            if (h.node == 1) batches.add(held(2, 30));
                            return true;
                          }));
  EXPECT_EQ(given, (Given{{1, 10}, {2, 20}, {2, 30}}));
}

}  // namespace held_batches_test
}  // namespace rideflow
