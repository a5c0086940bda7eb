// Checkpoints and keyed state of a job on the real disk: read back by another process, at another
// parallelism, and after a kill -9 at every named point of a checkpoint.
#include "runtime/durable_job_storage.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>

#include "runtime/posix_env.h"
#include "tests/support/cells.h"
#include "tests/support/temp_dir.h"

namespace rideflow {
namespace durable_job_storage_test {

constexpr int32_t kTasks = 2;
constexpr int kKeysPerGroup = 3;
constexpr int32_t kGroups = 8;

// A job reduced to its storage. At epoch e every key k of group g holds "e" when e, g and k say so, so that
// the whole state at an epoch is known.
class TinyJob {
 public:
  // `resumes`: its tasks go on in the stores of the checkpoint instead of writing all cells anew.
  explicit TinyJob(const std::string& dir, bool resumes = false) : resumes_(resumes) {
    PosixEnvOptions options;
    options.log_level = LogLevel::error;
    env_ = std::make_unique<PosixEnv>(options);
    auto storage =
        DurableJobStorage::open(*env_, dir + "/checkpoints", dir + "/state", std::make_shared<RocksShared>());
    RF_CHECK(storage.ok());
    storage_ = *storage;
  }

  static bool changes(int64_t epoch, int32_t group, int key) {
    return (epoch * 7 + group * 3 + key) % 4 == 0 || epoch == 1;
  }
  static int64_t value_at(int64_t epoch, int32_t group, int key) {
    while (!changes(epoch, group, key)) --epoch;
    return epoch;
  }

  // The restored epoch, 0 when there is none. What is wrong with the state goes to `error`.
  int64_t restore(std::string* error) {
    auto loaded = storage_->load();
    if (!loaded.ok()) {
      *error = loaded.status().to_string();
      return 0;
    }
    if (!*loaded) return 0;
    const int64_t epoch = (*loaded)->epoch.value;
    if ((*loaded)->tasks.size() != kTasks || (*loaded)->tasks[1].blobs["source"] != std::to_string(epoch) ||
        (*loaded)->tasks[1].prepared[0].handle != "h" + std::to_string(epoch))
      *error = "the snapshots differ";
    if (resumes_) resume(error);
    int count = 0;
    for (int32_t task = 0; task < kTasks; ++task) count += check_cells(task, epoch, error);
    if (count != kGroups * kKeysPerGroup) *error = fmt::format("{} cells", count);
    storage_->finish_restore();
    return epoch;
  }

  // Takes checkpoints after `epoch` up to `last`.
  Status run(int64_t epoch, int64_t last) {
    if (backends_.empty()) RF_TRY(make_backends());
    bool full = !resumed_;
    for (++epoch; epoch <= last; ++epoch) {
      Checkpoint checkpoint;
      checkpoint.job = "tiny";
      checkpoint.lineage = "l";
      checkpoint.epoch = Epoch(epoch);
      checkpoint.key_groups = kGroups;
      checkpoint.types["step/window"] = "cells of a tiny job";
      for (int32_t i = 0; i < kTasks; ++i) {
        RF_TRY(write(**backends_[static_cast<size_t>(i)]->table("step/window"), i, epoch, full));
        TaskSnapshot snapshot;
        snapshot.task = TaskId(i);
        snapshot.shard = Shard(i);
        snapshot.epoch = Epoch(epoch);
        snapshot.blobs["source"] = std::to_string(epoch);
        PreparedEpoch sink;
        sink.sink = "out";
        sink.shard = Shard(i);
        sink.epoch = Epoch(epoch);
        sink.handle = "h" + std::to_string(epoch);
        snapshot.prepared.push_back(sink);
        RF_ASSIGN(snapshot.files, backends_[static_cast<size_t>(i)]->checkpoint(Epoch(epoch)));
        checkpoint.tasks.push_back(std::move(snapshot));
      }
      full = false;
      RF_TRY(storage_->publish(checkpoint).status());
    }
    return {};
  }

 private:
  Status make_backends() {
    for (int32_t i = 0; i < kTasks; ++i) {
      RF_ASSIGN(auto backend, storage_->backend(TaskId(i)));
      backends_.push_back(std::move(backend));
    }
    return {};
  }
  void resume(std::string* error) {
    std::vector<TaskCells> tasks;
    for (int32_t i = 0; i < kTasks; ++i)
      tasks.push_back({TaskId(i), key_group_range(kGroups, kTasks, i), {"step/window"}});
    const Status made = make_backends();
    const auto resumed = storage_->resume(tasks);
    resumed_ = made.ok() && resumed.ok() && *resumed;
    if (!resumed_) *error = "not resumed: " + resumed.status().to_string();
  }
  // How many cells the task has.
  int check_cells(int32_t task, int64_t epoch, std::string* error) {
    auto cells = storage_->restored_cells(TaskId(task), "step/window");
    if (!cells.ok() || !*cells) {
      *error = "no cells: " + cells.status().to_string();
      return 0;
    }
    int count = 0;
    const KeyGroupRange range = key_group_range(kGroups, kTasks, task);
    const Status scanned = (*cells)->scan(range, [&](const CellKey& key, std::string_view value) {
      ++count;
      const int64_t expected = value_at(epoch, key.group.value, key.key[0] - '0');
      if (value != std::to_string(expected))
        *error = fmt::format("group {} key {} holds {} instead of {} at epoch {}", key.group.value, key.key,
                             value, expected, epoch);
      return Status();
    });
    if (!scanned.ok()) *error = scanned.to_string();
    return count;
  }
  static Status write(StateTable& table, int32_t task, int64_t epoch, bool full) {
    std::vector<test::OwnedChange> sorted;
    const KeyGroupRange range = key_group_range(kGroups, kTasks, task);
    for (int32_t g = range.begin; g < range.end; ++g) {
      for (int k = 0; k < kKeysPerGroup; ++k) {
        if (!full && !changes(epoch, g, k)) continue;
        test::OwnedChange change;
        change.group = KeyGroup(g);
        change.key = std::to_string(k);
        change.value = std::to_string(value_at(epoch, g, k));
        sorted.push_back(std::move(change));
      }
    }
    return test::apply(table, sorted);
  }

