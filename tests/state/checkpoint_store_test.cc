// The store of checkpoints under faults: whatever call fails and wherever the machine dies, the newest
// published checkpoint is there and whole, and no file is left that nobody names.
#include "state/checkpoint_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "engine/virtual_env.h"
#include "tests/state/state_test_util.h"
#include "tests/support/damage.h"

namespace rideflow {
namespace checkpoint_store_test {

using Crash = VirtualFs::Crash;

// Stands for RocksDB: files that a task would hand over, some shared with the epoch before.
class FakeTask {
 public:
  explicit FakeTask(VirtualEnv& env) : env_(env) {}

  Status make(const std::string& name, const std::string& content) {
    RF_TRY(env_.fs().make_dirs("live"));
    RF_TRY(env_.fs().remove("live/" + name));  // its content may be linked into a checkpoint
    RF_ASSIGN(const auto file, env_.fs().create("live/" + name));
    RF_TRY(file->append(content));
    return file->close();
  }
  // CURRENT anew, and a table more each epoch; the last three tables live.
  Result<std::vector<StateFile>> checkpoint(CheckpointStore& store, int64_t epoch) {
    const std::string table = std::to_string(epoch) + ".sst";
    RF_TRY(make(table, "table " + std::to_string(epoch)));
    RF_ASSIGN(StateFile adopted, store.adopt("live/" + table, table, Epoch(epoch)));
    tables_.push_back(adopted);
    if (tables_.size() > 3) tables_.erase(tables_.begin());
    RF_TRY(make("CURRENT", "current of " + std::to_string(epoch)));
    RF_ASSIGN(StateFile current, store.adopt("live/CURRENT", "CURRENT", Epoch(epoch)));
    std::vector<StateFile> files = tables_;
    files.push_back(current);
    return files;
  }

 private:
  VirtualEnv& env_;
  std::vector<StateFile> tables_;
};

Checkpoint manifest_of(int64_t epoch, const std::vector<StateFile>& files) {
  Checkpoint manifest = test::sample_checkpoint(epoch);
  manifest.tasks.resize(1);
  manifest.tasks[0].files = files;
  return manifest;
}

struct Life {
  int64_t attempted = 0;  // epochs that publish() was called for
  int64_t published = 0;  // the newest that it said ok for
};

// Takes checkpoints up to `last`; what fails is tried once more as the next epoch, as a job would.
Life take_checkpoints(VirtualEnv& env, int64_t first, int64_t last) {
  Life run;
  auto store = CheckpointStore::open(env, "c");
  if (!store.ok()) return run;
  if (!(*store)->load().ok()) return run;
  FakeTask task(env);
  for (int64_t epoch = first; epoch <= last; ++epoch) {
    auto files = task.checkpoint(**store, epoch);
    if (!files.ok()) continue;
    run.attempted = epoch;
    if ((*store)->publish(manifest_of(epoch, *files)).ok()) run.published = epoch;
  }
  return run;
}

// "" when the directory is as it must be after `run`, else what is wrong.
std::string verify(VirtualEnv& env, const Life& run) {
  auto store = CheckpointStore::open(env, "c");
  if (!store.ok()) return store.status().to_string();
  auto loaded = (*store)->load();
  if (!loaded.ok()) return loaded.status().to_string();
  if (!*loaded) return run.published == 0 ? "" : "no checkpoint at all";
  const int64_t epoch = (*loaded)->checkpoint.epoch.value;
  if (epoch < run.published) return "checkpoint " + std::to_string(epoch) + " instead of a newer one";
  if (epoch > run.attempted) return "a checkpoint that nobody published";
  if (!(*loaded)->passed_over.empty()) return "a damaged checkpoint: " + (*loaded)->passed_over[0];
  std::set<std::string> named;
  const auto epochs = (*store)->epochs();
  for (const Epoch kept : *epochs) {
    auto manifest = decode_manifest(
        env.fs().content("c/manifest-" + std::string(16 - std::to_string(kept.value).size(), '0') +
                         std::to_string(kept.value)));
    if (!manifest.ok()) return manifest.status().to_string();
    for (const StateFile& file : manifest->tasks[0].files) named.insert("c/files/" + file.name);
  }
  const auto present = env.fs().files("c/files");
  if (std::set<std::string>(present.begin(), present.end()) != named)
    return "there are " + std::to_string(present.size()) + " files, but " + std::to_string(named.size()) +
           " are named";
  return "";
}

int64_t calls_of_a_run() {
  VirtualEnv env;
  const Life run = take_checkpoints(env, 1, 6);
  EXPECT_EQ(run.published, 6);
  const int64_t calls = env.fs().calls();
  EXPECT_EQ(verify(env, run), "");
  return calls;
}

TEST(CheckpointStoreFaults, EveryCallThatFailsOnce) {
  const int64_t calls = calls_of_a_run();
  EXPECT_GT(calls, 100);
  for (int64_t n = 1; n <= calls; ++n) {
    for (const Crash crash : {Crash::keep_all, Crash::lose_unsynced, Crash::lose_some}) {
      VirtualEnv env(static_cast<uint64_t>(n));
      const Code code = n % 2 == 0 ? Code::unavailable : Code::resource_exhausted;
      env.fs().fail(n, Status::external(code, "injected"));
      const Life run = take_checkpoints(env, 1, 6);
      env.fs().fail(0, {});
      env.fs().crash(crash);
      ASSERT_EQ(verify(env, run), "") << "n " << n << " crash " << static_cast<int>(crash);
    }
  }
}

TEST(CheckpointStoreFaults, DeathAtEveryCallAndAgainInTheNextLife) {
  const int64_t calls = calls_of_a_run();
  for (int64_t n = 1; n <= calls; ++n) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
      VirtualEnv env(seed * 1000 + static_cast<uint64_t>(n));
      env.fs().die(n);
      const Life first = take_checkpoints(env, 1, 6);
      env.fs().crash(static_cast<Crash>(seed % 3));
      ASSERT_EQ(verify(env, first), "") << "n " << n << " seed " << seed;
      env.fs().die(static_cast<int64_t>(env.random() % 60) + 1);
      Life second = take_checkpoints(env, 10, 13);
      env.fs().crash(static_cast<Crash>((seed + 1) % 3));
      second.published = std::max(first.published, second.published);
      second.attempted = std::max(first.attempted, second.attempted);
      ASSERT_EQ(verify(env, second), "") << "n " << n << " seed " << seed << ", second life";
    }
  }
}

