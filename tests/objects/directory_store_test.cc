// The store in a directory under faults: whatever call fails and wherever the machine dies, every name shows
// an object that is whole, what was answered with ok is there, and nothing else is.
#include "objects/directory_store.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/virtual_env.h"
#include "tests/objects/store_worlds.h"

namespace rideflow {
namespace directory_store_test {

using Crash = VirtualFs::Crash;

constexpr const char* kNone = "(nothing)";

// What each name may hold now: one content after a verb that answered ok, the old or the new after an error.
class Expected {
 public:
  void after(const std::string& name, const std::string& content, bool ok) {
    std::set<std::string>& contents = allowed_.try_emplace(name, std::set<std::string>{kNone}).first->second;
    if (ok) contents.clear();
    contents.insert(content);
  }
  void is_there(const std::string& name) { allowed_[name].erase(kNone); }
  // "" when the store is as it must be.
  std::string differs(ObjectStore& store) {
    std::set<std::string> there;
    const auto listed = store.list("");
    if (!listed.ok()) return listed.status().to_string();
    for (const ObjectInfo& info : *listed) there.insert(info.name);
    for (const std::string& name : there) {
      if (!allowed_.contains(name)) return name + " is there, and nobody put it";
    }
    for (const auto& [name, contents] : allowed_) {
      const auto object = store.get(name, 1000);
      if (!object.ok() && object.status().code() != Code::not_found) return object.status().to_string();
      const std::string content = object.ok() ? object->bytes : kNone;
      if (there.contains(name) != object.ok()) return name + " is listed or there, but not both";
      if (!contents.contains(content)) return name + " holds '" + content + "'";
    }
    return "";
  }