  std::unique_ptr<PosixEnv> env_;
  std::shared_ptr<DurableJobStorage> storage_;
  std::vector<std::shared_ptr<TaskStateBackend>> backends_;
  bool resumes_;
  bool resumed_ = false;
};

TEST(DurableJobStorageTest, AFreshProcessReadsBackWhatTheLastOnePublished) {
  test::TempDir temp;
  std::string error;
  {
    TinyJob job(temp.path());
    EXPECT_EQ(job.restore(&error), 0);
    ASSERT_TRUE(job.run(0, 5).ok());
  }
  {
    TinyJob job(temp.path());
    EXPECT_EQ(job.restore(&error), 5);
    ASSERT_TRUE(job.run(5, 9).ok());
  }
  TinyJob job(temp.path());
  EXPECT_EQ(job.restore(&error), 9);
  EXPECT_EQ(error, "");
  EXPECT_TRUE(std::filesystem::is_empty(temp / "state")) << "only checkpoints count";
}

TEST(DurableJobStorageTest, AttemptAfterAttemptGoesOnInTheStoreOfTheCheckpoint) {
  test::TempDir temp;
  std::string error;
  for (int64_t epoch = 0; epoch < 20; epoch += 4) {
    TinyJob job(temp.path(), epoch > 0);
    EXPECT_EQ(job.restore(&error), epoch);
    ASSERT_TRUE(job.run(epoch, epoch + 4).ok());
    ASSERT_EQ(error, "");
  }
}

TEST(DurableJobStorageTest, DamageIsPassedOverAndSaid) {
  test::TempDir temp;
  ASSERT_TRUE(TinyJob(temp.path()).run(0, 4).ok());
  std::filesystem::resize_file(temp / "checkpoints/manifest-0000000000000004", 40);
  PosixEnvOptions quiet;
  quiet.log_level = LogLevel::error;
  PosixEnv env(quiet);
  auto storage =
      *DurableJobStorage::open(env, temp / "checkpoints", temp / "state", std::make_shared<RocksShared>());
  auto loaded = storage->load();
  ASSERT_TRUE(loaded.ok() && *loaded) << loaded.status().to_string();
  EXPECT_EQ((*loaded)->epoch, Epoch(3));
  ASSERT_EQ(storage->passed_over().size(), 1U);
  EXPECT_NE(storage->passed_over()[0].find("manifest-0000000000000004"), std::string::npos);
}

// What the kill test runs in a process of its own: restores, checks, and goes on for five epochs. Exit code 1
// says that the state was not what its epoch says.
TEST(DurableJobStorageTest, ChildOfTheKillTest) {
  const char* dir = ::getenv("RIDEFLOW_TEST_CHILD_DIR");
  if (!dir) return;
  std::string error;
  TinyJob job(dir, true);
  const int64_t epoch = job.restore(&error);
  ASSERT_EQ(error, "");
  const Status status = job.run(epoch, epoch + 5);
  ASSERT_TRUE(status.ok()) << status.to_string();
}

int run_child(const std::string& dir, const std::string& kill_at) {
  const std::string command = fmt::format(
      "RIDEFLOW_TEST_CHILD_DIR='{}' RIDEFLOW_KILL_AT='{}' '{}' --gtest_brief=1 "
      "--gtest_filter=DurableJobStorageTest.ChildOfTheKillTest >/dev/null",
      dir, kill_at, std::filesystem::read_symlink("/proc/self/exe").string());
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(DurableJobStorageTest, KilledAtEveryPointItGoesOnFromAWholeCheckpoint) {
  for (const std::string point : {"state_checkpoint_linked", "state_checkpoint_adopted",
                                  "manifest_before_write", "manifest_after_write"}) {
    test::TempDir temp;
    for (const int pass : {1, 4}) {
      EXPECT_EQ(run_child(temp.path(), fmt::format("{}:{}", point, pass)), 137) << point << " " << pass;
      EXPECT_EQ(run_child(temp.path(), ""), 0) << point << " " << pass << ", the next process";
    }
  }
}

}  // namespace durable_job_storage_test
}  // namespace rideflow
