// Jobs that are submitted, by HTTP, without a socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/yaml_document.h"
#include "engine/json_writer.h"
#include "runtime/http/http_gate.h"
#include "runtime/http/http_services.h"
#include "runtime/job_service.h"
#include "runtime/posix_env.h"
#include "tests/support/operator_contract.h"
#include "tests/support/temp_dir.h"

namespace rideflow::test {
namespace http_submissions_test {

using testing::HasSubstr;

constexpr const char* kJob =
    "job: a\nsources:\n  s: {generator: {kind: rides, count: 5}, format: json, "
    "schema: {city: string}}\nsinks:\n  out: {from: s, discard: }\n";

class HttpSubmissions : public testing::Test {
 protected:
  HttpSubmissions() : env_(quiet()) {
    JobAccessOptions options;
    options.file_roots.clear();
    options.environment = std::vector<std::string>{};
    const auto access = *JobAccess::make(options, dir_ / "data");
    host_ = *JobHost::open(env_, dir_ / "data", access);
    service_ = std::make_shared<JobService>(host_.get(), &full_catalog(), access,
                                            file_registry(env_, host_->jobs_dir()), rideflow::RunOptions());
    EXPECT_TRUE(service_->open().ok());
    HttpServices services;
    services.env = &env_;
    services.jobs = service_;
    services.submitted = service_;
    api_ = *make_http_api(services);
  }
  static PosixEnvOptions quiet() {
    PosixEnvOptions options;
    options.log_level = LogLevel::error;
    return options;
  }
  HttpResponse call(const std::string& method, const std::string& target, const std::string& body = "") {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = {{"host", "localhost"}};
    if (method == "POST") {
      request.headers.emplace_back("content-length", std::to_string(body.size()));
      request.headers.emplace_back("content-type", "application/json");
    }
    const HttpAdmission admission = HttpGate(api_.router.get(), HttpPolicy()).admit(request);
    if (!admission.route) return admission.refusal;
    request.body = body;
    return call_handler(*admission.route, request);
  }
  HttpResponse submit(const std::string& text, const std::string& query = "", const std::string& more = "") {
    std::string quoted;
    append_json_string(quoted, text);
    return call("POST", "/api/v1/jobs" + query, "{\"text\":" + quoted + more + "}");
  }

  TempDir dir_;
  PosixEnv env_;
  std::unique_ptr<JobHost> host_;
  std::shared_ptr<JobService> service_;
  HttpApi api_;
};

TEST_F(HttpSubmissions, AJobComesAgainAndGoes) {
  HttpResponse answer = submit(kJob, "?dry_run=true");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(call("GET", "/api/v1/jobs").body, "[]");
  answer = submit(kJob, "", R"(,"parallelism":2,"variables":[{"name":"X","value":"hidden"}])");
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.body, R"({"job":"a","version":1,"changed":true,"steps":[{"section":"sources","step":"s",)"
                         R"("change":"added","needs_drop":false,"state":""},{"section":"sinks","step":"out",)"
                         R"("change":"added","needs_drop":false,"state":""}],)"
                         R"("errors":[],"warnings":[]})");
  EXPECT_EQ(call("GET", "/api/v1/jobs").body,
            R"([{"job":"a","state":"starting","wanted":"running","version":1}])");
  const std::string versions = call("GET", "/api/v1/jobs/a/versions").body;
  EXPECT_THAT(versions, HasSubstr(R"("parallelism":2,"variables":["X"],"text":"job: a\n)"));
  EXPECT_THAT(versions, testing::Not(HasSubstr("hidden")));
  EXPECT_EQ(submit(kJob, "", R"(,"variables":[{"name":"X","value":"hidden"}])").status, 200);
  EXPECT_EQ(call("POST", "/api/v1/jobs/a/stop", "{}").status, 202);
  EXPECT_THAT(call("GET", "/api/v1/jobs/a").body, HasSubstr(R"("state":"stopped")"));
  EXPECT_EQ(call("POST", "/api/v1/jobs/a/rollback", "{}").status, 404);
  EXPECT_EQ(call("DELETE", "/api/v1/jobs/a").status, 202);
  service_->look();
  EXPECT_EQ(call("GET", "/api/v1/jobs/a").status, 404);
}

TEST_F(HttpSubmissions, WhatIsWrongIsToldByItsPlace) {
  HttpResponse answer = submit("job: a\nsources: {}\nsinks:\n  out: {from: x, discard: }\n");
  EXPECT_EQ(answer.status, 422);
  EXPECT_THAT(answer.body, HasSubstr(R"({"line":4,"column":15,"path":"sinks.out.from","message":)"));
  EXPECT_EQ(call("GET", "/api/v1/jobs").body, "[]");
  EXPECT_EQ(call("POST", "/api/v1/jobs", "{}").status, 400);
  EXPECT_EQ(call("POST", "/api/v1/jobs", "job: a").status, 400);
  EXPECT_EQ(submit(kJob, "?dry_run=perhaps").status, 400);
  EXPECT_EQ(submit(kJob, "", R"(,"parallelism":1000)").status, 400);
  EXPECT_EQ(submit(kJob, "", R"(,"variables":[{"name":"X"}])").status, 400);
  for (const char* verb : {"stop", "start", "rollback"})
    EXPECT_EQ(call("POST", std::string("/api/v1/jobs/b/") + verb, "{}").status, 404) << verb;
}

// Whoever may read may not bring, pause or end jobs.
TEST_F(HttpSubmissions, EveryWriteNeedsItsRoleAndIsDescribed) {
  const std::string document = call("GET", "/api/v1/openapi.json").body;
  Diagnostics diagnostics;
  const YamlDocument parsed = parse_yaml(document, diagnostics);
  ASSERT_TRUE(diagnostics.ok()) << document;
  const YamlNode* paths = parsed.root.find("paths");
  ASSERT_NE(paths, nullptr);
  for (const auto& route : api_.router->routes()) {
    if (!route->pattern.starts_with("/api/v1/") || route->pattern.ends_with("openapi.json")) continue;
    EXPECT_NE(paths->find(route->pattern), nullptr) << route->pattern;
    EXPECT_TRUE(route->method == "GET" || route->role != HttpRole::read) << route->pattern;
  }
  EXPECT_THAT(document, HasSubstr(R"("post":{"summary":"Submits a job)"));
  EXPECT_THAT(document, HasSubstr(R"("x-role":"admin")"));
}

}  // namespace http_submissions_test
}  // namespace rideflow::test