// The rig must see the classic hole, or it proves nothing.
TEST(CheckpointStoreFaults, AMachineThatDoesNotSyncDirectoriesIsCaught) {
  VirtualEnv env;
  env.fs().ignore_dir_syncs(true);
  const Life run = take_checkpoints(env, 1, 3);
  EXPECT_EQ(run.published, 3);
  env.fs().crash(Crash::lose_unsynced);
  EXPECT_NE(verify(env, run), "");
}

class CheckpointStoreTest : public testing::Test {
 protected:
  CheckpointStoreTest() {
    EXPECT_EQ(take_checkpoints(env_, 1, 5).published, 5);
    store_ = *CheckpointStore::open(env_, "c");
  }
  std::vector<int64_t> epochs() {
    std::vector<int64_t> values;
    const auto found = store_->epochs();
    for (const Epoch epoch : *found) values.push_back(epoch.value);
    return values;
  }
  static std::string path(int64_t epoch) { return "c/manifest-000000000000000" + std::to_string(epoch); }
  void damage(int64_t epoch) {
    std::string bytes = env_.fs().content(path(epoch));
    bytes[bytes.size() / 2] ^= 1;
    env_.fs().set_content(path(epoch), bytes);
  }

  VirtualEnv env_;
  std::shared_ptr<CheckpointStore> store_;
};

TEST_F(CheckpointStoreTest, TheLastThreeAreKept) {
  EXPECT_THAT(epochs(), testing::ElementsAre(3, 4, 5));
  auto loaded = store_->load();
  ASSERT_TRUE(loaded.ok() && *loaded);
  EXPECT_EQ((*loaded)->checkpoint.epoch, Epoch(5));
  EXPECT_EQ((*loaded)->checkpoint.tasks[0].prepared[0].handle, "handle 0");
}

TEST_F(CheckpointStoreTest, ADamagedOneIsSetAsideWithItsReasonAndNeverComesBack) {
  damage(5);
  auto loaded = store_->load();
  ASSERT_TRUE(loaded.ok() && *loaded) << loaded.status().to_string();
  EXPECT_EQ((*loaded)->checkpoint.epoch, Epoch(4));
  ASSERT_EQ((*loaded)->passed_over.size(), 1U);
  EXPECT_NE((*loaded)->passed_over[0].find("checkpoint 5:"), std::string::npos);
  EXPECT_NE((*loaded)->passed_over[0].find("manifest-0000000000000005"), std::string::npos);
  EXPECT_EQ(env_.logs("checkpoint_damaged").size(), 1U);
  EXPECT_THAT(epochs(), testing::ElementsAre(3, 4, 5)) << "nothing is changed before the job goes on from it";
  ASSERT_TRUE(store_->settle().ok());
  env_.fs().crash(Crash::lose_unsynced);
  EXPECT_THAT(epochs(), testing::ElementsAre(3, 4));
  EXPECT_TRUE(env_.fs().stat("c/damaged-0000000000000005").ok());
}

