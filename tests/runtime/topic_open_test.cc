// Whose topics a command works on: its own directory, or those of the process that owns it.
#include "runtime/topic_open.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/cli/cli.h"
#include "runtime/http/http_server.h"
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
  auto topics = open_topics(context_, args_, TopicUse::write);
  ASSERT_TRUE(topics.ok()) << topics.status().to_string();
  EXPECT_TRUE((*topics)->create("rides", 2).ok());
  EXPECT_TRUE(DataDir::owner(*env_, dir_.path())->has_value()) << "while the command works";
  topics->reset();
  EXPECT_FALSE(DataDir::owner(*env_, dir_.path())->has_value());
}

TEST_F(TopicOpenTest, WhatOnlyReadsMakesNoDirectory) {
  const auto topics = open_topics(context_, args_, TopicUse::read);
  EXPECT_EQ(topics.status().code(), Code::not_found);
  EXPECT_EQ(topics.status().blame(), Blame::user);
  EXPECT_NE(topics.status().message().find(dir_.path()), std::string::npos) << topics.status().message();
  EXPECT_TRUE(env_->fs().list(dir_.path())->empty());
  ASSERT_TRUE(open_topics(context_, args_, TopicUse::write).ok());
  EXPECT_TRUE(open_topics(context_, args_, TopicUse::read).ok());
}

// What retention has taken is not there to be read, and the first offset that is left is no zero.
TEST_F(TopicOpenTest, ReadingFromTheBeginningIsReadingWhatRetentionLeft) {
  const std::string payload(200, 'x');
  {
    auto owner = *DataDir::open(*env_, dir_.path(), 4711);
    auto store = *TopicStore::open(*env_, owner->topics());
    TopicConfig config;
    config.partitions = 1;
    config.segment_bytes = 1'000;
    config.retention_bytes = 3'000;
    auto topic = *store->create("rides", config);
    TopicRecord record;
    record.payload = payload;
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(topic->append_now({record}).ok());
    ASSERT_GT(topic->first_offset(Partition(0)), 0);
  }
  Catalog catalog;
  testing::internal::CaptureStdout();
  const std::string data_dir = dir_.path();
  std::vector<const char*> words = {"rideflow",    "consume",    "rides",         "--from-beginning",
                                    "--until-end", "--data-dir", data_dir.c_str()};
  const int code = run_cli(static_cast<int>(words.size()), const_cast<char**>(words.data()), catalog);
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_EQ(code, 0);
  const auto lines = std::count(out.begin(), out.end(), '\n');
  EXPECT_GT(lines, 0);
  EXPECT_LT(lines, 100);
}

TEST_F(TopicOpenTest, AnOwnedDirectoryIsReachedThroughItsOwner) {
  auto owner = *DataDir::open(*env_, dir_.path(), 4711);
  const auto silent = open_topics(context_, args_, TopicUse::write);
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
  auto topics = open_topics(context_, args_, TopicUse::write);
  ASSERT_TRUE(topics.ok()) << topics.status().to_string();
  EXPECT_EQ((*topics)->produce("rides", {"x"}, {}).code(), Code::permission_denied)
      << "the server asks for a token";
  token_ = "operate-token-0123456789";
  topics = open_topics(context_, args_, TopicUse::write);
  EXPECT_TRUE((*topics)->produce("rides", {"x"}, {}).ok());
  EXPECT_EQ((*services.topics->find("rides"))->records(), 1);
}

}  // namespace topic_open_test
}  // namespace rideflow
