// A checkpoint that is held for a savepoint.
#include "runtime/savepoints.h"

#include <gtest/gtest.h>

#include "engine/hash.h"
#include "engine/virtual_env.h"
#include "objects/directory_store.h"

namespace rideflow {
namespace savepoints_test {

class HeldCheckpoints : public testing::Test {
 protected:
  HeldCheckpoints() { store_ = *CheckpointStore::open(env_, "c"); }
  Checkpoint publish(int64_t epoch) {
    Checkpoint checkpoint;
    checkpoint.job = "j";
    checkpoint.lineage = "l";
    checkpoint.epoch = Epoch(epoch);
    TaskSnapshot& task = checkpoint.tasks.emplace_back();
    task.epoch = Epoch(epoch);
    task.prepared = {{"out/sink", Shard(0), Epoch(epoch), "handle"}};
    EXPECT_TRUE(write_file_atomic(env_.fs(), "live", "state of " + std::to_string(epoch)).ok());
    task.files = {*store_->adopt("live", "000007.sst", Epoch(epoch))};
    EXPECT_TRUE(store_->publish(checkpoint).ok());
    return checkpoint;
  }
  Result<std::shared_ptr<HeldCheckpoint>> hold(std::optional<Epoch> epoch) {
    return HeldCheckpoint::hold(env_, {"j", "c", "work/" + std::to_string(++holds_)}, epoch);
  }

  VirtualEnv env_;
  std::shared_ptr<CheckpointStore> store_;
  int holds_ = 0;
};

TEST_F(HeldCheckpoints, OutliveTheirRetention) {
  Checkpoint first = publish(1);
  auto held = hold(Epoch(1));
  ASSERT_TRUE(held.ok()) << held.status().to_string();
  for (int64_t epoch = 2; epoch <= 9; ++epoch) publish(epoch);
  ASSERT_EQ(hold(Epoch(1)).status().code(), Code::not_found);
  (*held)->set_published();
  const auto to = *DirectoryStore::open(env_, "kept");
  const Result<int64_t> written = (*held)->write(*to);
  ASSERT_TRUE(written.ok()) << written.status().to_string();
  first.tasks[0].prepared.clear();
  EXPECT_EQ(*read_savepoint(*to), first);
  EXPECT_FALSE(env_.fs().files("work").empty());
  held->reset();
  EXPECT_TRUE(env_.fs().files("work").empty());
}

// At rest: what is damaged is passed over, as a start would.
TEST_F(HeldCheckpoints, TheNewestThatIsWhole) {
  publish(1);
  const Checkpoint second = publish(2);
  env_.fs().set_content(store_->path_of(second.tasks[0].files[0]), "other bytes");
  const auto held = hold(std::nullopt);
  ASSERT_TRUE(held.ok()) << held.status().to_string();
  EXPECT_EQ((*held)->epoch(), Epoch(1));
  EXPECT_EQ(HeldCheckpoint::hold(env_, {"other", "nowhere", "work/two"}, std::nullopt).status().code(),
            Code::not_found);
}

TEST(SavepointPlaces, NamesStayInTheirFolder) {
  VirtualEnv env;
  const auto place = [&](const std::string& to) { return savepoint_place(env, "d/savepoints", "j", to); };
  EXPECT_EQ(*place("one"), "d/savepoints/one");
  EXPECT_EQ(*place("/else/where"), "/else/where");
  EXPECT_EQ(*place(""), "d/savepoints/j-2026-01-01T00-00-00Z");
  for (const char* strange : {".", "..", ".work"})
    EXPECT_EQ(place(strange).status().code(), Code::invalid_argument) << strange;
}

}  // namespace savepoints_test
}  // namespace rideflow
