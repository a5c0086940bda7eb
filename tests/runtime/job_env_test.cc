// The world as one job sees it.
#include "runtime/job_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/virtual_env.h"

namespace rideflow {
namespace job_env_test {

using testing::EndsWith;

TEST(JobEnv, LinesNameTheJobAndTheNewestAreKept) {
  VirtualEnv world;
  const auto env = std::make_shared<JobEnv>(world, "rides");
  env->warn("slow", {{"step", "a"}});
  env->info("job_started", {{"job", "rides"}, {"note", "x"}});
  env->log(LogLevel::debug, "detail", {});
  ASSERT_EQ(world.logs().size(), 3U);
  EXPECT_EQ(world.logs()[0].fields.at(0).first, "job");
  const auto lines = env->lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0].text, EndsWith("warn slow job=rides step=a"));
  EXPECT_THAT(lines[1].text, EndsWith("info job_started job=rides note=x"));
  EXPECT_EQ(env->lines(1).size(), 1U);
  for (int i = 0; i < 600; ++i) env->info("again");
  EXPECT_EQ(env->lines().size(), JobEnv::kKept);
  EXPECT_EQ(env->lines().back().number, 602);
}

TEST(JobEnv, ALongLineIsCutBetweenTwoCharacters) {
  VirtualEnv world;
  const auto env = std::make_shared<JobEnv>(world, "rides");
  for (int shift = 0; shift < 3; ++shift) {
    std::string text(static_cast<size_t>(shift), 'x');
    while (text.size() < 10'000) text += "é";
    env->info("e", {{"text", text}});
    std::string cut = env->lines().back().text;
    ASSERT_THAT(cut, EndsWith("é…"));
    EXPECT_LE(cut.size(), JobEnv::kLongest + 3);
  }
}

// A commit may end after the job, and after the host that ran it.
TEST(JobEnv, BackgroundWorkKeepsIt) {
  VirtualEnv world;
  auto env = std::make_shared<JobEnv>(world, "rides");
  const std::weak_ptr<JobEnv> left = env;
  (void)env->offload([raw = env.get()]() -> Status {
    raw->info("late");
    return {};
  });
  env.reset();
  ASSERT_FALSE(left.expired());
  EXPECT_EQ(world.run_offload(), 1);
  EXPECT_EQ(world.logs("late").size(), 1U);
  EXPECT_TRUE(left.expired());
}

}  // namespace job_env_test
}  // namespace rideflow
