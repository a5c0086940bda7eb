// What only a real server shows, by tests/s3/run: how it refuses, that it compares what arrives with its
// digest, and how one that is killed is lived through.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "objects/curl_transport.h"
#include "objects/digest.h"
#include "objects/s3_store.h"
#include "runtime/posix_env.h"
#include "tests/objects/store_worlds.h"

namespace rideflow {
namespace real_s3_test {

std::vector<std::string> servers() {
  return test::real_s3("") ? std::vector<std::string>{"Server"} : std::vector<std::string>{};
}

class RealS3Test : public testing::TestWithParam<std::string> {
 protected:
  RealS3Test() : env_(options()), settings_(*test::real_s3(std::to_string(env_.random()))) {}

  PosixEnvOptions options() {
    PosixEnvOptions options;
    options.log_sink = [this](std::string_view line) {
      if (line.find("s3_retry") != std::string_view::npos) ++retries_;
    };
    return options;
  }
  S3Store store(const S3CredentialSource& credentials = test::real_s3_credentials()) {
    return {env_, settings_, credentials, std::make_shared<CurlTransport>(settings_)};
  }
  // A request of our own making below this test's prefix.
  HttpAnswer ask(const std::string& method, const std::string& name, const std::string& query,
                 std::string_view body, std::string_view digest_of) {
    HttpRequest request;
    request.method = method;
    request.path = "/" + settings_.bucket + "/" + settings_.prefix + "/" + name;
    request.query = query;
    request.headers = {{"content-type", "application/octet-stream"},
                       {"x-amz-content-sha256", sha256_hex(digest_of)}};
    request.body = body;
    request.credentials = *test::real_s3_credentials()();
    auto answer = CurlTransport(settings_).exchange(request);
    EXPECT_TRUE(answer.ok()) << answer.status().to_string();
    return answer.ok() ? *answer : HttpAnswer();
  }
  static void script(const std::string& verb) {
    const char* server = std::getenv("RIDEFLOW_S3_SERVER");
    ASSERT_NE(server, nullptr) << "by tests/s3/run";
    ASSERT_EQ(std::system(("scripts/s3 " + verb + " '" + server + "'").c_str()), 0);
  }

  std::atomic<int> retries_ = 0;
  PosixEnv env_;
  S3Settings settings_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RealS3Test);
INSTANTIATE_TEST_SUITE_P(Http, RealS3Test, testing::ValuesIn(servers()));

TEST_P(RealS3Test, AWrongKeyIsRefusedByName) {
  S3Credentials keys = *test::real_s3_credentials()();
  keys.secret_access_key += "x";
  const Status secret = store([&] { return keys; }).put("a", "x");
  EXPECT_EQ(secret.code(), Code::permission_denied) << secret.to_string();
  EXPECT_NE(secret.to_string().find("SignatureDoesNotMatch"), std::string::npos) << secret.to_string();
  keys.access_key_id = "nobody";
  const Status key = store([&] { return keys; }).put("a", "x");
  EXPECT_EQ(key.code(), Code::permission_denied) << key.to_string();
  EXPECT_NE(key.to_string().find("AWS_ACCESS_KEY_ID"), std::string::npos) << key.to_string();
  EXPECT_EQ(retries_, 0);
}

TEST_P(RealS3Test, AMissingBucketIsNoMissingObject) {
  settings_.bucket = "no-such-bucket";
  for (const Status& status : {store().put("a", "x"), store().get("a", 10).status(),
                               store().stat("a").status(), store().list("").status(), store().check()}) {
    EXPECT_EQ(status.code(), Code::failed_precondition) << status.to_string();
    EXPECT_NE(status.to_string().find("NoSuchBucket"), std::string::npos) << status.to_string();
  }
}

TEST_P(RealS3Test, BytesThatAreNotThoseOfTheirDigestAreRefused) {
  const HttpAnswer answer = ask("PUT", "a", "", "changed on the way", "as it was sent");
  EXPECT_EQ(answer.status, 400) << answer.body;
  EXPECT_EQ(store().stat("a").status().code(), Code::not_found);
}

TEST_P(RealS3Test, AnUploadThatWasLeftIsNoObjectAndIsSwept) {
  const HttpAnswer begun = ask("POST", "files/a", "uploads=", "", "");
  EXPECT_EQ(begun.status, 200) << begun.body;
  S3Store here = store();
  EXPECT_TRUE(here.list("")->empty());
  EXPECT_EQ(*here.sweep_leftovers(int64_t{3600} * kMicrosPerSecond), 0);
  const auto swept = here.sweep_leftovers(0);
  ASSERT_TRUE(swept.ok()) << swept.status().to_string();
  EXPECT_EQ(*swept, 1);
  EXPECT_EQ(*here.sweep_leftovers(0), 0);
}

// Of the server with TLS alone: the other one has no certificate to doubt.
TEST_P(RealS3Test, ACertificateThatNobodyVouchesForIsRefusedWithTheWayOut) {
  if (settings_.scheme == "http") return;
  settings_.ca_file.clear();
  const Status status = store().put("a", "x");
  EXPECT_EQ(status.code(), Code::failed_precondition) << status.to_string();
  EXPECT_EQ(status.retry(), Retry::no);
  EXPECT_NE(status.to_string().find("ca_file="), std::string::npos) << status.to_string();
  EXPECT_EQ(retries_, 0);
}

TEST_P(RealS3Test, AServerThatIsKilledIsWaitedFor) {
  S3Store here = store();
  const auto first = here.create_if_absent("pointer", "1");
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  script("kill");
  std::atomic<bool> answered = false;
  std::thread restart([&] {
    while (retries_ == 0 && !answered) std::this_thread::yield();
    script("start");
  });
  const auto second = here.compare_and_set("pointer", *first, "2");
  answered = true;
  restart.join();
  ASSERT_TRUE(second.ok()) << second.status().to_string();
  EXPECT_EQ(here.get("pointer", 10)->bytes, "2");
  EXPECT_GT(retries_, 0);
}

}  // namespace real_s3_test
}  // namespace rideflow
