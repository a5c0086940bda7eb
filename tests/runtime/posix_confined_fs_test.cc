// What jobs may name, and every way around it that we know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "runtime/posix_confined_fs.h"
#include "runtime/posix_fs.h"
#include "tests/support/temp_dir.h"

namespace rideflow {
namespace posix_confined_fs_test {

using testing::HasSubstr;

// Both ways of opening: by openat2, and step by step as on older systems.
class ConfinedFsTest : public testing::TestWithParam<bool> {
 protected:
  ConfinedFsTest() {
    for (const char* dir : {"root", "root/in", "root/data", "root/data/topics", "outside"})
      EXPECT_TRUE(disk_->make_dirs(temp_ / dir).ok());
    put("root/in/a.json", "inside");
    put("root/data/topics/log", "canary");
    put("outside/secret", "canary");
    ConfinedFsOptions options;
    options.roots = {temp_ / "root"};
    options.closed = {temp_ / "root/data/topics"};
    options.step_by_step = GetParam();
    fs_ = *make_confined_fs(options);
  }

  void put(const std::string& name, const std::string& text) {
    EXPECT_TRUE(write_file_atomic(*disk_, temp_ / name, text).ok());
  }
  void link(const std::string& target, const std::string& name) {
    EXPECT_EQ(::symlink(target.c_str(), (temp_ / name).c_str()), 0);
  }
  std::string read(const std::string& path) {
    const auto text = read_file(*fs_, path);
    return text.ok() ? *text : std::string(to_string(text.status().code())) + ": " + text.status().message();
  }
  void expect_out_of_reach(const std::string& path) {
    EXPECT_THAT(read(path), HasSubstr("permission_denied")) << path;
    EXPECT_EQ(fs_->check(path).code(), Code::permission_denied) << path;
    EXPECT_EQ(fs_->check(path).blame(), Blame::user) << path;
    EXPECT_FALSE(fs_->stat(path).ok()) << path;
    EXPECT_FALSE(fs_->create(path).ok()) << path;
    EXPECT_FALSE(fs_->append(path).ok()) << path;
    EXPECT_FALSE(fs_->make_dirs(path + "/deeper").ok()) << path;
  }
  bool untouched() { return *read_file(*disk_, temp_ / "outside/secret") == "canary"; }

