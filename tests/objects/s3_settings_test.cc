// What an S3 URL and the variables around it mean.
#include "objects/s3_settings.h"

#include <gtest/gtest.h>

#include <map>

namespace rideflow {
namespace s3_settings_test {

using Variables = std::map<std::string, std::string>;

Result<S3Settings> read(const std::string& url, const Variables& variables = {}) {
  return s3_settings(url, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

// "scheme://host bucket prefix region", with "/" behind the host where the bucket is in the path.
std::string shown(const Result<S3Settings>& settings) {
  if (!settings.ok()) return settings.status().to_string();
  return settings->scheme + "://" + settings->request_host() + (settings->bucket_in_path ? "/ " : " ") +
         settings->bucket + " " + settings->prefix + " " + settings->region;
}

TEST(S3Settings, AmazonUnlessAnEndpointIsNamed) {
  EXPECT_EQ(shown(read("s3://city/jobs/main/")),
            "https://city.s3.us-east-1.amazonaws.com city jobs/main us-east-1");
  EXPECT_EQ(shown(read("s3://city", {{"AWS_REGION", "eu-west-1"}})),
            "https://city.s3.eu-west-1.amazonaws.com city  eu-west-1");
  EXPECT_EQ(shown(read("s3://my.city?region=eu-west-2", {{"AWS_REGION", "eu-west-1"}})),
            "https://s3.eu-west-2.amazonaws.com/ my.city  eu-west-2");
  EXPECT_EQ(read("s3://city/a")->url(), "s3://city/a");
}

TEST(S3Settings, AnotherServer) {
  EXPECT_EQ(shown(read("s3://city/a?endpoint=http://127.0.0.1:9000")),
            "http://127.0.0.1:9000/ city a us-east-1");
  EXPECT_EQ(shown(read("s3://city", {{"AWS_ENDPOINT_URL", "https://s3.example.com/"}})),
            "https://s3.example.com/ city  us-east-1");
  EXPECT_EQ(shown(read("s3://city?addressing=host", {{"AWS_ENDPOINT_URL_S3", "https://a.example.com"},
                                                     {"AWS_ENDPOINT_URL", "https://b"}})),
            "https://city.a.example.com city  us-east-1");
  EXPECT_EQ(read("s3://city?ca_file=/etc/ca.pem")->ca_file, "/etc/ca.pem");
  EXPECT_EQ(read("s3://city", {{"AWS_CA_BUNDLE", "/etc/b.pem"}})->ca_file, "/etc/b.pem");
}

TEST(S3Settings, WhatIsNoUrlIsRefusedAndNeverRepeated) {
  for (const std::string url :
       {"http://city", "s3://", "s3://ab", "s3://UPPER", "s3://city/../x", "s3://city//x", "s3://city/.x",
        "s3://key:canary@city/x", "s3://city/canary@/x", "s3://city?secret=canary",
        "s3://city?region=EU west", "s3://city?endpoint=ftp://x", "s3://city?endpoint=https://u:canary@host",
        "s3://city?endpoint=host", "s3://city?endpoint=https://host/path", "s3://city?endpoint=https://",
        "s3://city?addressing=dns", "s3://-city", "s3://ci..ty"}) {
    const auto settings = read(url);
    ASSERT_FALSE(settings.ok()) << url;
    EXPECT_EQ(settings.status().code(), Code::invalid_argument) << url;
    EXPECT_EQ(settings.status().blame(), Blame::user);
    EXPECT_EQ(settings.status().to_string().find("canary"), std::string::npos)
        << settings.status().to_string();
  }
}

TEST(S3Settings, CredentialsAreResolvedWhenTheyAreAsked) {
  Variables variables = {{"AWS_ACCESS_KEY_ID", "id"}};
  auto resolver = std::make_shared<SecretResolver>();
  resolver->resolve = [&](const SecretRef& secret) -> Result<std::string> {
    const auto found = variables.find(secret.env);
    if (found == variables.end()) return Status::user(Code::not_found, secret.env + " is not set");
    return found->second;
  };
  const S3CredentialSource source = s3_credentials(resolver, {});
  EXPECT_EQ(source().status().to_string(), "AWS_SECRET_ACCESS_KEY is not set");
  variables["AWS_SECRET_ACCESS_KEY"] = "secret";
  EXPECT_EQ(source()->secret_access_key, "secret");
  EXPECT_EQ(source()->session_token, "");
  variables["AWS_SESSION_TOKEN"] = "token";
  EXPECT_EQ(source()->session_token, "token");
}

}  // namespace s3_settings_test
}  // namespace rideflow