 private:
  std::map<std::string, std::set<std::string>> allowed_;
};

Status make_local(VirtualEnv& env, const std::string& path, const std::string& content) {
  RF_TRY(env.fs().remove(path));  // it may be linked into the store
  RF_ASSIGN(const auto file, env.fs().create(path));
  RF_TRY(file->append(content));  // not synced: the store's business
  return file->close();
}

// Every verb that writes, over names that come again.
void run_script(VirtualEnv& env, DirectoryStore& store, Expected& expected) {
  for (int round = 0; round < 2; ++round) {
    const std::string n = std::to_string(round);
    expected.after("put", "put " + n, store.put("put", "put " + n).ok());
    std::vector<LocalFile> files;
    for (const std::string name : {"1", "2"}) {
      if (!make_local(env, "local/" + name, "file " + name + n).ok()) return;
      files.push_back({"local/" + name, "files/" + name});
    }
    if (!make_local(env, "local/log", "log " + n + " and more").ok()) return;
    files.push_back({"local/log", "files/log", 5});
    const bool files_ok = store.put_files(files).ok();
    expected.after("files/log", "log " + n, files_ok);
    for (const std::string name : {"1", "2"}) expected.after("files/" + name, "file " + name + n, files_ok);

    const auto created = store.create_if_absent("pointer", "created");
    const bool lost = created.status().code() == Code::already_exists;
    if (!lost) expected.after("pointer", "created", created.ok());
    if (lost) expected.is_there("pointer");
    const auto now = store.get("pointer", 1000);
    if (now.ok()) {
      const auto set = store.compare_and_set("pointer", now->version, now->bytes + "+");
      expected.after("pointer", now->bytes + "+", set.ok());
    }
    const std::vector<std::string> gone = {"put", "files/1"};
    const bool removed = store.remove_all(gone).ok();
    for (const std::string& name : gone) expected.after(name, kNone, removed);
  }
}

std::shared_ptr<DirectoryStore> open_store(VirtualEnv& env) {
  auto store = DirectoryStore::open(env, "store");
  return store.ok() ? *store : nullptr;
}

// One life of the store; answers what it may hold afterwards.
Expected live(VirtualEnv& env) {
  Expected expected;
  if (!env.fs().make_dirs("local").ok()) return expected;
  const auto store = open_store(env);
  if (store) run_script(env, *store, expected);
  return expected;
}

std::string verify(VirtualEnv& env, Expected& expected) {
  const auto store = open_store(env);
  if (!store) return "it can't be opened";
  if (std::string wrong = expected.differs(*store); !wrong.empty()) return wrong;
  const auto swept = store->sweep_leftovers(0);
  if (!swept.ok()) return swept.status().to_string();
  if (!env.fs().files("store/.incoming").empty()) return "leftovers are left";
  return expected.differs(*store);
}

int64_t calls_of_a_life() {
  VirtualEnv env;
  Expected expected = live(env);
  const int64_t calls = env.fs().calls();
  EXPECT_EQ(verify(env, expected), "");
  return calls;
}

TEST(DirectoryStoreFaults, EveryCallThatFailsOnce) {
  const int64_t calls = calls_of_a_life();
  EXPECT_GT(calls, 100);
  for (int64_t n = 1; n <= calls; ++n) {
    for (const Crash crash : {Crash::keep_all, Crash::lose_unsynced, Crash::lose_some}) {
      VirtualEnv env(static_cast<uint64_t>(n));
      env.fs().fail(n, Status::external(Code::unavailable, "injected"));
      Expected expected = live(env);
      env.fs().fail(0, {});
      env.fs().crash(crash);
      ASSERT_EQ(verify(env, expected), "") << "call " << n << ", crash " << static_cast<int>(crash);
    }
  }
}

TEST(DirectoryStoreFaults, DeathAtEveryCall) {
  const int64_t calls = calls_of_a_life();
  for (int64_t n = 1; n <= calls; ++n) {
    for (uint64_t seed = 0; seed < 9; ++seed) {
      VirtualEnv env(seed * 1000 + static_cast<uint64_t>(n));
      env.fs().die(n);
      Expected expected = live(env);
      env.fs().crash(static_cast<Crash>(seed % 3));
      ASSERT_EQ(verify(env, expected), "") << "call " << n << ", seed " << seed;
    }
  }
}

// The rig must see the classic hole, or it proves nothing.
TEST(DirectoryStoreFaults, AMachineThatDoesNotSyncDirectoriesIsCaught) {
  VirtualEnv env;
  env.fs().ignore_dir_syncs(true);
  Expected expected = live(env);
  env.fs().crash(Crash::lose_unsynced);
  EXPECT_NE(verify(env, expected), "");
}

TEST(DirectoryStore, LeftoversAreSweptByTheirAge) {
  VirtualEnv env;
  const auto store = open_store(env);
  env.fs().fail(5, Status::external(Code::unavailable, "injected"));  // as it is renamed
  EXPECT_FALSE(store->put("a", "old").ok());
  env.fs().die(5);
  EXPECT_FALSE(store->put("a", "old").ok());
  env.fs().crash(Crash::keep_all);
  ASSERT_EQ(env.fs().files("store/.incoming").size(), 1U);
  const auto again = open_store(env);
  env.advance(59 * kMicrosPerSecond);
  EXPECT_EQ(*again->sweep_leftovers(60 * kMicrosPerSecond), 0);
  env.advance(1 * kMicrosPerSecond);
  EXPECT_EQ(*again->sweep_leftovers(60 * kMicrosPerSecond), 1);
}

TEST(DirectoryStore, WhoSetsWhileAnotherProcessDoesIsToldToComeBack) {
  VirtualEnv env;
  const auto store = open_store(env);
  const auto version = store->create_if_absent("pointer", "1");
  {
    const auto lock = env.fs().lock("store/.lock");
    ASSERT_TRUE(lock.ok());
    const auto set = store->compare_and_set("pointer", *version, "2");
    EXPECT_EQ(set.status().code(), Code::unavailable) << set.status().to_string();
    EXPECT_EQ(set.status().retry(), Retry::backoff);
  }
  EXPECT_TRUE(store->compare_and_set("pointer", *version, "2").ok());
}

TEST(DirectoryStore, WhoOnlyReadsWritesNothing) {
  VirtualEnv env;
  EXPECT_TRUE(env.fs().make_dirs("store/files").ok());
  test::write_local(env, "store/files/a", "bytes");
  const auto store = open_store(env);
  EXPECT_EQ(store->list("")->size(), 1U);
  EXPECT_EQ(store->get("files/a", 10)->bytes, "bytes");
  EXPECT_TRUE(store->sum("files/a").ok());
  EXPECT_EQ(*store->sweep_leftovers(0), 0);
  EXPECT_EQ(env.fs().list("store")->size(), 1U) << "no .incoming, no .lock";
}

TEST(DirectoryStore, AFileThatMayNotBeOpenedToBeSyncedIsCopied) {
  VirtualEnv env;
  ASSERT_TRUE(env.fs().make_dirs("local").ok());
  test::write_local(env, "local/a", "bytes");
  const auto store = open_store(env);
  env.fs().fail(4,
                Status::external(Code::permission_denied, "read-only"));  // made, opened, mapped, then this
  const auto sum = store->put_file({"local/a", "a"});
  ASSERT_TRUE(sum.ok()) << sum.status().to_string();
  EXPECT_NE(env.fs().stat("store/a")->inode, env.fs().stat("local/a")->inode);
  EXPECT_EQ(store->get("a", 10)->bytes, "bytes");
}

TEST(DirectoryStore, AFileIsLinkedAndNotCopied) {
  VirtualEnv env;
  ASSERT_TRUE(env.fs().make_dirs("local").ok());
  test::write_local(env, "local/a", "bytes");
  const auto store = open_store(env);
  ASSERT_TRUE(store->put_file({"local/a", "files/a"}).ok());
  ASSERT_TRUE(store->get_file("files/a", "local/b").ok());
  const uint64_t inode = env.fs().stat("local/a")->inode;
  EXPECT_EQ(env.fs().stat("store/files/a")->inode, inode);
  EXPECT_EQ(env.fs().stat("local/b")->inode, inode);
}

}  // namespace directory_store_test
}  // namespace rideflow
