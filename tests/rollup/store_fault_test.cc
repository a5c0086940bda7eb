// A job writes a rollup while calls to the disk fail, and while the process or the machine dies at each of
// them: nothing that was committed is lost, nothing is counted twice.
#include <gtest/gtest.h>

#include <random>

#include "tests/rollup/store_script.h"

namespace rideflow {
namespace store_fault_test {

using Crash = VirtualFs::Crash;
using Script = test::RollupScript;

struct Undisturbed {
  std::string answer;
  int64_t calls = 0;
};

const Undisturbed& undisturbed() {
  static const Undisturbed result = [] {
    Script script(1);
    EXPECT_TRUE(script.start() && script.run()) << script.error();
    return Undisturbed{script.answer(), script.env().fs().calls()};
  }();
  return result;
}

TEST(RollupFaults, TheScriptSealsChunks) {
  Script script(1);
  ASSERT_TRUE(script.start() && script.run()) << script.error();
  int segments = 0;
  for (const std::string& file : script.env().fs().files("rollups/rides")) {
    segments += file.find("segment") != std::string::npos ? 1 : 0;
  }
  EXPECT_GE(segments, 2);
  EXPECT_GT(undisturbed().calls, 60);
}

TEST(RollupFaults, DeathAtEveryCall) {
  for (int64_t n = 1; n <= undisturbed().calls; ++n) {
    SCOPED_TRACE("death at call " + std::to_string(n));
    const auto crash = static_cast<Crash>(n % 3);
    Script script(static_cast<uint64_t>(n));
    script.env().fs().die(n);
    if (script.start()) script.run();
    script.crash(crash);
    ASSERT_TRUE(script.start() && script.run()) << script.error();
    ASSERT_EQ(script.answer(), undisturbed().answer);
    script.crash(Crash::lose_unsynced);
    ASSERT_TRUE(script.start()) << script.error();
    ASSERT_EQ(script.answer(), undisturbed().answer) << "lost later";
  }
}

TEST(RollupFaults, FailureOfEveryCall) {
  for (int64_t n = 1; n <= undisturbed().calls; ++n) {
    Script script(static_cast<uint64_t>(n));
    script.env().fs().fail(n, Status::external(Code::resource_exhausted, "the disk is full"));
    if (!(script.start() && script.run())) {
      // The job fails and is started again in the same process.
      ASSERT_TRUE(script.start() && script.run()) << "failure at call " << n << ": " << script.error();
    }
    ASSERT_EQ(script.answer(), undisturbed().answer) << "failure at call " << n;
    script.crash(Crash::lose_unsynced);
    ASSERT_TRUE(script.start()) << script.error();
    ASSERT_EQ(script.answer(), undisturbed().answer) << "lost after a failure at call " << n;
  }
}

TEST(RollupFaults, RandomDeathsInARow) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Script script(seed);
    std::mt19937_64 random(seed);
    for (int death = 0; death < 5; ++death) {
      script.env().fs().die(1 + static_cast<int64_t>(random() % 40));
      if (script.start()) script.run();
      script.crash(static_cast<Crash>(random() % 3));
    }
    ASSERT_TRUE(script.start() && script.run()) << script.error();
    ASSERT_EQ(script.answer(), undisturbed().answer);
  }
}

}  // namespace store_fault_test
}  // namespace rideflow