  test::TempDir temp_;
  std::unique_ptr<FileSystem> disk_ = make_posix_fs();
  std::shared_ptr<ConfinedFs> fs_;
};

INSTANTIATE_TEST_SUITE_P(Ways, ConfinedFsTest, testing::Bool(),
                         [](const auto& p) { return p.param ? "StepByStep" : "Openat2"; });

TEST_P(ConfinedFsTest, WhatLiesBeneathIsAsEver) {
  EXPECT_EQ(read(temp_ / "root/in/a.json"), "inside");
  EXPECT_EQ(read(temp_ / "root/in/../in//./a.json"), "inside");
  EXPECT_TRUE(fs_->make_dirs(temp_ / "root/out/deep").ok());
  EXPECT_TRUE(fs_->make_dirs(temp_ / "root/out/deep").ok()) << "again";
  ASSERT_TRUE(write_file_atomic(*fs_, temp_ / "root/out/deep/b", "text").ok());
  EXPECT_EQ(read(temp_ / "root/out/deep/b"), "text");
  const auto entries = fs_->list(temp_ / "root/out");
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_TRUE((*entries)[0].is_dir);
  EXPECT_EQ(fs_->stat(temp_ / "root/in/a.json")->size, 6);
  EXPECT_TRUE(fs_->remove(temp_ / "root/out/deep/b").ok());
  EXPECT_EQ(fs_->stat(temp_ / "root/out/deep/b").status().code(), Code::not_found);
  EXPECT_TRUE(fs_->list(temp_ / "root").ok()) << "the root itself";
  EXPECT_TRUE(fs_->check(temp_ / "root/not/there/yet").ok());
}

TEST_P(ConfinedFsTest, AbsolutePathsAndParentsLeadNowhere) {
  for (const std::string& path :
       {temp_ / "outside/secret", temp_ / "root/../outside/secret", temp_ / "root/in/../../outside/secret",
        std::string("/etc/passwd"), std::string("../secret"), temp_ / "rootless",
        std::string("/proc/self/environ")}) {
    expect_out_of_reach(path);
  }
  EXPECT_THAT(fs_->check("/etc/passwd").message(), HasSubstr("--file-root"));
  EXPECT_TRUE(untouched());
}

TEST_P(ConfinedFsTest, LinksOutLeadNowhere) {
  link(temp_ / "outside/secret", "root/absolute");
  link("../outside/secret", "root/relative");
  link(temp_ / "outside", "root/dir");
  link("../outside", "root/relative_dir");
  link("/proc/self/cwd", "root/magic");
  for (const char* name : {"root/absolute", "root/relative", "root/dir/secret", "root/relative_dir/secret",
                           "root/magic/docs", "root/dir/new", "root/relative_dir/new"}) {
    expect_out_of_reach(temp_ / name);
  }
  EXPECT_FALSE(fs_->list(temp_ / "root/dir").ok());
  EXPECT_FALSE(fs_->rename(temp_ / "root/in/a.json", temp_ / "root/dir/new").ok());
  EXPECT_FALSE(fs_->rename(temp_ / "root/in/a.json", temp_ / "outside/new").ok());
  EXPECT_FALSE(fs_->rename(temp_ / "root/dir/secret", temp_ / "root/in/b.json").ok());
  EXPECT_FALSE(fs_->remove(temp_ / "root/dir/secret").ok());
  EXPECT_TRUE(untouched());
  EXPECT_FALSE(disk_->stat(temp_ / "outside/new").ok());
  const auto entries = fs_->list(temp_ / "root");
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(entries->size(), 2U) << "links out are not even listed";
}

TEST_P(ConfinedFsTest, LinksInsideAreFollowedWhereTheSystemLooksAfterThem) {
  link("in/a.json", "root/near");
  if (GetParam()) {
    EXPECT_THAT(read(temp_ / "root/near"), HasSubstr("permission_denied"));
  } else {
    EXPECT_EQ(read(temp_ / "root/near"), "inside");
  }
  EXPECT_FALSE(fs_->create(temp_ / "root/near").ok()) << "never written through";
  EXPECT_EQ(read(temp_ / "root/in/a.json"), "inside");
}

TEST_P(ConfinedFsTest, TheDataDirectorysOwnIsOutOfReach) {
  link("data/topics", "root/topics");
  expect_out_of_reach(temp_ / "root/data/topics/log");
  expect_out_of_reach(temp_ / "root/topics/log");
  EXPECT_EQ(*read_file(*disk_, temp_ / "root/data/topics/log"), "canary");
}

// Somebody swaps a directory for a link and back, as fast as possible, while we read and write through it.
TEST_P(ConfinedFsTest, ALinkThatIsSwappedInLeadsNowhere) {
  std::atomic<bool> over{false};
  ASSERT_TRUE(disk_->make_dirs(temp_ / "root/swap").ok());
  put("root/swap/secret", "inside");
  std::thread swapper([&] {
    link(temp_ / "outside", "root/link");
    while (!over) {
      ::rename((temp_ / "root/swap").c_str(), (temp_ / "root/aside").c_str());
      ::rename((temp_ / "root/link").c_str(), (temp_ / "root/swap").c_str());
      ::rename((temp_ / "root/swap").c_str(), (temp_ / "root/link").c_str());
      ::rename((temp_ / "root/aside").c_str(), (temp_ / "root/swap").c_str());
    }
  });
  int inside = 0;
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto text = read_file(*fs_, temp_ / "root/swap/secret");
    inside += text.ok() && *text == "inside";
    refused += !text.ok();
    ASSERT_FALSE(text.ok() && *text == "canary");
    if (i % 20 == 0) (void)fs_->create(temp_ / "root/swap/made").ok();
  }
  over = true;
  swapper.join();
  EXPECT_GT(inside, 0);
  EXPECT_GT(refused, 0) << "the link was never met: this test sees nothing";
  EXPECT_FALSE(disk_->stat(temp_ / "outside/made").ok());
  EXPECT_TRUE(untouched());
}

TEST_P(ConfinedFsTest, DevicesAndPipesAreNoFiles) {
  ASSERT_EQ(::mkfifo((temp_ / "root/fifo").c_str(), 0600), 0);
  EXPECT_THAT(read(temp_ / "root/fifo"), HasSubstr("a pipe"));
  EXPECT_FALSE(fs_->create(temp_ / "root/fifo").ok());
}

TEST(ConfinedFs, ARootIsADirectoryThatExists) {
  const auto made = make_confined_fs({{"/no/such/directory"}, {}, false});
  EXPECT_EQ(made.status().blame(), Blame::user);
  EXPECT_THAT(made.status().message(), HasSubstr("/no/such/directory"));
}

}  // namespace posix_confined_fs_test
}  // namespace rideflow
