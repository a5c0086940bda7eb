// Submitted jobs on a disk that tears, forgets and lies.
#include "runtime/job_registry.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/virtual_env.h"

namespace rideflow {
namespace job_registry_test {

using testing::HasSubstr;

RegisteredJob job_of(const std::string& name, int versions) {
  RegisteredJob job;
  job.name = name;
  for (int i = 0; i < versions; ++i) {
    JobVersion version;
    version.text = "job: " + name + "\n# " + std::to_string(i);
    version.variables = {{"A", "1"}, {"B", std::to_string(i)}};
    version.parallelism = 2;
    version.drop_state = {"x", "y"};
    version.drop_before = Epoch(i);
    job.add(std::move(version));
  }
  return job;
}

TEST(JobRegistry, AJobComesBackAsItWas) {
  RegisteredJob job = job_of("a", 3);
  job.wanted = WantedState::stopped;
  job.current = 2;
  job.revision = 7;
  const auto again = decode_job(encode_job(job));
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(again->name, "a");
  EXPECT_EQ(again->revision, 7);
  EXPECT_EQ(again->wanted, WantedState::stopped);
  EXPECT_EQ(again->current, 2);
  EXPECT_EQ(again->newest, 3);
  ASSERT_EQ(again->versions.size(), 3U);
  EXPECT_TRUE(again->versions[1].same_as(job.versions[1]));
  EXPECT_EQ(again->versions[1].number, 2);
  EXPECT_EQ(again->versions[1].drop_state, job.versions[1].drop_state);
  EXPECT_EQ(again->versions[1].drop_before, Epoch(1));
}

TEST(JobRegistry, TheNewestTwentyVersionsAreKept) {
  const RegisteredJob job = job_of("a", 25);
  ASSERT_EQ(job.versions.size(), 20U);
  EXPECT_EQ(job.versions.front().number, 6);
  EXPECT_EQ(job.current, 25);
  EXPECT_NE(job.find(25), nullptr);
}

TEST(JobRegistry, EveryFlippedByteAndEveryCutIsFound) {
  const std::string bytes = encode_job(job_of("a", 1));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    EXPECT_FALSE(decode_job(bad).ok()) << "byte " << i;
    EXPECT_FALSE(decode_job(std::string_view(bytes).substr(0, i)).ok()) << "cut at " << i;
  }
}

TEST(JobRegistry, OfTwoChangesOfOneRevisionTheSecondIsTold) {
  VirtualEnv env(1);
  const auto registry = file_registry(env, "data/jobs");
  RegisteredJob job = job_of("a", 1);
  ASSERT_EQ(*registry->put(job), 1);
  EXPECT_EQ(registry->put(job).status().code(), Code::aborted);
  job.revision = 1;
  EXPECT_EQ(*registry->put(job), 2);
  ASSERT_TRUE(registry->remove("a").ok());
  EXPECT_TRUE(registry->remove("a").ok());
  EXPECT_TRUE(registry->list()->jobs.empty());
}

TEST(JobRegistry, ADamagedJobLeavesTheOthersAlone) {
  VirtualEnv env(1);
  const auto registry = file_registry(env, "data/jobs");
  EXPECT_TRUE(registry->list()->jobs.empty());  // no directory yet
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(registry->put(job_of(name, 1)).ok());
  ASSERT_TRUE(env.fs().make_dirs("data/jobs/of_run/checkpoints").ok());
  ASSERT_TRUE(write_file_atomic(env.fs(), "data/jobs/b/JOB", "rideflow-job 1 nonsense\n").ok());
  const auto listing = registry->list();
  ASSERT_TRUE(listing.ok());
  ASSERT_EQ(listing->jobs.size(), 2U);
  EXPECT_EQ(listing->jobs[1].name, "c");
  ASSERT_EQ(listing->damaged.size(), 1U);
  EXPECT_EQ(listing->damaged[0].first, "b");
  EXPECT_THAT(listing->damaged[0].second.to_string(), HasSubstr("data/jobs/b/JOB"));
  EXPECT_FALSE(registry->put(job_of("b", 1)).ok()) << "nothing is written over what can't be read";
}

// Whatever call fails or is the last one before the power goes: the old entry or the new one is there, and
// what was answered stays.
TEST(JobRegistry, NoFailureLosesWhatWasAnswered) {
  for (const bool dies : {false, true}) {
    for (int64_t n = 1, calls = n; n <= calls; ++n) {
      SCOPED_TRACE(fmt::format("{} at call {}", dies ? "death" : "failure", n));
      VirtualEnv env(static_cast<uint64_t>(n));
      RegisteredJob job = job_of("a", 1);
      ASSERT_TRUE(file_registry(env, "data/jobs")->put(job).ok());
      job.revision = 1;
      job.add(job.versions[0]);
      const int64_t before = env.fs().calls();
      if (dies) {
        env.fs().die(n);
      } else {
        env.fs().fail(n, Status::external(Code::unavailable, "EIO"));
      }
      const bool answered = file_registry(env, "data/jobs")->put(job).ok();
      calls = env.fs().calls() - before;
      env.fs().fail(0, {});
      env.fs().crash(VirtualFs::Crash::lose_some);
      const auto listing = file_registry(env, "data/jobs")->list();
      ASSERT_TRUE(listing.ok()) << listing.status().to_string();
      EXPECT_TRUE(listing->damaged.empty());
      ASSERT_EQ(listing->jobs.size(), 1U);
      EXPECT_TRUE(!answered || listing->jobs[0].current == 2);
    }
  }
}

}  // namespace job_registry_test
}  // namespace rideflow
