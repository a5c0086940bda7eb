#include "runtime/posix_exit.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "runtime/posix_process.h"

namespace rideflow {
namespace posix_exit_test {

using ExitWatchDeathTest = testing::Test;

void wait_for_ever() {
  while (true) ::pause();
}

TEST(ExitWatchDeathTest, AStopThatIsNotNoticedEnds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stuck = [] {
    catch_stop_signals();
    ExitWatch watch(100, 0);
    ::raise(SIGTERM);
    wait_for_ever();
  };
  EXPECT_EXIT(stuck(), testing::ExitedWithCode(130), "ending takes longer than a stop may \\(0.1 s");
}

TEST(ExitWatchDeathTest, AStageThatDoesNotEndEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stuck = [] {
    ExitWatch watch(200, 0);
    watch.expect("taking it down", 2);
    wait_for_ever();
  };
  EXPECT_EXIT(stuck(), testing::ExitedWithCode(2), "taking it down takes longer than a stop may \\(0.2 s");
}

// The time is counted in steps, and at each the stage is asked: 20 of them in all, 12 in the first stage.
TEST(ExitWatchDeathTest, StagesShareOneDeadline) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto slow = [] {
    std::atomic<int> steps{0};
    ExitWatch watch(1'000, 0);
    const auto asked = [&steps]() -> int64_t { return ++steps, 0; };
    watch.expect("the first", 2, asked);
    while (steps.load() < 12) ::usleep(1'000);
    watch.expect("the second", 3, asked);
    while (steps.load() <= 20) ::usleep(1'000);
    ::dprintf(2, "it had time of its own");
    ::_exit(99);
  };
  EXPECT_EXIT(slow(), testing::ExitedWithCode(3), "error: the second takes");
}

// As long as something goes on, and no longer.
TEST(ExitWatchDeathTest, ProgressIsWaitedFor) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto slow = [] {
    std::atomic<int64_t> asked{0};
    ExitWatch watch(100, 60'000);
    watch.expect("writing", 3, [&asked] { return std::min<int64_t>(asked.fetch_add(1), 10); });
    while (asked.load() < 10) ::usleep(1'000);
    ::dprintf(2, "ten times; ");
    wait_for_ever();
  };
  EXPECT_EXIT(slow(), testing::ExitedWithCode(3), "ten times; error: writing takes");
}

TEST(ExitWatchDeathTest, ProgressHasAnEndToo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto busy = [] {
    std::atomic<int64_t> asked{0};
    ExitWatch watch(100, 300);
    watch.expect("turning", 3, [&asked] { return ++asked; });
    wait_for_ever();
  };
  EXPECT_EXIT(busy(), testing::ExitedWithCode(3), "error: turning takes");
}

}  // namespace posix_exit_test
}  // namespace rideflow
