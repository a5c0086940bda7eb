#include "engine/virtual_env.h"

#include <gtest/gtest.h>

namespace rideflow {
namespace virtual_env_test {

using Crash = VirtualFs::Crash;

std::string content(FileSystem& fs, const std::string& path) {
  auto bytes = read_file(fs, path);
  return bytes.ok() ? *bytes : "(" + std::string(to_string(bytes.status().code())) + ")";
}

std::unique_ptr<WritableFile> create(FileSystem& fs, const std::string& path) {
  auto file = fs.create(path);
  RF_CHECK(file.ok());
  return *std::move(file);
}

TEST(VirtualFsCrash, ForgetsBytesThatWereNotSynced) {
  VirtualFs fs(1, [] { return Micros{0}; });
  auto file = create(fs, "a");
  ASSERT_TRUE(fs.sync_dir(".").ok());
  ASSERT_TRUE(file->append("kept").ok());
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(file->append(" lost").ok());
  fs.crash(Crash::lose_unsynced);
  EXPECT_EQ(content(fs, "a"), "kept");
  EXPECT_EQ(file->append("x").code(), Code::unavailable) << "opened before the crash";
}

TEST(VirtualFsCrash, ForgetsNamesWhoseDirectoryWasNotSynced) {
  VirtualFs fs(1, [] { return Micros{0}; });
  ASSERT_TRUE(fs.make_dirs("d").ok());
  auto file = create(fs, "d/new");
  ASSERT_TRUE(file->append("x").ok());
  ASSERT_TRUE(file->sync().ok());
  fs.crash(Crash::lose_unsynced);
  EXPECT_EQ(content(fs, "d/new"), "(not_found)");
  EXPECT_TRUE(fs.list("d").ok()) << "make_dirs is durable";
}

TEST(VirtualFsCrash, ForgetsRenamesRemovesAndLinksThatWereNotSynced) {
  VirtualFs fs(1, [] { return Micros{0}; });
  for (const std::string name : {"a", "b", "c"}) {
    auto file = create(fs, name);
    ASSERT_TRUE(file->append(name).ok());
    ASSERT_TRUE(file->sync().ok());
  }
  ASSERT_TRUE(fs.sync_dir(".").ok());
  ASSERT_TRUE(fs.rename("a", "b").ok());
  ASSERT_TRUE(fs.remove("c").ok());
  ASSERT_TRUE(fs.link("b", "d").ok());
  fs.crash(Crash::lose_unsynced);
  EXPECT_EQ(content(fs, "a") + content(fs, "b") + content(fs, "c") + content(fs, "d"), "abc(not_found)");

  ASSERT_TRUE(fs.rename("a", "b").ok());
  ASSERT_TRUE(fs.remove("c").ok());
  ASSERT_TRUE(fs.link("b", "d").ok());
  ASSERT_TRUE(fs.sync_dir(".").ok());
  fs.crash(Crash::lose_unsynced);
  EXPECT_EQ(content(fs, "a") + content(fs, "b") + content(fs, "c") + content(fs, "d"),
            "(not_found)a(not_found)a");
}

TEST(VirtualFsCrash, AProcessThatDiesLosesNothing) {
  VirtualFs fs(1, [] { return Micros{0}; });
  auto file = create(fs, "a");
  ASSERT_TRUE(file->append("x").ok());
  fs.crash(Crash::keep_all);
  EXPECT_EQ(content(fs, "a"), "x");
}

TEST(VirtualFsCrash, LosesSomePrefixesBySeed) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    VirtualFs fs(seed, [] { return Micros{0}; });
    auto file = create(fs, "a");
    ASSERT_TRUE(file->append("01").ok());
    ASSERT_TRUE(file->sync().ok());
    ASSERT_TRUE(file->append("23").ok());
    ASSERT_TRUE(fs.rename("a", "b").ok());
    fs.crash(Crash::lose_some);
    seen.insert(content(fs, "a") + content(fs, "b"));
  }
  const std::string none = "(not_found)";
  EXPECT_TRUE(seen.contains(none + none));
  EXPECT_TRUE(seen.contains("01" + none)) << "created, not renamed";
  EXPECT_TRUE(seen.contains(none + "01"));
  EXPECT_TRUE(seen.contains(none + "0123"));
  EXPECT_TRUE(seen.contains(none + std::string("01\0\0", 4))) << "zeros instead of the last bytes";
  for (const std::string& one : seen) {
    EXPECT_FALSE(one.size() > none.size() + 4 && one.find(none) == std::string::npos) << "two names: " << one;
  }
}

TEST(VirtualFsFaults, TheNthCallFailsOnce) {
  VirtualFs fs(1, [] { return Micros{0}; });
  fs.fail(2, Status::external(Code::resource_exhausted, "disk full"));
  auto file = create(fs, "a");
  const Status status = file->append("0123456789");
  EXPECT_EQ(status.code(), Code::resource_exhausted);
  EXPECT_EQ(status.to_string(), "append of 'a': disk full");
  EXPECT_LT(file->size(), 10) << "a short write";
  EXPECT_TRUE(file->append("x").ok());
}

