// A savepoint is whole or none, and so is a job's beginning with it, whatever fails or dies on the way.
#include "state/savepoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "engine/hash.h"
#include "engine/virtual_env.h"
#include "objects/directory_store.h"
#include "tests/state/state_test_util.h"

namespace rideflow {
namespace savepoint_test {

using testing::HasSubstr;
using Crash = VirtualFs::Crash;

constexpr const char* kFiles = "live";

// A savepoint of two tasks with two files each, which stand in kFiles.
Checkpoint make_savepoint(VirtualEnv& env) {
  Checkpoint savepoint = test::sample_checkpoint(7);
  EXPECT_TRUE(env.fs().make_dirs(kFiles).ok());
  for (TaskSnapshot& task : savepoint.tasks) {
    task.files.clear();
    task.prepared.clear();
    for (const char* db_name : {"000012.sst", "CURRENT"}) {
      StateFile file;
      file.name = fmt::format("{:016}-{}-{}", 7, task.task.value, db_name);
      file.db_name = db_name;
      const std::string content = std::string(3000, static_cast<char>('a' + task.task.value)) + db_name;
      file.bytes = static_cast<int64_t>(content.size());
      file.checksum = checksum64(content);
      EXPECT_TRUE(write_file_atomic(env.fs(), join_path(kFiles, file.name), content).ok());
      task.files.push_back(file);
    }
  }
  return savepoint;
}

Status write(VirtualEnv& env, const Checkpoint& savepoint) {
  RF_ASSIGN(const auto store, DirectoryStore::open(env, "kept"));
  return write_savepoint(savepoint, kFiles, *store).status();
}

Status adopt(VirtualEnv& env, const std::string& job = "city_minute") {
  RF_ASSIGN(const auto store, DirectoryStore::open(env, "kept"));
  RF_ASSIGN(const Checkpoint savepoint, read_savepoint(*store));
  RF_ASSIGN(const auto into, CheckpointStore::open(env, "c"));
  return adopt_savepoint(env, savepoint, *store, job, *into);
}

std::optional<Checkpoint> newest(VirtualEnv& env) {
  const auto store = CheckpointStore::open(env, "c");
  EXPECT_TRUE(store.ok()) << store.status().to_string();
  const auto loaded = (*store)->load();
  EXPECT_TRUE(loaded.ok()) << loaded.status().to_string();
  return *loaded ? std::optional<Checkpoint>((*loaded)->checkpoint) : std::nullopt;
}

TEST(Savepoint, ComesBackAsItWas) {
  VirtualEnv env;
  const Checkpoint made = make_savepoint(env);
  ASSERT_TRUE(write(env, made).ok());
  const auto store = DirectoryStore::open(env, "kept");
  const auto read = read_savepoint(**store);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(*read, made);
  EXPECT_EQ(env.fs().content("kept/JOB.yaml"), made.text);
  ASSERT_TRUE(env.fs().remove_tree(kFiles).ok());
  const Status adopted = adopt(env);
  ASSERT_TRUE(adopted.ok()) << adopted.to_string();
  EXPECT_EQ(newest(env), made);
  EXPECT_TRUE(adopt(env).ok()) << "nothing came after it";
}

TEST(Savepoint, NeverReplacesAnother) {
  VirtualEnv env;
  const Checkpoint made = make_savepoint(env);
  ASSERT_TRUE(write(env, made).ok());
  EXPECT_EQ(write(env, made).code(), Code::already_exists);
}

TEST(Savepoint, LeavesAJobFileOfItsOwnersAlone) {
  VirtualEnv env;
  const Checkpoint made = make_savepoint(env);
  ASSERT_TRUE(env.fs().make_dirs("kept").ok());
  ASSERT_TRUE(write_file_atomic(env.fs(), "kept/JOB.yaml", "job: mine\n").ok());
  EXPECT_EQ(write(env, made).code(), Code::already_exists);
  EXPECT_EQ(env.fs().content("kept/JOB.yaml"), "job: mine\n");
}

// The place where it was made may have used the epochs behind it.
TEST(Savepoint, UsesNoEpochThatMayHaveBeenUsedElsewhere) {
  VirtualEnv env;
  const Checkpoint made = make_savepoint(env);
  ASSERT_TRUE(write(env, made).ok());
  ASSERT_TRUE(adopt(env).ok());
  const auto store = CheckpointStore::open(env, "c");
  ASSERT_TRUE((*store)->load().ok());
  EXPECT_GT((*store)->begin_attempt(made.lineage)->value, 1'000'000);
}

// A copy of a directory may be in the page cache only: what is linked is synced.
TEST(Savepoint, FilesThatWereCopiedHereSurviveAPowerCut) {
  VirtualEnv env;
  const Checkpoint made = make_savepoint(env);
  ASSERT_TRUE(write(env, made).ok());
  for (const std::string& path : env.fs().files("kept")) {
    const std::string content = env.fs().content(path);
    ASSERT_TRUE(env.fs().remove(path).ok());
    const auto copy = env.fs().create(path);
    ASSERT_TRUE((*copy)->append(content).ok() && (*copy)->close().ok());
  }
  ASSERT_TRUE(adopt(env).ok());
  env.fs().crash(Crash::lose_unsynced);
  EXPECT_EQ(newest(env), made);
}

TEST(Savepoint, AForkHasALineageOfItsOwn) {
  VirtualEnv env;
  const Checkpoint made = make_savepoint(env);
  ASSERT_TRUE(write(env, made).ok());
  ASSERT_TRUE(adopt(env, "other").ok());
  const auto forked = newest(env);
  ASSERT_TRUE(forked);
  EXPECT_EQ(forked->job, "other");
  EXPECT_NE(forked->lineage, made.lineage);
  EXPECT_EQ(forked->tasks, made.tasks);
  EXPECT_TRUE(adopt(env, "other").ok()) << "a start that died before its first checkpoint";
}

// What may be published already can't be published under another name.
TEST(Savepoint, AForkOfUnpublishedRowsIsRefused) {
  VirtualEnv env;
  Checkpoint made = make_savepoint(env);
  made.tasks[1].prepared = {{"out/sink", Shard(1), Epoch(7), "handle"}};
  ASSERT_TRUE(write(env, made).ok());
  const Status refused = adopt(env, "other");
  EXPECT_EQ(refused.code(), Code::failed_precondition);
  EXPECT_THAT(refused.message(), HasSubstr("'out/sink'"));
  EXPECT_EQ(newest(env), std::nullopt);
  EXPECT_TRUE(adopt(env).ok());
  EXPECT_EQ(newest(env), made);
}

TEST(Savepoint, AJobThatHasGoneOnIsNotTakenBack) {
  VirtualEnv env;
  const Checkpoint made = make_savepoint(env);
  ASSERT_TRUE(write(env, made).ok());
  ASSERT_TRUE(adopt(env).ok());
  Checkpoint later = made;
  later.epoch = Epoch(9);
  for (TaskSnapshot& task : later.tasks) task.epoch = Epoch(9);
  ASSERT_TRUE((*CheckpointStore::open(env, "c"))->publish(later).ok());
  const Status refused = adopt(env);
  EXPECT_EQ(refused.code(), Code::failed_precondition);
  EXPECT_THAT(refused.message(), HasSubstr("the newest is 9"));
  EXPECT_EQ(newest(env), later);
}

TEST(Savepoint, OfADamagedCheckpointThereIsNone) {
  VirtualEnv env;
  const Checkpoint made = make_savepoint(env);
  const std::string file = join_path(kFiles, made.tasks[1].files[0].name);
  std::string content = env.fs().content(file);
  content[17] = '?';
  env.fs().set_content(file, content);
  EXPECT_EQ(write(env, made).code(), Code::data_loss);
  const auto store = DirectoryStore::open(env, "kept");
  EXPECT_EQ(read_savepoint(**store).status().code(), Code::not_found);
}

TEST(Savepoint, ADamagedOneIsRefusedByNameAndBeginsNothing) {
  VirtualEnv whole;
  ASSERT_TRUE(write(whole, make_savepoint(whole)).ok());
  for (const std::string& path : whole.fs().files("kept")) {
    if (path.ends_with("SAVEPOINT.json") || path.ends_with("JOB.yaml")) continue;
    VirtualEnv env;
    ASSERT_TRUE(write(env, make_savepoint(env)).ok());
    std::string content = env.fs().content(path);
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 0x20);
    env.fs().set_content(path, content);
    EXPECT_EQ(adopt(env).code(), Code::data_loss) << path;
    EXPECT_EQ(newest(env), std::nullopt) << path;
  }
}

// Every call of the disk fails once, or is the last one of its process; then the same is done again.
TEST(SavepointFaults, EveryCallOfWriting) {
  VirtualEnv first;
  const Checkpoint made = make_savepoint(first);
  const int64_t before = first.fs().calls();
  ASSERT_TRUE(write(first, made).ok());
  const int64_t calls = first.fs().calls() - before;
  for (int64_t n = 1; n <= calls; ++n) {
    for (const bool dies : {false, true}) {
      VirtualEnv env(static_cast<uint64_t>(n));
      make_savepoint(env);
      dies ? env.fs().die(n) : env.fs().fail(n, Status::external(Code::unavailable, "injected"));
      const Status written = write(env, made);
      env.fs().fail(0, {});
      env.fs().crash(n % 2 == 0 ? Crash::lose_unsynced : Crash::lose_some);
      const Status adopted = adopt(env);
      SCOPED_TRACE(fmt::format("call {} {}: {}", n, dies ? "dies" : "fails", written.to_string()));
      if (written.ok()) {
        ASSERT_TRUE(adopted.ok()) << adopted.to_string();
      }
      ASSERT_TRUE(adopted.ok() || adopted.code() == Code::not_found) << adopted.to_string();
      const Status again = write(env, made);
      ASSERT_TRUE(again.ok() || again.code() == Code::already_exists) << again.to_string();
      ASSERT_TRUE(adopt(env).ok());
      ASSERT_EQ(newest(env), made);
    }
  }
}

TEST(SavepointFaults, EveryCallOfBeginning) {
  VirtualEnv first;
  const Checkpoint made = make_savepoint(first);
  ASSERT_TRUE(write(first, made).ok());
  const int64_t before = first.fs().calls();
  ASSERT_TRUE(adopt(first).ok());
  const int64_t calls = first.fs().calls() - before;
  for (int64_t n = 1; n <= calls; ++n) {
    for (const bool dies : {false, true}) {
      VirtualEnv env(static_cast<uint64_t>(n));
      ASSERT_TRUE(write(env, make_savepoint(env)).ok());
      dies ? env.fs().die(n) : env.fs().fail(n, Status::external(Code::unavailable, "injected"));
      const Status adopted = adopt(env);
      env.fs().fail(0, {});
      env.fs().crash(n % 2 == 0 ? Crash::lose_unsynced : Crash::lose_some);
      SCOPED_TRACE(fmt::format("call {} {}: {}", n, dies ? "dies" : "fails", adopted.to_string()));
      const std::optional<Checkpoint> found = newest(env);
      ASSERT_TRUE(!found || *found == made);
      if (adopted.ok()) {
        ASSERT_TRUE(found);
      }
      ASSERT_TRUE(adopt(env).ok());
      ASSERT_EQ(newest(env), made);
    }
  }
}

}  // namespace savepoint_test
}  // namespace rideflow