TEST_F(CheckpointStoreTest, ADiskThatStumblesOnceCostsNoCheckpoint) {
  ASSERT_TRUE(store_->begin_attempt("l").ok());
  for (int64_t n = 1;; ++n) {
    SCOPED_TRACE("failure at call " + std::to_string(n));
    const int64_t before = env_.fs().calls();
    env_.fs().fail(n, Status::external(Code::unavailable, "Input/output error."));
    {
      auto store = CheckpointStore::open(env_, "c");
      if (store.ok() && (*store)->load().ok() && (*store)->begin_attempt("l").ok()) (void)(*store)->settle();
    }
    const bool reached = env_.fs().calls() - before >= n;
    env_.fs().crash(Crash::lose_unsynced);
    auto loaded = (*CheckpointStore::open(env_, "c"))->load();
    ASSERT_TRUE(loaded.ok() && *loaded) << loaded.status().to_string();
    ASSERT_EQ((*loaded)->checkpoint.epoch, Epoch(5));
    ASSERT_TRUE((*loaded)->passed_over.empty());
    ASSERT_THAT(epochs(), testing::ElementsAre(3, 4, 5));
    if (!reached) break;
  }
}

// An older checkpoint is no wrong answer: sources go back with it, and sinks that published more refuse.
TEST_F(CheckpointStoreTest, EveryFileDamagedGivesAWholeCheckpointOrIsRefusedByName) {
  ASSERT_TRUE(store_->begin_attempt("l").ok());
  const test::Files files = test::read_files(env_.fs(), "c");
  const Checkpoint newest = (*store_->load())->checkpoint;
  test::for_each_damage(env_.fs(), "c", files, 30, [&](const test::Damage& damage) {
    SCOPED_TRACE(damage.file + " " + damage.what);
    auto store = *CheckpointStore::open(env_, "c");
    auto loaded = store->load();
    const Status status = loaded.ok() ? store->begin_attempt("l").status() : loaded.status();
    if (!status.ok()) {
      EXPECT_NE(status.to_string().find(damage.file), std::string::npos) << status.to_string();
      return;
    }
    ASSERT_TRUE(*loaded);
    if ((*loaded)->checkpoint == newest) return;
    const bool told =
        !(*loaded)->passed_over.empty() && (*loaded)->passed_over[0].find(damage.file) != std::string::npos;
    EXPECT_TRUE(told || (damage.deleted && damage.file == path(5)));
    EXPECT_GE((*loaded)->checkpoint.epoch, Epoch(3));  // a file that several name
  });
}

TEST_F(CheckpointStoreTest, ManifestsThatAreAllGoneAreNoFirstStart) {
  for (const int64_t attempts : {1, 2}) {
    VirtualEnv env(1);
    auto store = *CheckpointStore::open(env, "c");
    FakeTask task(env);
    for (int64_t i = 0; i < attempts; ++i) {
      ASSERT_TRUE(store->load().ok());
      const Epoch first = *store->begin_attempt("l");
      ASSERT_TRUE(store->publish(manifest_of(first.value, *task.checkpoint(*store, first.value))).ok());
    }
    for (const std::string& file : env.fs().files("c")) {
      const bool manifest = file.find("/manifest-") != std::string::npos;
      ASSERT_TRUE(!manifest || env.fs().remove(file).ok());
    }
    const auto loaded = store->load();
    EXPECT_EQ(loaded.status().code(), Code::data_loss);
    EXPECT_NE(loaded.status().message().find("'c'"), std::string::npos) << loaded.status().message();
  }
  VirtualEnv env(1);
  auto store = *CheckpointStore::open(env, "c");
  ASSERT_TRUE(store->begin_attempt("l").ok());
  const auto loaded = store->load();
  EXPECT_TRUE(loaded.ok() && !*loaded) << "an attempt that died before its first checkpoint";
}

