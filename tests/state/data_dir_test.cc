#include "state/data_dir.h"

#include <gtest/gtest.h>

#include "engine/virtual_env.h"

namespace rideflow {
namespace data_dir_test {

TEST(DataDirTest, BelongsToOneProcessThatSaysWhereItListens) {
  VirtualEnv env;
  EXPECT_EQ(*DataDir::owner(env, ".rideflow"), std::nullopt);
  auto dir = DataDir::open(env, ".rideflow", 4711);
  ASSERT_TRUE(dir.ok()) << dir.status().to_string();
  ASSERT_TRUE((*dir)->set_address("127.0.0.1:8082").ok());

  const Status status = DataDir::open(env, ".rideflow", 5).status();
  EXPECT_EQ(status.code(), Code::failed_precondition);
  EXPECT_NE(status.message().find("process 4711, which listens on 127.0.0.1:8082"), std::string::npos)
      << status.message();
  auto owner = *DataDir::owner(env, ".rideflow");
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->pid, 4711);
  EXPECT_EQ(owner->address, "127.0.0.1:8082");

  dir->reset();
  EXPECT_EQ(*DataDir::owner(env, ".rideflow"), std::nullopt) << "the file alone means nothing";
  EXPECT_TRUE(DataDir::open(env, ".rideflow", 5).ok());
}

TEST(DataDirTest, TheLockDiesWithItsProcess) {
  VirtualEnv env;
  auto dir = DataDir::open(env, "d", 1);
  env.fs().crash(VirtualFs::Crash::keep_all);
  EXPECT_EQ(*DataDir::owner(env, "d"), std::nullopt);
  EXPECT_TRUE(DataDir::open(env, "d", 2).ok());
}

TEST(DataDirTest, ANewerFormatIsRefusedByName) {
  VirtualEnv env;
  ASSERT_TRUE(DataDir::open(env, "d", 1).ok());
  EXPECT_EQ(env.fs().content("d/FORMAT"), "rideflow-data 1\n");
  env.fs().set_content("d/FORMAT", "rideflow-data 2\n");
  Status status = DataDir::open(env, "d", 1).status();
  EXPECT_EQ(status.code(), Code::failed_precondition);
  EXPECT_NE(status.message().find("has format 2"), std::string::npos) << status.message();
  env.fs().set_content("d/FORMAT", "something else");
  status = DataDir::open(env, "d", 1).status();
  EXPECT_NE(status.message().find("is not a data directory"), std::string::npos) << status.message();
}

TEST(DataDirTest, NamesThePlacesInIt) {
  VirtualEnv env;
  auto dir = *DataDir::open(env, "d", 1);
  EXPECT_EQ(dir->topics(), "d/topics");
  EXPECT_EQ(dir->rollups(), "d/rollups");
  EXPECT_EQ(dir->checkpoints("j"), "d/jobs/j/checkpoints");
  EXPECT_EQ(dir->state("j"), "d/jobs/j/state");
}

}  // namespace data_dir_test
}  // namespace rideflow
