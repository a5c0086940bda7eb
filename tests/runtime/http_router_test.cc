// Patterns, targets and errors by values: no socket is opened here.
#include "runtime/http/http_router.h"

#include <gtest/gtest.h>

namespace rideflow {
namespace http_router_test {

HttpRequest request_of(const std::string& method, const std::string& target) {
  HttpRequest request;
  request.method = method;
  EXPECT_TRUE(parse_target(target, request).ok()) << target;
  return request;
}

HttpRoute route(const std::string& method, const std::string& pattern) {
  HttpRoute r;
  r.method = method;
  r.pattern = pattern;
  r.handler = [pattern](const HttpRequest&) { return text_response(pattern); };
  return r;
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.add(route("GET", "/api/v1/jobs"));
    router_.add(route("GET", "/api/v1/jobs/{job}"));
    router_.add(route("GET", "/api/v1/jobs/{job}/tap/{step}"));
    router_.add(route("GET", "/api/v1/topics/{name}"));
    router_.add(route("DELETE", "/api/v1/topics/{name}"));
    router_.add(route("GET", "/api/v1/topics/special"));
    router_.add(route("POST", "/druid/v2/"));
  }
  std::string pattern_of(const std::string& method, const std::string& target) {
    HttpRequest request = request_of(method, target);
    const auto match = router_.match(request);
    parameters_ = request.parameters;
    allow_ = match.allow;
    return match.route ? match.route->pattern : match.path_known ? "405" : "404";
  }
  HttpRouter router_;
  std::map<std::string, std::string, std::less<>> parameters_;
  std::string allow_;
};

TEST_F(RouterTest, LiteralAndNamedSegments) {
  EXPECT_EQ(pattern_of("GET", "/api/v1/jobs"), "/api/v1/jobs");
  EXPECT_EQ(pattern_of("GET", "/api/v1/jobs/ride_metrics?x=1"), "/api/v1/jobs/{job}");
  EXPECT_EQ(parameters_["job"], "ride_metrics");
  EXPECT_EQ(pattern_of("GET", "/api/v1/jobs/a/tap/b"), "/api/v1/jobs/{job}/tap/{step}");
  EXPECT_EQ(parameters_["step"], "b");
  EXPECT_EQ(pattern_of("GET", "/api/v1/topics/special"), "/api/v1/topics/special") << "literals win";
  EXPECT_EQ(pattern_of("HEAD", "/api/v1/jobs"), "/api/v1/jobs") << "HEAD is GET without a body";
}

TEST_F(RouterTest, NothingAndWrongMethod) {
  EXPECT_EQ(pattern_of("GET", "/"), "404");
  EXPECT_EQ(pattern_of("GET", "/api/v1/jobs/"), "404") << "a named segment is not empty";
  EXPECT_EQ(pattern_of("GET", "/api/v1/jobs/a/b"), "404");
  EXPECT_EQ(pattern_of("GET", "/druid/v2"), "404") << "a trailing slash is a different path";
  EXPECT_EQ(pattern_of("PUT", "/api/v1/topics/x"), "405");
  EXPECT_EQ(allow_, "GET, HEAD, DELETE");
  EXPECT_EQ(pattern_of("get", "/api/v1/jobs"), "405") << "methods are case-sensitive";
}

TEST_F(RouterTest, SegmentsAreCutBeforeTheyAreDecoded) {
  EXPECT_EQ(pattern_of("GET", "/api/v1/jobs/a%2Fb"), "/api/v1/jobs/{job}");
  EXPECT_EQ(parameters_["job"], "a/b");
  EXPECT_EQ(pattern_of("GET", "/api/v1/jobs/%2e%2e"), "/api/v1/jobs/{job}");
  EXPECT_EQ(parameters_["job"], "..");
  EXPECT_EQ(pattern_of("GET", "/api%2Fv1/jobs"), "404");
  EXPECT_EQ(pattern_of("GET", "/api/v1/x/../jobs"), "404") << "'..' goes nowhere";
}

TEST_F(RouterTest, FallbackAnswersReadsOnly) {
  router_.set_fallback(route("GET", "/*"));
  EXPECT_EQ(pattern_of("GET", "/index.html"), "/*");
  EXPECT_EQ(pattern_of("POST", "/index.html"), "405");
  EXPECT_EQ(pattern_of("GET", "/api/v1/jobs"), "/api/v1/jobs");
}

TEST(Target, PathAndQuery) {
  const HttpRequest request = request_of("GET", "/a%20b?x=1&y=a+b%26c&x=2&flag");
  EXPECT_EQ(request.path, "/a%20b");
  EXPECT_EQ(request.query_value("x"), "2") << "the last one counts";
  EXPECT_EQ(request.query_value("y"), "a b&c");
  EXPECT_EQ(request.query_value("flag"), "");
  EXPECT_EQ(request.query_value("none"), std::nullopt);
}

TEST(Target, WhatIsNotATarget) {
  HttpRequest request;
  for (const std::string target :
       {"", "x", "http://host/x", "*", "/%", "/%4", "/%zz", "/a b", "/a\x01", "/#x", "/?a=%", "/?%zz=1"}) {
    const Status status = parse_target(target, request);
    EXPECT_EQ(status.code(), Code::invalid_argument) << target;
  }
}

TEST(Target, IntegersInTheirBounds) {
  const HttpRequest request = request_of("GET", "/?limit=12&bad=1x&big=99999999999999999999&neg=-1");
  EXPECT_EQ(*request.query_integer("limit", 5, 1, 100), 12);
  EXPECT_EQ(*request.query_integer("absent", 5, 1, 100), 5);
  for (const char* name : {"bad", "big", "neg"}) {
    const auto result = request.query_integer(name, 5, 0, 100);
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_NE(result.status().message().find(name), std::string::npos);
  }
}

TEST(Target, PercentEncodingRoundTrips) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a/b c"), "a%2Fb%20c");
}

TEST(Errors, OwnShapeAndDruidsShape) {
  EXPECT_EQ(error_response(404, "There is no \"x\".").body,
            R"({"error":"not_found","message":"There is no \"x\"."})");
  const HttpResponse druid = error_response(429, "Too many.", true);
  EXPECT_EQ(druid.status, 429);
  for (const char* part : {R"("error":"Query capacity exceeded")", R"("errorMessage":"Too many.")",
                           R"("errorClass":)", R"("host":null)", R"("category":"CAPACITY_EXCEEDED")"}) {
    EXPECT_NE(druid.body.find(part), std::string::npos) << part << " in " << druid.body;
  }
}

TEST(Errors, StatusCodes) {
  EXPECT_EQ(error_response(Status::user(Code::invalid_argument, "x")).status, 400);
  EXPECT_EQ(error_response(Status::user(Code::not_found, "x")).status, 404);
  EXPECT_EQ(error_response(Status::user(Code::already_exists, "x")).status, 409);
  EXPECT_EQ(error_response(Status::external(Code::resource_exhausted, "x")).status, 503);
  EXPECT_EQ(error_response(Status::internal("x")).status, 500);
}

TEST(Handlers, AnExceptionIsAnAnswer) {
  HttpRoute r = route("GET", "/druid/x");
  r.handler = [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("no luck"); };
  const HttpResponse response = call_handler(r, request_of("GET", "/druid/x"));
  EXPECT_EQ(response.status, 500);
  EXPECT_NE(response.body.find("no luck"), std::string::npos);
  EXPECT_NE(response.body.find("errorMessage"), std::string::npos);
}

}  // namespace http_router_test
}  // namespace rideflow
