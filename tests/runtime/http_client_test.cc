// The client of commands against a real server: topics of a process that owns the data directory.
#include "runtime/http/http_client.h"

#include <gtest/gtest.h>

#include "runtime/http/http_server.h"
#include "runtime/http/http_topic_access.h"
#include "runtime/posix_env.h"
#include "tests/support/temp_dir.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace http_client_test {

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    PosixEnvOptions quiet;
    quiet.log_level = LogLevel::error;
    env_ = std::make_unique<PosixEnv>(quiet);
    services_.env = env_.get();
    services_.topics = *TopicStore::open(*env_, dir_ / "topics");
    options_.listen = "127.0.0.1:0";
  }
  void start() { server_ = *HttpServer::start(options_, services_); }

  test::TempDir dir_;
  std::unique_ptr<PosixEnv> env_;
  HttpServices services_;
  HttpOptions options_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ClientTest, TopicsOfAnotherProcess) {
  start();
  auto topics = *open_http_topics(server_->url());
  ASSERT_TRUE(topics->create("rides", 2).ok());
  EXPECT_EQ(topics->create("rides", 2).code(), Code::failed_precondition) << "there is one";
  ASSERT_TRUE(topics->produce("rides", {"{\"a\":1}", "caf\xC3\xA9", "\xFF\xFE bytes"}, {}).ok());
  EXPECT_EQ(*topics->partitions("rides"), 2);
  int64_t records = 0;
  std::multiset<std::string> values;
  for (int32_t p = 0; p < 2; ++p) {
    records += *topics->end_offset("rides", p);
    const auto lines = topics->read("rides", p, 0, 100);
    ASSERT_TRUE(lines.ok()) << lines.status().to_string();
    for (const TopicLine& line : *lines) {
      EXPECT_EQ(line.partition, p);
      EXPECT_FALSE(line.has_key);
      EXPECT_GT(line.timestamp, 1'700'000'000 * kMicrosPerSecond);
      values.insert(line.value);
    }
  }
  EXPECT_EQ(records, 3);
  EXPECT_EQ(values, (std::multiset<std::string>{"{\"a\":1}", "caf\xC3\xA9", "\xFF\xFE bytes"}));
  ASSERT_EQ(topics->list()->size(), 1U);
  EXPECT_EQ(topics->list()->at(0).records, 3);
  EXPECT_FALSE(topics->end_offset("rides", 7).ok());
  EXPECT_TRUE(topics->remove("rides", false).ok());
  const Status gone = topics->remove("rides", false);
  EXPECT_EQ(gone.code(), Code::not_found);
  EXPECT_NE(gone.message().find("rides"), std::string::npos) << "the server's own sentence";
}

TEST_F(ClientTest, LargeBatchesGoInParts) {
  start();
  auto topics = *open_http_topics(server_->url());
  const std::vector<std::string> records(40, std::string(size_t{900} << 10, 'x'));
  const Status produced = topics->produce("big", records, {});
  ASSERT_TRUE(produced.ok()) << produced.to_string();
  int64_t total = 0;
  for (int32_t p = 0; p < 4; ++p) total += *topics->end_offset("big", p);
  EXPECT_EQ(total, 40);
}

TEST_F(ClientTest, AConnectionThatTheServerClosedIsMadeAgain) {
  options_.idle_timeout_ms = 30;
  options_.header_timeout_ms = 1000;
  start();
  auto client = *HttpClient::make(server_->url());
  for (int i = 0; i < 3; ++i) {
    const auto answer = client->text("GET", "/status/health");
    ASSERT_TRUE(answer.ok()) << answer.status().to_string();
    EXPECT_EQ(*answer, "true");
    // Long enough that the server gave the connection up; if it did not, the call succeeds all the same.
    const Micros until = env_->monotonic() + 60'000;
    while (env_->monotonic() < until) {
    }
  }
}

TEST_F(ClientTest, NobodyThere) {
  start();
  const std::string url = server_->url();
  server_->stop();
  const auto answer = (*HttpClient::make(url))->call("GET", "/status");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), Code::unavailable);
  EXPECT_EQ(answer.status().blame(), Blame::external);
}

TEST_F(ClientTest, Addresses) {
  for (const char* bad : {"", "example.org:80", "https://127.0.0.1:1", "http://"}) {
    EXPECT_FALSE(HttpClient::make(bad).ok()) << bad;
  }
}

TEST_F(ClientTest, Tokens) {
  options_.tokens_file = dir_ / "tokens";
  ASSERT_TRUE(write_file_atomic(env_->fs(), options_.tokens_file,
                                "read d354526d2b69d5dec36caef20814c68e90bf9a093c3cce5d33b59e8d01e41652\n")
                  .ok());
  start();
  EXPECT_EQ((*open_http_topics(server_->url()))->list().status().code(), Code::permission_denied);
  auto reader = *open_http_topics(server_->url(), "read-token-0123456789");
  EXPECT_TRUE(reader->list().ok());
  EXPECT_EQ(reader->create("x", 1).code(), Code::permission_denied);
}

}  // namespace http_client_test
}  // namespace rideflow
