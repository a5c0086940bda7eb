// Checkpoints of real stores: what was applied comes back, at any parallelism, and every damaged byte is
// found.
#include "state/rocks_task_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <filesystem>
#include <fstream>

#include "runtime/posix_env.h"
#include "state/rocks_restored_state.h"
#include "tests/support/cells.h"
#include "tests/support/temp_dir.h"

namespace rideflow {
namespace rocks_task_state_test {

constexpr int32_t kGroups = 16;

class RocksTaskStateTest : public testing::Test {
 protected:
  RocksTaskStateTest() { checkpoints_ = *CheckpointStore::open(env_, temp_ / "checkpoints"); }

  std::shared_ptr<RocksTaskState> task(const std::string& name) {
    auto state = RocksTaskState::open(env_, checkpoints_, shared_, temp_ / ("state-" + name), kGroups);
    EXPECT_TRUE(state.ok()) << state.status().to_string();
    return *state;
  }
  // Keys k0..k<n-1> of these groups, each with `value`.
  static void fill(StateTable& table, KeyGroupRange groups, int n, const std::string& value) {
    std::vector<test::OwnedChange> changes;
    for (int32_t g = groups.begin; g < groups.end; ++g) {
      for (int i = 0; i < n; ++i) {
        test::OwnedChange change;
        change.group = KeyGroup(g);
        change.slice = g;
        change.key = "k" + std::to_string(1000 + i);
        change.value = value;
        changes.push_back(std::move(change));
      }
    }
    const Status status = test::apply(table, changes);
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  static std::vector<StateFile> files_of(RocksTaskState& state, int64_t epoch) {
    auto files = state.checkpoint(Epoch(epoch));
    EXPECT_TRUE(files.ok()) << files.status().to_string();
    return *files;
  }
  static Checkpoint manifest(int64_t epoch, const std::vector<std::vector<StateFile>>& tasks) {
    Checkpoint m;
    m.job = "j";
    m.lineage = "l";
    m.epoch = Epoch(epoch);
    m.key_groups = kGroups;
    for (const auto& files : tasks) {
      TaskSnapshot task;
      task.task = TaskId(static_cast<int32_t>(m.tasks.size()));
      task.epoch = m.epoch;
      task.files = files;
      m.tasks.push_back(std::move(task));
    }
    return m;
  }
  std::unique_ptr<RocksRestoredState> restore(const Checkpoint& m) {
    auto state = RocksRestoredState::open(env_, *checkpoints_, shared_, m, temp_ / "restore");
    EXPECT_TRUE(state.ok()) << state.status().to_string();
    return *std::move(state);
  }
  static std::map<int32_t, int> count(StateTable& table, KeyGroupRange range) {
    std::map<int32_t, int> cells;
    const Status status = table.scan(range, [&](const CellKey& key, std::string_view) {
      ++cells[key.group.value];
      return Status();
    });
    EXPECT_TRUE(status.ok()) << status.to_string();
    return cells;
  }

  // One cell in a group and slice.
  static void put(StateTable& table, int32_t group, int64_t slice) {
    test::OwnedChange change;
    change.group = KeyGroup(group);
    change.slice = slice;
    change.key = "k";
    change.value = "v";
    const Status status = test::apply(table, {change});
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  // What the tables of a checkpoint hold: erased ranges, and all entries.
  struct Entries {
    uint64_t ranges = 0;
    uint64_t all = 0;
  };
  Entries entries_of(const std::vector<StateFile>& files) {
    Entries entries;
    for (const StateFile& file : files) {
      if (!file.db_name.ends_with(".sst")) continue;
      rocksdb::SstFileReader reader{rocksdb::Options()};
      EXPECT_TRUE(reader.Open(temp_ / ("checkpoints/files/" + file.name)).ok());
      entries.ranges += reader.GetTableProperties()->num_range_deletions;
      entries.all += reader.GetTableProperties()->num_entries;
    }
    return entries;
  }

  static PosixEnvOptions quiet() {
    PosixEnvOptions options;
    options.log_level = LogLevel::error;
    return options;
  }

  test::TempDir temp_;
  PosixEnv env_{quiet()};
  std::shared_ptr<RocksShared> shared_ = std::make_shared<RocksShared>();
  std::shared_ptr<CheckpointStore> checkpoints_;
};

TEST_F(RocksTaskStateTest, ThreeTasksAreRestoredByTwo) {
  std::vector<std::vector<StateFile>> files;
  for (int32_t i = 0; i < 3; ++i) {
    auto state = task(std::to_string(i));
    fill(**state->table("w"), key_group_range(kGroups, 3, i), 10, "v");
    fill(**state->table("other"), key_group_range(kGroups, 3, i), 1, "v");
    files.push_back(files_of(*state, 1));
  }
  ASSERT_TRUE(checkpoints_->publish(manifest(1, files)).ok());
  auto loaded = checkpoints_->load();
  ASSERT_TRUE(loaded.ok() && *loaded) << loaded.status().to_string();
  auto restored = restore((*loaded)->checkpoint);
  std::map<int32_t, int> all;
  for (int32_t i = 0; i < 2; ++i) {
    const KeyGroupRange range = key_group_range(kGroups, 2, i);
    for (const auto& [group, cells] : count(*restored->cells("w"), range)) {
      EXPECT_TRUE(range.contains(KeyGroup(group)));
      all[group] += cells;
    }
  }
  EXPECT_EQ(all.size(), static_cast<size_t>(kGroups));
  for (const auto& [group, cells] : all) EXPECT_EQ(cells, 10) << group;
  EXPECT_TRUE(count(*restored->cells("none"), {0, kGroups}).empty());
  CellKey key;
  key.group = KeyGroup(3);
  key.slice = 3;
  key.key = "k1004";
  EXPECT_EQ((*restored->cells("w")->get({&key, 1}))[0], "v");
  EXPECT_EQ(test::apply(*restored->cells("w"), {}).code(), Code::internal) << "read-only";
}

TEST_F(RocksTaskStateTest, ACheckpointIsOfItsMomentAndNamesOldFilesAgain) {
  auto state = task("0");
  StateTable& table = **state->table("w");
  fill(table, {0, kGroups}, 500, "first");
  const auto one = files_of(*state, 1);
  ASSERT_TRUE(table.erase_slices({0, 4}, 0, 100).ok());
  fill(table, {8, 9}, 500, "second");
  const auto two = files_of(*state, 2);
  EXPECT_EQ(files_of(*state, 3), two) << "nothing changed";
  std::set<std::string> names;
  for (const StateFile& file : one) names.insert(file.name);
  const auto shared =
      std::count_if(two.begin(), two.end(), [&](const auto& f) { return names.contains(f.name); });
  EXPECT_GE(shared, 1) << "the table of the first checkpoint is named again";

  ASSERT_TRUE(checkpoints_->publish(manifest(1, {one})).ok());
  ASSERT_TRUE(checkpoints_->publish(manifest(2, {two})).ok());
  auto then = restore(manifest(1, {one}));
  EXPECT_EQ(count(*then->cells("w"), {0, kGroups}).size(), 16U);
  then.reset();
  auto now = restore(manifest(2, {two}));
  EXPECT_EQ(count(*now->cells("w"), {0, kGroups}).size(), 12U) << "erased slices stay erased";
}

TEST_F(RocksTaskStateTest, ErasingWhatWasNeverStoredWritesNothing) {
  auto state = task("0");
  StateTable& table = **state->table("w");
  put(table, 3, 7);
  const auto one = files_of(*state, 1);
  for (int64_t slice = 0; slice < 10'000; ++slice) {
    if (slice == 7) continue;
    ASSERT_TRUE(table.erase_slices({0, kGroups}, slice, slice + 1).ok());
  }
  ASSERT_TRUE(table.erase_slices({0, 3}, INT64_MIN, INT64_MAX).ok());
  ASSERT_TRUE(table.erase_slices({4, kGroups}, INT64_MIN, INT64_MAX).ok());
  EXPECT_EQ(files_of(*state, 2), one) << "nothing changed";
  EXPECT_EQ(static_cast<RocksStateTable&>(table).range_deletes(), 0);
  ASSERT_TRUE(table.erase_slices({0, kGroups}, 7, 8).ok());
  EXPECT_EQ(entries_of(files_of(*state, 3)).ranges, 1U);
  EXPECT_TRUE(count(table, {0, kGroups}).empty());
}

TEST_F(RocksTaskStateTest, ErasedNeighboursAreOneRangeOfEachGroup) {
  auto state = task("0");
  StateTable& table = **state->table("w");
  for (int64_t slice = 0; slice < 60; ++slice) put(table, slice % 2 == 0 ? 1 : 5, slice);
  put(table, 9, 0);
  files_of(*state, 1);
  // In no order; slice 30 stays, and 9 is another group's.
  for (int64_t slice = 59; slice >= 0; --slice) {
    if (slice == 30) continue;
    ASSERT_TRUE(table.erase_slices({0, 9}, slice, slice + 1).ok());
  }
  const auto two = files_of(*state, 2);
  EXPECT_EQ(static_cast<RocksStateTable&>(table).range_deletes(), 3)
      << "before and behind slice 30, and group 5";
  EXPECT_LE(entries_of(two).ranges, 3U);
  put(table, 1, 12);  // what comes after the erasing stays
  EXPECT_EQ(count(table, {0, kGroups}), (std::map<int32_t, int>{{1, 2}, {9, 1}}));
  ASSERT_TRUE(checkpoints_->publish(manifest(2, {two})).ok());
  auto restored = restore(manifest(2, {two}));
  EXPECT_EQ(count(*restored->cells("w"), {0, kGroups}), (std::map<int32_t, int>{{1, 1}, {9, 1}}));
}

// The shape of windows: a slice lives through a checkpoint or two and is gone for ever.
TEST_F(RocksTaskStateTest, SlicesThatCameAndWentLeaveNextToNothing) {
  auto state = task("0");
  StateTable& table = **state->table("w");
  std::vector<StateFile> files;
  for (int64_t epoch = 1; epoch <= 40; ++epoch) {
    ASSERT_TRUE(table.erase_slices({0, kGroups}, (epoch - 2) * 50, (epoch - 1) * 50).ok());
    std::vector<test::OwnedChange> changes;
    for (int32_t group : {2, 7}) {
      for (int64_t slice = (epoch - 1) * 50; slice < epoch * 50; ++slice) {
        test::OwnedChange change;
        change.group = KeyGroup(group);
        change.slice = slice;
        change.key = "k";
        change.value = "v";
        changes.push_back(std::move(change));
      }
    }
    ASSERT_TRUE(test::apply(table, changes).ok());
    files = files_of(*state, epoch);
  }
  EXPECT_EQ(static_cast<RocksStateTable&>(table).range_deletes(), 39 * 2);
  EXPECT_LE(entries_of(files).ranges, 39U * 2);
  EXPECT_EQ(count(table, {0, kGroups}), (std::map<int32_t, int>{{2, 50}, {7, 50}}));
}

TEST_F(RocksTaskStateTest, ManyCheckpointsKeepNoFileThatNobodyNames) {
  auto state = task("0");
  StateTable& table = **state->table("w");
  std::set<std::string> last_three;
  std::vector<std::vector<StateFile>> history;
  for (int64_t epoch = 1; epoch <= 12; ++epoch) {
    fill(table, {0, kGroups}, 50, std::to_string(epoch));
    history.push_back(files_of(*state, epoch));
    ASSERT_TRUE(checkpoints_->publish(manifest(epoch, {history.back()})).ok());
  }
  for (size_t i = history.size() - 3; i < history.size(); ++i) {
    for (const StateFile& file : history[i]) last_three.insert(file.name);
  }
  std::set<std::string> present;
  const auto entries = env_.fs().list(temp_ / "checkpoints/files");
  for (const DirEntry& entry : *entries) present.insert(entry.name);
  EXPECT_EQ(present, last_three);
  state.reset();
  EXPECT_FALSE(env_.fs().stat(temp_ / "state-0").ok()) << "the live store goes with its task";
  auto restored = restore(manifest(12, {history.back()}));
  EXPECT_EQ(count(*restored->cells("w"), {0, kGroups}).size(), 16U);
}

TEST_F(RocksTaskStateTest, TwoAttemptsNeverShareAName) {
  std::set<std::string> names;
  size_t files = 0;
  for (const std::string attempt : {"a", "b"}) {
    auto state = task(attempt);
    fill(**state->table("w"), {0, kGroups}, 5, attempt);
    for (const StateFile& file : files_of(*state, 1)) {
      names.insert(file.name);
      ++files;
    }
  }
  EXPECT_EQ(names.size(), files);
}

// Each class of file of a checkpoint: flipped, cut, deleted.
TEST_F(RocksTaskStateTest, EveryKindOfDamageIsFoundAndTheOneBeforeIsTaken) {
  auto state = task("0");
  fill(**state->table("w"), {0, kGroups}, 200, "1");
  const auto one = files_of(*state, 1);
  fill(**state->table("w"), {0, kGroups}, 200, "2");
  const auto two = files_of(*state, 2);
  std::set<std::string> old;
  for (const StateFile& file : one) old.insert(file.name);
  int cases = 0;
  for (const StateFile& file : two) {
    if (old.contains(file.name)) continue;
    for (const std::string how : {"flip", "cut", "delete"}) {
      ++cases;
      test::TempDir copy;
      std::filesystem::copy(temp_ / "checkpoints", copy / "c", std::filesystem::copy_options::recursive);
      auto store = *CheckpointStore::open(env_, copy / "c");
      ASSERT_TRUE(store->publish(manifest(1, {one})).ok());
      ASSERT_TRUE(store->publish(manifest(2, {two})).ok());
      const std::string path = copy / ("c/files/" + file.name);
      if (how == "flip") {
        std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg(file.bytes / 2);
        const char byte = static_cast<char>(stream.get());
        stream.seekp(file.bytes / 2);
        stream.put(static_cast<char>(byte ^ 1));
      } else if (how == "cut") {
        std::filesystem::resize_file(path, static_cast<uintmax_t>(file.bytes - 1));
      } else {
        std::filesystem::remove(path);
      }
      auto loaded = store->load();
      ASSERT_TRUE(loaded.ok() && *loaded) << loaded.status().to_string();
      EXPECT_EQ((*loaded)->checkpoint.epoch, Epoch(1)) << file.db_name << " " << how;
      ASSERT_EQ((*loaded)->passed_over.size(), 1U);
      EXPECT_NE((*loaded)->passed_over[0].find(file.name), std::string::npos) << (*loaded)->passed_over[0];
    }
  }
  EXPECT_GE(cases, 9) << "at least a table, CURRENT and MANIFEST";
}

// ---- Going on in the store of a checkpoint

TEST_F(RocksTaskStateTest, AResumedStoreHoldsItsCellsAndWritesOnlyWhatChanges) {
  std::vector<StateFile> files;
  {
    auto state = task("old");
    fill(**state->table("w"), {0, kGroups}, 50, "v");
    fill(**state->table("other"), {0, kGroups}, 1, "v");
    files = files_of(*state, 1);
    ASSERT_TRUE(checkpoints_->publish(manifest(1, {files})).ok());
  }
  auto state = task("new");
  ASSERT_TRUE(*state->resume(files, {0, kGroups}, {"other", "source", "w"}));
  StateTable& table = **state->table("w");
  EXPECT_EQ(count(table, {0, kGroups}).size(), size_t{kGroups});
  EXPECT_EQ(files_of(*state, 2), files) << "nothing changed: the same files";

  put(table, 3, 77);
  ASSERT_TRUE(table.erase_slices({0, kGroups}, 5, 6).ok());
  const std::vector<StateFile> changed = files_of(*state, 3);
  for (const StateFile& file : files) {
    if (!file.db_name.ends_with(".sst")) continue;
    EXPECT_THAT(changed, testing::Contains(file)) << file.db_name << " was written again";
  }
  ASSERT_TRUE(checkpoints_->publish(manifest(3, {changed})).ok());
  auto cells = count(*restore(manifest(3, {changed}))->cells("w"), {0, kGroups});
  EXPECT_EQ(cells[3], 51);
  EXPECT_EQ(cells.count(5), 0u);
  EXPECT_EQ(cells[4], 50);
  // The files of the checkpoint that it began from are as they were.
  EXPECT_EQ(count(*restore(manifest(1, {files}))->cells("w"), {0, kGroups})[5], 50);
}

TEST_F(RocksTaskStateTest, AStoreOfOtherGroupsOrStepsIsNotResumed) {
  std::vector<StateFile> files;
  {
    auto state = task("old");
    fill(**state->table("w"), {2, 5}, 3, "v");
    fill(**state->table("x"), {4, 5}, 3, "v");
    files = files_of(*state, 1);
    ASSERT_TRUE(checkpoints_->publish(manifest(1, {files})).ok());
  }
  const auto resumes = [&](KeyGroupRange groups, const std::vector<std::string>& steps) {
    auto state = task("new");
    const auto resumed = state->resume(files, groups, steps);
    EXPECT_TRUE(resumed.ok()) << resumed.status().to_string();
    const bool empty = count(**state->table("w"), {0, kGroups}).empty();
    EXPECT_NE(*resumed, empty);
    return *resumed;
  };
  EXPECT_TRUE(resumes({2, 5}, {"w", "x"}));
  EXPECT_TRUE(resumes({0, kGroups}, {"a", "w", "x", "z"}));
  EXPECT_FALSE(resumes({3, 5}, {"w", "x"}));
  EXPECT_FALSE(resumes({2, 4}, {"w", "x"}));
  EXPECT_FALSE(resumes({2, 5}, {"w"})) << "x has cells";
  EXPECT_FALSE(resumes({2, 5}, {"x", "wx"}));
}

TEST_F(RocksTaskStateTest, NothingIsErasedBeforeAResumedStoreWasRead) {
  std::vector<StateFile> files;
  {
    auto state = task("old");
    fill(**state->table("w"), {0, 2}, 3, "v");
    files = files_of(*state, 1);
    ASSERT_TRUE(checkpoints_->publish(manifest(1, {files})).ok());
  }
  auto state = task("new");
  ASSERT_TRUE(*state->resume(files, {0, kGroups}, {"w"}));
  StateTable& table = **state->table("w");
  EXPECT_EQ(table.erase_slices({0, 2}, 0, 1).code(), Code::internal);
  EXPECT_EQ(count(table, {0, 2}).size(), 2u);
  EXPECT_TRUE(table.erase_slices({0, 2}, 0, 1).ok());
  EXPECT_EQ(count(table, {0, 2}).size(), 1u);
}

}  // namespace rocks_task_state_test
}  // namespace rideflow