TEST_F(CheckpointStoreTest, AnAttemptBeginsAboveEveryEpochThatWasUsed) {
  EXPECT_EQ(*store_->begin_attempt("l"), Epoch(6));
  // It may have begun 6 and died; so may the next one.
  EXPECT_EQ(*store_->begin_attempt("l"), Epoch(7));
  env_.fs().crash(Crash::lose_unsynced);
  EXPECT_EQ(*store_->begin_attempt("l"), Epoch(8));
}

TEST_F(CheckpointStoreTest, TheEpochOfADamagedCheckpointDoesNotComeAgain) {
  ASSERT_TRUE(store_->begin_attempt("l").ok());  // published 5, and perhaps began 6
  damage(5);
  auto loaded = store_->load();
  ASSERT_TRUE(loaded.ok() && *loaded);
  ASSERT_EQ((*loaded)->checkpoint.epoch, Epoch(4));
  ASSERT_TRUE(store_->settle().ok());
  EXPECT_EQ(*store_->begin_attempt("l"), Epoch(7));
  EXPECT_EQ(*store_->begin_attempt("another"), Epoch(6)) << "what a lineage used binds that one alone";
}

TEST_F(CheckpointStoreTest, ADamagedAttemptIsNotTakenForAFirstOne) {
  ASSERT_TRUE(store_->begin_attempt("l").ok());
  const std::string good = env_.fs().content("c/ATTEMPT");
  for (size_t n = 0; n < good.size(); ++n) {
    std::string bad = good;
    bad[n] ^= 1;
    for (const std::string& bytes : {bad, good.substr(0, n)}) {
      env_.fs().set_content("c/ATTEMPT", bytes);
      EXPECT_EQ(store_->begin_attempt("l").status().code(), Code::data_loss) << n;
    }
  }
}

TEST_F(CheckpointStoreTest, ARenamedManifestIsNotAnotherEpochs) {
  ASSERT_TRUE(env_.fs().rename(path(4), path(7)).ok());
  auto loaded = store_->load();
  ASSERT_TRUE(loaded.ok() && *loaded);
  EXPECT_EQ((*loaded)->checkpoint.epoch, Epoch(5));
}

TEST_F(CheckpointStoreTest, WhenAllAreDamagedNothingIsTouched) {
  for (const int64_t epoch : {3, 4, 5}) damage(epoch);
  const auto files = env_.fs().files("c");
  const Status status = store_->load().status();
  EXPECT_EQ(status.code(), Code::data_loss);
  EXPECT_NE(status.message().find("checkpoint 3:"), std::string::npos) << status.message();
  EXPECT_EQ(env_.fs().files("c"), files);
}

TEST_F(CheckpointStoreTest, ANewerFormatAndAnErrorOfTheDiskAreNoDamage) {
  const std::string good = env_.fs().content(path(5));
  std::string newer = good;
  newer.replace(0, 23, "rideflow-checkpoint 9 9");
  env_.fs().set_content(path(5), newer);
  EXPECT_EQ(store_->load().status().code(), Code::failed_precondition) << "never passed over";
  env_.fs().set_content(path(5), good);
  env_.fs().fail(3, Status::external(Code::unavailable, "EIO"));
  EXPECT_EQ(store_->load().status().code(), Code::unavailable);
  EXPECT_THAT(epochs(), testing::ElementsAre(3, 4, 5)) << "nothing was set aside";
}

TEST_F(CheckpointStoreTest, ForeignFilesAreLeftAlone) {
  for (const std::string name : {"c/notes.txt", "c/files/readme"}) {
    auto file = env_.fs().create(name);
    ASSERT_TRUE(file.ok());
  }
  ASSERT_TRUE(store_->load().ok());
  EXPECT_TRUE(env_.fs().stat("c/notes.txt").ok());
  EXPECT_TRUE(env_.fs().stat("c/files/readme").ok());
}

TEST_F(CheckpointStoreTest, PublishingRefusesFilesThatAreNotThere) {
  Checkpoint manifest = test::sample_checkpoint(6);
  EXPECT_EQ(store_->publish(manifest).status().code(), Code::not_found);
  EXPECT_THAT(epochs(), testing::ElementsAre(3, 4, 5));
}

TEST_F(CheckpointStoreTest, FilesOfACheckpointUnderWayAreNotSwept) {
  FakeTask task(env_);
  auto next = task.checkpoint(*store_, 6);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(*store_->sweep(Epoch(5)), 0);
  EXPECT_TRUE(store_->publish(manifest_of(6, *next)).ok());
}

}  // namespace checkpoint_store_test
}  // namespace rideflow
