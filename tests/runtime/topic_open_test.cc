// Whose topics a command works on: its own directory, or those of the process that owns it.
#include "runtime/topic_open.h"

#include <gtest/gtest.h>

#include "runtime/http_server.h"
#include "runtime/posix_env.h"
#include "state/data_dir.h"
#include "tests/support/temp_dir.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace topic_open_test {

class TopicOpenTest : public testing::Test {
 protected:
  TopicOpenTest() {
    PosixEnvOptions quiet;
    quiet.log_level = LogLevel::error;
    env_ = std::make_unique<PosixEnv>(quiet);
    context_.env = env_.get();
    context_.variable = [this](const std::string& name) {
      return name == "RIDEFLOW_TOKEN" && !token_.empty() ? std::optional(token_) : std::nullopt;
    };
    CommandSpec spec;
    spec.flags = {data_dir_flag()};
    args_ = *parse_args(spec, {"--data-dir", dir_.path()});
  }
  test::TempDir dir_;
  std::unique_ptr<PosixEnv> env_;
  std::string token_;
  CliContext context_;
  ParsedArgs args_;
};

TEST_F(TopicOpenTest, AFreeDirectoryIsOpenedAndLocked) {
  auto topics = open_topics(context_, args_);
  ASSERT_TRUE(topics.ok()) << topics.status().to_string();
  EXPECT_TRUE((*topics)->create("rides", 2).ok());
  EXPECT_TRUE(DataDir::owner(*env_, dir_.path())->has_value()) << "while the command works";
  topics->reset();
  EXPECT_FALSE(DataDir::owner(*env_, dir_.path())->has_value());
}

TEST_F(TopicOpenTest, AnOwnedDirectoryIsReachedThroughItsOwner) {
  auto owner = *DataDir::open(*env_, dir_.path(), 4711);
  const auto silent = open_topics(context_, args_);
  ASSERT_FALSE(silent.ok());
  EXPECT_EQ(silent.status().blame(), Blame::user);
  EXPECT_NE(silent.status().message().find("4711"), std::string::npos) << silent.status().message();

  HttpServices services;
  services.env = env_.get();
  services.topics = *TopicStore::open(*env_, owner->topics());
  HttpOptions options;
  options.listen = "127.0.0.1:0";
  options.tokens_file = dir_ / "tokens";
  ASSERT_TRUE(write_file_atomic(env_->fs(), options.tokens_file,
                                "operate de2e9275cc99a72b6cec4a09e544bc922ac375272a1735ada17bee3a7d14048c\n")
                  .ok());
  auto server = *HttpServer::start(options, services);
  ASSERT_TRUE(owner->set_address(server->url()).ok());
  auto topics = open_topics(context_, args_);
  ASSERT_TRUE(topics.ok()) << topics.status().to_string();
  EXPECT_EQ((*topics)->produce("rides", {"x"}, {}).code(), Code::permission_denied)
      << "the server asks for a token";
  token_ = "operate-token-0123456789";
  topics = open_topics(context_, args_);
  EXPECT_TRUE((*topics)->produce("rides", {"x"}, {}).ok());
  EXPECT_EQ((*services.topics->find("rides"))->records(), 1);
}

}  // namespace topic_open_test
}  // namespace rideflow
