#include "tests/objects/store_worlds.h"

#include <gtest/gtest.h>

#include "engine/virtual_env.h"
#include "objects/directory_store.h"
#include "runtime/posix_env.h"
#include "tests/support/temp_dir.h"

namespace rideflow::test {
namespace {

std::shared_ptr<ObjectStore> opened(Env& env, const std::string& dir) {
  auto store = DirectoryStore::open(env, dir);
  EXPECT_TRUE(store.ok()) << store.status().to_string();
  return store.ok() ? *store : nullptr;
}

class VirtualDirectory : public StoreWorld {
 public:
  VirtualDirectory() { EXPECT_TRUE(env_.fs().make_dirs("local").ok()); }
  Env& env() override { return env_; }
  std::shared_ptr<ObjectStore> open() override { return opened(env_, "store"); }
  std::string local(const std::string& name) override { return "local/" + name; }

 private:
  VirtualEnv env_;
};

class RealDirectory : public StoreWorld {
 public:
  RealDirectory() { EXPECT_TRUE(env_.fs().make_dirs(temp_ / "local").ok()); }
  Env& env() override { return env_; }
  std::shared_ptr<ObjectStore> open() override { return opened(env_, temp_ / "store"); }
  std::string local(const std::string& name) override { return temp_ / ("local/" + name); }

 private:
  TempDir temp_;
  PosixEnv env_;
};

template <class World>
StoreKind kind(const std::string& name) {
  return {name, [] { return std::make_unique<World>(); }};
}

}  // namespace

std::vector<StoreKind> store_kinds() {
  return {kind<VirtualDirectory>("VirtualDirectory"), kind<RealDirectory>("RealDirectory")};
}

void write_local(Env& env, const std::string& path, std::string_view bytes) {
  auto file = env.fs().create(path);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  ASSERT_TRUE((*file)->append(bytes).ok());
  ASSERT_TRUE((*file)->sync().ok());
  ASSERT_TRUE((*file)->close().ok());
}

std::string read_local(Env& env, const std::string& path) {
  auto content = read_file(env.fs(), path);
  return content.ok() ? *content : content.status().to_string();
}

}  // namespace rideflow::test
