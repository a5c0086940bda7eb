#include "tests/objects/store_worlds.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/virtual_env.h"
#include "objects/directory_store.h"
#include "objects/s3_store.h"
#include "runtime/posix_env.h"
#include "tests/objects/fake_s3.h"
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

class ModelOfS3 : public StoreWorld {
 public:
  ModelOfS3() { EXPECT_TRUE(env_.fs().make_dirs("local").ok()); }
  Env& env() override { return env_; }
  std::shared_ptr<ObjectStore> open() override {
    return std::make_shared<S3Store>(env_, FakeS3::settings(), FakeS3::credentials(), server_);
  }
  std::string local(const std::string& name) override { return "local/" + name; }
  size_t part_bytes() const override { return static_cast<size_t>(FakeS3::settings().part_bytes); }

 private:
  VirtualEnv env_;
  std::shared_ptr<FakeS3> server_ = std::make_shared<FakeS3>(env_);
};

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

class RealS3 : public StoreWorld {
 public:
  RealS3() : prefix_(std::to_string(env_.random())) {
    EXPECT_TRUE(env_.fs().make_dirs(temp_ / "local").ok());
  }
  Env& env() override { return env_; }
  std::shared_ptr<ObjectStore> open() override {
    S3Settings settings = *real_s3(prefix_);
    settings.part_bytes = static_cast<int64_t>(part_bytes());
    settings.list_page = 10;
    return open_s3_store(env_, settings, real_s3_credentials());
  }
  std::string local(const std::string& name) override { return temp_ / ("local/" + name); }
  size_t part_bytes() const override { return size_t{5} << 20; }  // S3 takes no smaller ones

 private:
  TempDir temp_;
  PosixEnv env_;
  const std::string prefix_;
};

template <class World>
StoreKind kind(const std::string& name) {
  return {name, [] { return std::make_unique<World>(); }};
}

}  // namespace

std::optional<S3Settings> real_s3(const std::string& prefix) {
  const auto url = variable("RIDEFLOW_S3_URL");
  if (!url) return std::nullopt;
  auto settings = s3_settings(*url, variable);
  EXPECT_TRUE(settings.ok()) << settings.status().to_string();
  if (!settings.ok()) return std::nullopt;
  settings->prefix = prefix;
  return *settings;
}

S3CredentialSource real_s3_credentials() {
  return [] {
    return S3Credentials{variable("AWS_ACCESS_KEY_ID").value_or(""),
                         variable("AWS_SECRET_ACCESS_KEY").value_or(""), ""};
  };
}

std::vector<StoreKind> store_kinds() {
  std::vector<StoreKind> kinds = {kind<VirtualDirectory>("VirtualDirectory"),
                                  kind<RealDirectory>("RealDirectory"), kind<ModelOfS3>("ModelOfS3")};
  if (real_s3("")) kinds.push_back(kind<RealS3>("RealS3"));
  return kinds;
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
