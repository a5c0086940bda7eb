// The store in S3 where the network and the server fail: what is retried and what is not, answers that are
// lost after the work was done, what people are told.
#include "objects/s3_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/objects/fake_s3.h"
#include "tests/objects/store_worlds.h"

namespace rideflow {
namespace s3_store_test {

using test::FakeS3;
using test::S3Fault;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class S3StoreTest : public testing::Test {
 protected:
  S3StoreTest() { EXPECT_TRUE(env_.fs().make_dirs("local").ok()); }

  static HttpAnswer error(int status, const std::string& body, HttpHeaders headers = {}) {
    HttpAnswer answer;
    answer.status = status;
    answer.headers = std::move(headers);
    answer.body = body;
    return answer;
  }
  static std::string xml_error(const std::string& code, const std::string& message,
                               const std::string& more = "") {
    return fmt::format("<Error><Code>{}</Code><Message>{}</Message>{}</Error>", code, message, more);
  }
  std::string local_file(const std::string& name, size_t size) {
    std::string bytes(size, 'x');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i * i % 23);
    test::write_local(env_, "local/" + name, bytes);
    return "local/" + name;
  }
  std::string get(const std::string& name) {
    auto object = store_.get(name, 100);
    return object.ok() ? object->bytes : object.status().to_string();
  }