TEST(VirtualFsFaults, AFailedSyncIsFinalAndLaterOnesLie) {
  VirtualFs fs(1, [] { return Micros{0}; });
  auto file = create(fs, "a");
  ASSERT_TRUE(fs.sync_dir(".").ok());
  ASSERT_TRUE(file->append("x").ok());
  fs.fail(1, Status::external(Code::unavailable, "EIO"));
  EXPECT_FALSE(file->sync().ok());
  EXPECT_EQ(file->sync().code(), Code::data_loss) << "must not be used";
  auto again = fs.append("a");
  EXPECT_TRUE((*again)->sync().ok()) << "another descriptor is told that all is well";
  ASSERT_TRUE((*again)->append("y").ok());
  ASSERT_TRUE((*again)->sync().ok());
  EXPECT_EQ(content(fs, "a"), "xy") << "until the power goes";
  fs.crash(Crash::lose_unsynced);
  EXPECT_EQ(content(fs, "a"), std::string("\0y", 2));
}

TEST(VirtualFsFaults, ADeadMachineStaysDeadUntilTheCrash) {
  VirtualFs fs(1, [] { return Micros{0}; });
  auto file = create(fs, "a");
  fs.die(2);
  EXPECT_TRUE(file->append("x").ok());
  EXPECT_FALSE(file->sync().ok());
  EXPECT_TRUE(fs.dead());
  const int64_t size = file->size();
  EXPECT_FALSE(file->append("y").ok());
  EXPECT_EQ(file->size(), size) << "nothing is written by the dead";
  EXPECT_FALSE(fs.list(".").ok());
  fs.crash(Crash::keep_all);
  EXPECT_TRUE(fs.list(".").ok());
}

TEST(VirtualFsFaults, CallsAreCounted) {
  VirtualFs fs(1, [] { return Micros{0}; });
  const int64_t before = fs.calls();
  ASSERT_TRUE(write_file_atomic(fs, "m", "x").ok());
  EXPECT_EQ(fs.calls() - before, 5) << "create, append, sync, rename, sync_dir";
}

// The exhaustive loop that stores are tested with, on the smallest of them.
TEST(VirtualFsFaults, AtomicFileWriteHasOldOrNewContentWhereverItDies) {
  for (int64_t n = 1; n <= 6; ++n) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      VirtualFs fs(seed, [] { return Micros{0}; });
      ASSERT_TRUE(write_file_atomic(fs, "m", "old").ok());
      fs.die(n);
      const bool ok = write_file_atomic(fs, "m", "new").ok();
      fs.crash(seed % 2 == 0 ? Crash::lose_unsynced : Crash::lose_some);
      const std::string now = content(fs, "m");
      EXPECT_TRUE(!ok || now == "new") << now;
      EXPECT_TRUE(now == "old" || now == "new") << "n " << n << " seed " << seed << ": " << now;
    }
  }
}

TEST(VirtualEnvTest, TimeMovesOnlyWhenTold) {
  VirtualEnv env;
  EXPECT_EQ(env.now(), VirtualEnv::kStart);
  env.advance(5);
  EXPECT_EQ(env.now(), VirtualEnv::kStart + 5);
  EXPECT_EQ(env.monotonic(), 5);
  env.jump_wall_clock(-100);
  EXPECT_EQ(env.now(), VirtualEnv::kStart - 95);
  EXPECT_EQ(env.monotonic(), 5);
}

TEST(VirtualEnvTest, RandomnessComesFromTheSeed) {
  VirtualEnv a(7);
  VirtualEnv b(7);
  VirtualEnv c(8);
  const uint64_t first = a.random();
  EXPECT_EQ(first, b.random());
  EXPECT_NE(first, c.random());
}

TEST(VirtualEnvTest, OffloadRunsWhenSteppedAndSurvivesItsCompletion) {
  VirtualEnv env;
  int ran = 0;
  auto first = env.offload([&] {
    ++ran;
    return Status::external(Code::unavailable, "no");
  });
  (void)env.offload([&] {
    ran += 10;
    return Status();
  });
  EXPECT_FALSE(first->done());
  EXPECT_EQ(env.waiting_offload(), 2U);
  EXPECT_TRUE(env.step_offload());
  EXPECT_TRUE(first->done());
  EXPECT_EQ(first->status().code(), Code::unavailable);
  EXPECT_EQ(env.run_offload(), 1);
  EXPECT_EQ(ran, 11) << "a dropped completion still runs";
  env.set_auto_offload(true);
  EXPECT_TRUE(env.offload([] { return Status(); })->done());
}

TEST(VirtualEnvTest, LogsAreKept) {
  VirtualEnv env;
  env.info("started");
  env.warn("slow", {{"task", "3"}, {"ms", "12"}});
  ASSERT_EQ(env.logs().size(), 2U);
  EXPECT_EQ(to_string(env.logs("slow")[0]), "warn slow task=3 ms=12");
  EXPECT_EQ(env.logs("slow")[0].field("ms"), "12");
}

TEST(VirtualEnvTest, KillPointsTakeTheDiskAway) {
  VirtualEnv env;
  env.kill_point("p");
  env.kill_at("p", 2);
  env.kill_point("p");
  EXPECT_FALSE(env.fs().dead());
  env.kill_point("p");
  EXPECT_TRUE(env.fs().dead());
  EXPECT_EQ(env.kill_points()["p"], 3);
}

}  // namespace virtual_env_test
}  // namespace rideflow
