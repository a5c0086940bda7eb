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
    ExitWatch watch(100);
    ::raise(SIGTERM);
    wait_for_ever();
  };
  EXPECT_EXIT(stuck(), testing::ExitedWithCode(130), "took longer than 0.1 s");
}

TEST(ExitWatchDeathTest, AStageThatDoesNotEndEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stuck = [] {
    ExitWatch watch(100);
    watch.expect("taking it down", 200, 2);
    wait_for_ever();
  };
  EXPECT_EXIT(stuck(), testing::ExitedWithCode(2), "taking it down took longer than 0.2 s");
}

// As long as something goes on, and no longer.
TEST(ExitWatchDeathTest, ProgressIsWaitedFor) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto slow = [] {
    std::atomic<int64_t> asked{0};
    ExitWatch watch(100);
    watch.expect("writing", 100, 3, [&asked] { return std::min<int64_t>(asked.fetch_add(1), 10); });
    while (asked.load() < 10) ::usleep(1'000);
    ::dprintf(2, "ten times; ");
    wait_for_ever();
  };
  EXPECT_EXIT(slow(), testing::ExitedWithCode(3), "ten times; error: writing took");
}

}  // namespace posix_exit_test
}  // namespace rideflow
