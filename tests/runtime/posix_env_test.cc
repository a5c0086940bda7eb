#include "runtime/posix_env.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace rideflow {
namespace posix_env_test {

TEST(PosixEnvTest, ClocksRunForward) {
  PosixEnv env;
  const Micros wall = env.now();
  EXPECT_GT(wall, 1'700'000'000 * kMicrosPerSecond);
  const Micros start = env.monotonic();
  EXPECT_GE(env.monotonic(), start);
  const int64_t nanos = env.cpu_nanos();
  EXPECT_GE(env.cpu_nanos(), nanos);
  EXPECT_NE(env.random(), env.random());
}

// Whatever comes between two readings: what is measured inside is not longer, what is measured outside is not
// shorter.
TEST(PosixEnvTest, TheClockForAccountsRunsAsFastAsTheOther) {
  PosixEnv env;
  constexpr Micros kWhile = 30'000;
  const auto wait = [&] {
    for (const Micros begin = env.monotonic(); env.monotonic() - begin < kWhile;) continue;
  };
  const int64_t nanos = env.cpu_nanos();
  const Micros begin = env.monotonic();
  wait();
  const Micros end = env.monotonic();
  EXPECT_GT(env.cpu_nanos() - nanos, (end - begin) * 980);
  const Micros outside = env.monotonic();
  const int64_t inside = env.cpu_nanos();
  wait();
  const int64_t spent = env.cpu_nanos() - inside;
  EXPECT_LT(spent, (env.monotonic() - outside + 2) * 1'020);
}

TEST(PosixEnvTest, OffloadReturnsTheStatusOfItsWork) {
  PosixEnv env;
  auto fails = env.offload([] { return Status::external(Code::unavailable, "no"); });
  auto throws = env.offload([]() -> Status { throw std::runtime_error("oops"); });
  while (!fails->done() || !throws->done()) std::this_thread::yield();
  EXPECT_EQ(fails->status().code(), Code::unavailable);
  EXPECT_EQ(throws->status().code(), Code::internal);
  EXPECT_NE(throws->status().message().find("oops"), std::string::npos);
}

TEST(PosixEnvTest, TheDestructorFinishesBackgroundWork) {
  std::atomic<int> ran{0};
  {
    PosixEnv env;
    for (int i = 0; i < 100; ++i) {
      (void)env.offload([&] {
        ++ran;
        return Status();
      });
    }
  }
  EXPECT_EQ(ran, 100);
}

// A job that waits for a broker that never comes back has its own threads: nobody's disk work waits for it.
TEST(PosixEnvTest, WorkThatWaitsForOthersHoldsUpNothing) {
  std::atomic<bool> release{false};
  PosixEnv env;
  std::vector<std::shared_ptr<Completion>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(env.offload(
        [&] {
          while (!release) std::this_thread::yield();
          return Status::external(Code::unavailable, "at last");
        },
        Lane::others));
  }
  const auto disk = env.offload([] { return Status(); });
  const auto other = env.offload([] { return Status(); }, Lane::others);
  while (!disk->done() || !other->done()) std::this_thread::yield();
  EXPECT_FALSE(env.settle(1));
  for (const auto& one : waiting) EXPECT_FALSE(one->done());
  release = true;
  while (!env.settle(100)) {
  }
  for (const auto& one : waiting) {
    ASSERT_TRUE(one->done());
    EXPECT_EQ(one->status().message(), "at last");
  }
}

TEST(PosixEnvTest, LogLinesAreEventAndFields) {
  std::string text;
  PosixEnvOptions options;
  options.log_level = LogLevel::info;
  options.log_sink = [&](std::string_view line) { text += line; };
  PosixEnv env(options);
  env.log(LogLevel::debug, "hidden", {});
  env.info("shown", {{"epoch", "4"}});
  ASSERT_NE(text.find(" info shown epoch=4\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos);
}

TEST(PosixEnvTest, LogValuesAreQuotedAndSecretsAreNotWritten) {
  const LogField fields[] = {
      {"path", "/a b"}, {"text", "say \"x\"\n"}, {"empty", ""}, {"sasl_password", "hunter2"}};
  EXPECT_EQ(format_log_line(1'767'225'600'123'456, LogLevel::warn, "e", fields),
            "2026-01-01T00:00:00.123Z warn e path=\"/a b\" text=\"say \\\"x\\\"\\n\" empty=\"\" "
            "sasl_password=***");
}

using PosixEnvDeathTest = testing::Test;

TEST(PosixEnvDeathTest, KillPointsEndTheProcessAtTheirPass) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [](const char* value) {
    ::setenv("RIDEFLOW_KILL_AT", value, 1);
    PosixEnv env;
    env.kill_point("other");
    env.kill_point("commit");
    env.kill_point("commit");
    ::_exit(0);
  };
  EXPECT_EXIT(run("commit:1"), testing::ExitedWithCode(137), "");
  EXPECT_EXIT(run("commit:2"), testing::ExitedWithCode(137), "");
  EXPECT_EXIT(run("commit:3"), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(run("commit"), testing::ExitedWithCode(2), "RIDEFLOW_KILL_AT is 'commit'");
  EXPECT_EXIT(run("commit:x"), testing::ExitedWithCode(2), "n from 1");
}

}  // namespace posix_env_test
}  // namespace rideflow