  VirtualEnv env_;
  std::shared_ptr<FakeS3> server_ = std::make_shared<FakeS3>(env_);
  S3Store store_{env_, FakeS3::settings(), FakeS3::credentials(), server_};
};

// ---- Answers that are lost

TEST_F(S3StoreTest, ACreateWhoseAnswerIsLostKnowsThatItWon) {
  for (const S3Fault fault : {S3Fault::lost_answer, S3Fault::internal_error_done}) {
    server_->fail_next({fault});
    const auto created = store_.create_if_absent("a", "mine");
    ASSERT_TRUE(created.ok()) << created.status().to_string();
    EXPECT_EQ(*created, store_.get("a", 100)->version);
    EXPECT_EQ(store_.create_if_absent("a", "mine").status().code(), Code::already_exists) << "the same bytes";
    ASSERT_TRUE(store_.remove("a").ok());
  }
}

TEST_F(S3StoreTest, ACreateThatNeverArrivedKnowsThatAnotherWon) {
  S3Store other(env_, FakeS3::settings(), FakeS3::credentials(), server_);
  server_->at_pause([&] {
    server_->at_pause(nullptr);
    EXPECT_TRUE(other.create_if_absent("a", "equal").ok());
  });
  server_->fail_next({S3Fault::refused});
  EXPECT_EQ(store_.create_if_absent("a", "equal").status().code(), Code::already_exists);
}

TEST_F(S3StoreTest, APointerWhoseAnswerIsLostIsSetOnce) {
  const auto first = store_.create_if_absent("pointer", "1");
  server_->fail_next({S3Fault::lost_answer, S3Fault::slow_down});
  const auto second = store_.compare_and_set("pointer", *first, "2");
  ASSERT_TRUE(second.ok()) << second.status().to_string();
  EXPECT_EQ(get("pointer"), "2");
  EXPECT_EQ(*second, store_.get("pointer", 100)->version);
}

TEST_F(S3StoreTest, APointerThatAnotherTookOnMeanwhileIsNotSetAgain) {
  S3Store other(env_, FakeS3::settings(), FakeS3::credentials(), server_);
  const auto first = store_.create_if_absent("pointer", "1");
  server_->at_pause([&] {
    server_->at_pause(nullptr);
    const auto now = other.get("pointer", 100);
    EXPECT_EQ(now->bytes, "2");
    EXPECT_TRUE(other.compare_and_set("pointer", now->version, "3").ok());
  });
  server_->fail_next({S3Fault::lost_answer});
  EXPECT_EQ(store_.compare_and_set("pointer", *first, "2").status().code(), Code::aborted);
  EXPECT_EQ(get("pointer"), "3");
}

// The last answer is lost as well: the object itself is asked.
TEST_F(S3StoreTest, AWriteWhoseEveryAnswerIsLostIsFoundByItsMark) {
  server_->fail_by([](const HttpRequest& request) {
    return request.method == "PUT" ? S3Fault::lost_answer : S3Fault::none;
  });
  const auto created = store_.create_if_absent("a", "mine");
  EXPECT_TRUE(created.ok()) << created.status().to_string();
  server_->fail_by([](const HttpRequest&) { return S3Fault::lost_answer; });
  const auto unknown = store_.create_if_absent("b", "mine");
  EXPECT_EQ(unknown.status().code(), Code::unavailable) << "nobody can say";
  EXPECT_EQ(unknown.status().retry(), Retry::backoff);
}

// ---- What is tried again

// Every verb once; true: all did what they should.
bool run_script(VirtualEnv& env, ObjectStore& store, const LocalFile& large) {
  const auto created = store.create_if_absent("pointer", "1");
  const auto set = created.ok() ? store.compare_and_set("pointer", *created, "2") : created;
  const bool wrote = set.ok() && store.put("a", "bytes").ok() && store.put_file(large).ok();
  const auto read = store.get("a", 100);
  EXPECT_TRUE(env.fs().remove("local/out").ok());
  const bool fetched = wrote && store.get_file(large.name, "local/out").ok();
  EXPECT_TRUE(!fetched || test::read_local(env, "local/out") == test::read_local(env, large.path));
  const auto listed = store.list("");
  const bool looked = read.ok() && read->bytes == "bytes" && listed.ok() && listed->size() == 3 &&
                      store.stat("a").ok() && store.sum(large.name).ok();
  const std::vector<std::string> names = {"a", "pointer", large.name};
  const auto swept = store.sweep_leftovers(0);
  return fetched && looked && store.remove_all(names).ok() && swept.ok();
}

TEST_F(S3StoreTest, AnyOneFaultAtAnyRequestIsNotSeen) {
  const LocalFile large{local_file("large", 3500), "files/large"};
  ASSERT_TRUE(run_script(env_, store_, large));
  const size_t requests = server_->requests().size();
  EXPECT_GE(requests, 16U);
  for (const S3Fault fault : {S3Fault::refused, S3Fault::lost_answer, S3Fault::slow_down,
                              S3Fault::internal_error, S3Fault::internal_error_done, S3Fault::cut_answer,
                              S3Fault::broken_answer, S3Fault::broken_request, S3Fault::late_error}) {
    for (size_t n = 0; n < requests; ++n) {
      VirtualEnv env(n);
      ASSERT_TRUE(env.fs().make_dirs("local").ok());
      test::write_local(env, "local/large", test::read_local(env_, "local/large"));
      auto server = std::make_shared<FakeS3>(env);
      size_t at = 0;
      server->fail_by([&](const HttpRequest& request) {
        if (at++ != n) return S3Fault::none;
        // A flipped bit is noticed where there is a checksum; S3 answers late only at the end of an upload.
        const bool object = request.method == "GET" && request.query.empty();
        if (fault == S3Fault::broken_answer && !object) return S3Fault::none;
        const bool end = request.method == "POST" && request.query.starts_with("uploadId");
        return fault == S3Fault::late_error && !end ? S3Fault::none : fault;
      });
      S3Store store(env, FakeS3::settings(), FakeS3::credentials(), server);
      EXPECT_TRUE(run_script(env, store, large)) << "fault " << static_cast<int>(fault) << " at " << n;
      EXPECT_EQ(server->objects().size(), 0U);
      // An upload whose beginning was answered to nobody stays for sweep_leftovers(), which came at the end.
      EXPECT_EQ(server->uploads(), 0U) << "fault " << static_cast<int>(fault) << " at " << n;
    }
  }
}

TEST_F(S3StoreTest, AStormIsWaitedForLongerAndLongerAndNotForEver) {
  server_->fail_by([](const HttpRequest&) { return S3Fault::slow_down; });
  const Status status = store_.put("a", "x");
  EXPECT_EQ(status.code(), Code::unavailable);
  EXPECT_EQ(status.retry(), Retry::backoff);
  EXPECT_THAT(status.to_string(), HasSubstr("SlowDown"));
  EXPECT_THAT(status.to_string(), HasSubstr("tried 7 times"));
  const S3Retries retries;
  const auto pauses = server_->pauses();
  ASSERT_EQ(pauses.size(), static_cast<size_t>(retries.tries - 1));
  int64_t longest = retries.first_wait_micros;
  for (const int64_t pause : pauses) {
    EXPECT_LE(pause, longest);
    EXPECT_GE(pause, longest / 2);
    longest = std::min(2 * longest, retries.longest_wait_micros);
  }
  EXPECT_EQ(env_.logs("s3_retry").size(), pauses.size());
  server_->fail_by(nullptr);
  server_->fail_next({S3Fault::slow_down, S3Fault::refused, S3Fault::internal_error, S3Fault::lost_answer});
  EXPECT_TRUE(store_.put("a", "x").ok()) << "and what passes is lived through";
}

TEST_F(S3StoreTest, ARefusalIsNotTriedAgain) {
  for (const auto& [status, code] : std::vector<std::pair<int, std::string>>{{403, "AccessDenied"},
                                                                             {403, "SignatureDoesNotMatch"},
                                                                             {404, "NoSuchBucket"},
                                                                             {400, "InvalidArgument"},
                                                                             {301, "PermanentRedirect"},
                                                                             {501, "NotImplemented"}}) {
    const size_t before = server_->requests().size();
    server_->always_answer(error(status, xml_error(code, "no")));
    const Status refused = store_.put("a", "x");
    EXPECT_FALSE(refused.ok());
    EXPECT_EQ(refused.retry(), Retry::no) << refused.to_string();
    EXPECT_NE(refused.code(), Code::not_found) << refused.to_string();
    EXPECT_EQ(server_->requests().size(), before + 1) << code;
  }
  EXPECT_THAT(server_->pauses(), IsEmpty());
}

// ---- What people are told

struct Told {
  int status;
  std::string body;
  HttpHeaders headers;
  Code code;
  std::string text;
};

TEST_F(S3StoreTest, AnErrorNamesTheServerTheObjectAndTheWayOut) {
  const std::vector<Told> table = {
      {403, xml_error("AccessDenied", "Access Denied"), {}, Code::permission_denied, "policy"},
      {403, xml_error("InvalidAccessKeyId", "no such key"), {}, Code::permission_denied, "AWS_ACCESS_KEY_ID"},
      {403, xml_error("SignatureDoesNotMatch", "?"), {}, Code::permission_denied, "AWS_SECRET_ACCESS_KEY"},
      {400, xml_error("ExpiredToken", "The token"), {}, Code::permission_denied, "session is over"},
      {403, xml_error("RequestTimeTooSkewed", "?"), {}, Code::permission_denied, "clocks"},
      {404, xml_error("NoSuchTenant", "?"), {}, Code::failed_precondition, "NoSuchTenant"},
      {404, xml_error("NoSuchBucket", "?"), {}, Code::failed_precondition, "Make the bucket"},
      {301,
       xml_error("PermanentRedirect", "?"),
       {{"x-amz-bucket-region", "eu-west-1"}},
       Code::failed_precondition,
       "in region 'eu-west-1' and not in 'us-east-1'"},
      {400,
       xml_error("AuthorizationHeaderMalformed", "?", "<Region>eu-west-2</Region>"),
       {},
       Code::failed_precondition,
       "'eu-west-2'"},
      {307, "", {}, Code::failed_precondition, "is this its endpoint"},
      {403, "<html>proxy says no", {}, Code::permission_denied, "credentials"},
      {418, "", {}, Code::failed_precondition, "418"},
      {501, xml_error("NotImplemented", "?"), {}, Code::unimplemented, "too little of S3"}};
  for (const Told& told : table) {
    server_->always_answer(error(told.status, told.body, told.headers));
    const Status status = store_.put("files/a", "x");
    EXPECT_EQ(status.code(), told.code) << status.to_string();
    for (const std::string& part : {told.text, std::string("s3://city/jobs/main/files/a"),
                                    std::string("http://s3.test:9000"), std::to_string(told.status)})
      EXPECT_THAT(status.to_string(), HasSubstr(part));
  }
}

// To HEAD a server says only 404, of whatever it did not find.
TEST_F(S3StoreTest, ABucketThatIsMissingIsNoObjectThatIs) {
  server_->always_answer(error(404, xml_error("NoSuchBucket", "?")));
  EXPECT_EQ(store_.stat("a").status().code(), Code::failed_precondition);
  EXPECT_EQ(store_.sum("a").status().code(), Code::failed_precondition);
  server_->always_answer(error(404, xml_error("NoSuchKey", "?")));
  EXPECT_EQ(store_.stat("a").status().code(), Code::not_found);
}

TEST_F(S3StoreTest, NoCredentialIsEverShownOrLogged) {
  const std::string echo = fmt::format("{} and {}\n\x1b[2J", FakeS3::kSecret, FakeS3::kToken);
  std::string told;
  for (const int status : {403, 404, 500, 503}) {
    server_->always_answer(error(status, xml_error("Echo", echo)));
    told += store_.put("a", "x").to_string() + store_.get("a", 10).status().to_string();
    told += store_.list("").status().to_string() + store_.check().to_string();
  }
  EXPECT_THAT(told, HasSubstr("***"));
  for (const LogLine& line : env_.logs()) told += to_string(line);
  for (const std::string& request : server_->requests()) told += request;
  EXPECT_THAT(told, HasSubstr("s3_retry"));
  EXPECT_THAT(told, Not(HasSubstr("canary")));
  EXPECT_EQ(std::count(told.begin(), told.end(), '\x1b'), 0);
}

TEST_F(S3StoreTest, CredentialsAreAskedForEveryRequestAndTheirLackIsTold) {
  Result<S3Credentials> given =
      Status::user(Code::not_found, "the secret {env: AWS_ACCESS_KEY_ID} is not set");
  S3Store store(
      env_, FakeS3::settings(), [&] { return given; }, server_);
  const Status missing = store.put("a", "x");
  EXPECT_EQ(missing.code(), Code::failed_precondition);
  EXPECT_THAT(missing.to_string(), HasSubstr("AWS_SECRET_ACCESS_KEY"));
  EXPECT_THAT(server_->requests(), IsEmpty());
  given = S3Credentials{FakeS3::kKeyId, "a\nb", ""};
  EXPECT_EQ(store.put("a", "x").code(), Code::invalid_argument);
  given = S3Credentials{FakeS3::kKeyId, "wrong", ""};
  EXPECT_EQ(store.put("a", "x").code(), Code::permission_denied);
  given = FakeS3::credentials()();
  EXPECT_TRUE(store.put("a", "x").ok()) << "keys that were replaced are used at once";
}

// ---- Bytes

TEST_F(S3StoreTest, WhatIsDamagedOverThereIsNotHandedOut) {
  ASSERT_TRUE(store_.put("a", "some bytes").ok());
  const ObjectSum sum = *store_.sum("a");
  server_->damage("jobs/main/a");
  const auto object = store_.get("a", 100);
  EXPECT_EQ(object.status().code(), Code::data_loss) << object.status().to_string();
  EXPECT_EQ(object.status().retry(), Retry::no);
  EXPECT_EQ(store_.get_file("a", "local/out").code(), Code::data_loss);
  EXPECT_THAT(env_.fs().files("local"), IsEmpty()) << "nor half of it left";
  EXPECT_EQ(*store_.sum("a"), sum) << "what it should be is still known";
}

TEST_F(S3StoreTest, ADiskThatFailsIsNotTakenForTheServer) {
  ASSERT_TRUE(store_.put("a", "some bytes").ok());
  for (int64_t n = 1;; ++n) {
    const int64_t before = env_.fs().calls();
    env_.fs().fail(n, Status::external(Code::resource_exhausted, "disk full", Retry::backoff));
    const Status status = store_.get_file("a", "local/out");
    env_.fs().fail(0, {});
    if (env_.fs().calls() - before < n) {
      EXPECT_TRUE(status.ok()) << status.to_string();
      break;
    }
    EXPECT_FALSE(status.ok()) << n;
    EXPECT_THAT(env_.fs().files("local"), IsEmpty()) << n;
    EXPECT_EQ(server_->pauses().size(), 0U) << n;
  }
}

TEST_F(S3StoreTest, AnUploadThatFailsIsGivenUp) {
  const LocalFile large{local_file("large", 3500), "files/large"};
  const auto third_part = [](const HttpRequest& request) {
    return request.query.starts_with("partNumber=3") ? S3Fault::internal_error : S3Fault::none;
  };
  server_->fail_by(third_part);
  const auto put = store_.put_file(large);
  EXPECT_EQ(put.status().code(), Code::unavailable) << put.status().to_string();
  EXPECT_EQ(server_->uploads(), 0U);
  EXPECT_THAT(server_->objects(), IsEmpty());
}

TEST_F(S3StoreTest, UploadsThatNobodyGaveUpAreSweptByTheirAge) {
  const LocalFile large{local_file("large", 3500), "files/large"};
  server_->fail_by([](const HttpRequest& request) {
    const bool begins = request.query.starts_with("uploads");
    return begins || request.method == "GET" ? S3Fault::none : S3Fault::refused;
  });
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(store_.put_file(large).ok());
  EXPECT_EQ(env_.logs("s3_parts_left").size(), 5U);
  server_->fail_by(nullptr);
  ASSERT_EQ(server_->uploads(), 5U);
  EXPECT_EQ(*store_.sweep_leftovers(int64_t{86'400} * kMicrosPerSecond), 0);
  env_.advance(int64_t{86'400} * kMicrosPerSecond);
  EXPECT_EQ(*store_.sweep_leftovers(int64_t{86'400} * kMicrosPerSecond), 5);
  EXPECT_EQ(server_->uploads(), 0U);
}

TEST_F(S3StoreTest, WhatOthersPutThereIsNoHarm) {
  server_->put_foreign("jobs/main/", "");
  server_->put_foreign("jobs/main/a//b", "x");
  server_->put_foreign("jobs/main/.hidden", "x");
  server_->put_foreign("jobs/mainly", "x");
  server_->put_foreign("other", "x");
  server_->put_foreign("jobs/main/theirs", "bytes");
  const auto listed = store_.list("");
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ((*listed)[0].name, "theirs");
  EXPECT_EQ(get("theirs"), "bytes");
  EXPECT_TRUE(store_.get_file("theirs", "local/out").ok());
  EXPECT_EQ(store_.sum("theirs").status().code(), Code::failed_precondition);
}

// ---- Servers that are not what they seem

TEST_F(S3StoreTest, AServerThatTakesNoNoticeOfConditionsIsFound) {
  EXPECT_TRUE(store_.check().ok());
  for (const std::string header : {"if-none-match", "if-match"}) {
    VirtualEnv env;
    auto server = std::make_shared<FakeS3>(env);
    server->ignore_header(header);
    S3Store store(env, FakeS3::settings(), FakeS3::credentials(), server);
    const Status checked = store.check();
    EXPECT_EQ(checked.code(), Code::failed_precondition);
    EXPECT_THAT(checked.to_string(), HasSubstr(header == "if-match" ? "If-Match" : "If-None-Match"));
    EXPECT_THAT(server->objects(), IsEmpty());
  }
}

TEST_F(S3StoreTest, AListThatNeverEndsOrIsNoneIsNotFollowed) {
  const std::string head = "<ListBucketResult><IsTruncated>true</IsTruncated>";
  for (const std::string& body :
       {head + "<NextContinuationToken>same</NextContinuationToken></ListBucketResult>",
        head + "</ListBucketResult>", std::string("<html>hello</html>"), std::string("hello"),
        head + "<Contents><Key>jobs/main/a</Key><Size>-1</Size></Contents></ListBucketResult>"}) {
    server_->always_answer(error(200, body));
    const auto listed = store_.list("");
    EXPECT_EQ(listed.status().code(), Code::data_loss) << body << listed.status().to_string();
  }
}

TEST_F(S3StoreTest, WithoutAPrefixNamesAreKeys) {
  S3Settings settings = FakeS3::settings();
  settings.prefix.clear();
  S3Store store(env_, settings, FakeS3::credentials(), server_);
  ASSERT_TRUE(store.put("a/b", "x").ok());
  EXPECT_EQ(server_->objects().begin()->first, "a/b");
  EXPECT_EQ(store.list("")->size(), 1U);
  EXPECT_EQ(*store.sweep_leftovers(0), 0);
  EXPECT_EQ(store.describe(), "s3://city");
}

}  // namespace s3_store_test
}  // namespace rideflow
