// The API's handlers by values: the job document, taps, metrics, topics and Druid's paths, without a socket.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/metrics.h"
#include "rollup/rollup_store.h"
#include "runtime/http/http_druid.h"
#include "runtime/http/http_gate.h"
#include "runtime/http/http_json.h"
#include "runtime/http/http_services.h"
#include "runtime/job_monitor.h"
#include "runtime/tap_hub.h"
#include "runtime/topic_users.h"
#include "tests/runtime/small_job.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace http_api_test {

using test::SmallJob;

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    env_.set_auto_offload(true);
    services_.env = &env_;
  }
  HttpResponse call(const std::string& method, const std::string& target, const std::string& body = "") {
    if (!api_.router) api_ = *make_http_api(services_);
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = {{"host", "localhost"}};
    if (!body.empty()) {
      request.headers.emplace_back("content-length", std::to_string(body.size()));
      request.headers.emplace_back("content-type", "application/json");
    }
    const HttpAdmission admission = HttpGate(api_.router.get(), HttpPolicy()).admit(request);
    if (!admission.route) return admission.refusal;
    request.body = body;
    return call_handler(*admission.route, request);
  }
  static std::string header(const HttpResponse& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }
  VirtualEnv env_;
  HttpServices services_;
  HttpApi api_;
};

void expect_has(const std::string& body, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(body.find(part), std::string::npos) << part << "\nin " << body;
}

TEST_F(ApiTest, StatusAndHealth) {
  EXPECT_EQ(call("GET", "/status/health").body, "true");
  expect_has(call("GET", "/status").body, {R"("version":")", R"("modules":[])", R"("memory":{)"});
  EXPECT_EQ(call("GET", "/druid/broker/v1/loadstatus").body, R"({"inventoryInitialized":true})");
}

TEST_F(ApiTest, WithoutAConsoleThePageSaysSo) {
  const HttpResponse page = call("GET", "/");
  EXPECT_EQ(page.content_type, "text/plain; charset=utf-8");
  expect_has(page.body, {"--ui-dir", "/metrics"});
  EXPECT_EQ(call("GET", "/api/v1/jobs").status, 404) << "this process runs no jobs";
}

class JobApiTest : public ApiTest {
 protected:
  JobApiTest() {
    table_ = std::make_shared<JobTable>();
    services_.jobs = table_;
  }
  SmallJob& start(int parallelism, int rows = 100) {
    env_.set_auto_offload(false);
    job_ = std::make_unique<SmallJob>(env_, rows, parallelism);
    JobEntry entry{"small", job_->execution, ""};
    entry.attempts = {{1, env_.now(), 0, {}}};
    table_->set(std::move(entry));
    return *job_;
  }
  std::shared_ptr<JobTable> table_;
  std::unique_ptr<SmallJob> job_;
};

TEST_F(JobApiTest, TheListAndUnknownJobs) {
  EXPECT_EQ(call("GET", "/api/v1/jobs").body, "[]");
  start(1).run(500);
  EXPECT_EQ(call("GET", "/api/v1/jobs").body, R"([{"job":"small","state":"running"}])");
  const HttpResponse unknown = call("GET", "/api/v1/jobs/smal");
  EXPECT_EQ(unknown.status, 404);
  expect_has(unknown.body, {"'smal' (did you mean 'small'?)"});
  expect_has(call("GET", "/api/v1/jobs/other").body, {"There is no job 'other' (there are: small)."});
}

TEST_F(JobApiTest, TheDocumentOfARunningJob) {
  for (const int parallelism : {1, 2}) {
    api_ = {};
    start(parallelism).run(4000);
    env_.advance(2 * kMicrosPerSecond);
    job_->run(4000);
    const std::string body = call("GET", "/api/v1/jobs/small").body;
    expect_has(body,
               {R"("job":"small","description":"doubles \"values\"","state":"running")",
                R"("started_at":"2026-01-01T00:00:)", R"("error":null)",
                R"({"id":0,"step":"feed","role":"source")", R"("rows_out":100)",
                R"({"id":1,"step":"doubled","role":"project")", R"({"id":2,"step":"out","role":"sink")",
                R"({"source":"feed","polled":100,"decoded":100,"rejected":0)", R"("lag":0)",
                R"({"partition":0,"position":50,"end":50,"watermark":"2026-01-01T00:01:38Z","idle":false,)",
                R"("watermark":"2026-01-01T00:01:38Z","watermark_held_by":)"
                R"({"source":"feed","partition":0,"watermark":"2026-01-01T00:01:38Z"})",
                R"("checkpoints":[{"epoch":2)", R"("state":"complete"})"});
    expect_has(body, {parallelism == 1 ? R"({"from":0,"to":1,"port":"","exchange":false})"
                                       : R"({"from":0,"to":1,"port":"","exchange":true})",
                      R"({"from":1,"to":2,"port":"","exchange":false})"});
    EXPECT_TRUE(parse_json_object(body).ok());
  }
}

TEST_F(JobApiTest, AJobThatCouldNotStart) {
  table_->set_error("small", "small.yaml:3:1 streams: nothing here");
  expect_has(call("GET", "/api/v1/jobs").body, {R"({"job":"small","state":"failed"})"});
  expect_has(call("GET", "/api/v1/jobs/small").body,
             {R"("state":"failed")", R"("error":"small.yaml:3:1 streams: nothing here")", R"("nodes":[])",
              R"("watermark":null,"watermark_held_by":null)"});
  EXPECT_EQ(call("GET", "/api/v1/jobs/small/tap/out").status, 409);
  start(1).run(500);
  table_->set_error("small", "the edit is wrong");
  expect_has(call("GET", "/api/v1/jobs/small").body,
             {R"("state":"running")", R"("error":"the edit is wrong")"});
  table_->remove("small");
  EXPECT_EQ(call("GET", "/api/v1/jobs").body, "[]");
}

TEST_F(JobApiTest, RatesOfTheLastSecond) {
  start(1, 0).run(500);
  JobMonitor monitor;
  const JobEntry entry = *table_->find("small");
  monitor.sample(entry, env_.monotonic());
  job_->add_rows(60);
  job_->run(500);
  env_.advance(kMicrosPerSecond / 2);
  EXPECT_DOUBLE_EQ(monitor.view(entry, env_.monotonic()).nodes[0].rows_per_second, 120) << "of what there is";
  monitor.sample(entry, env_.monotonic());
  job_->add_rows(40);
  job_->run(500);
  env_.advance(kMicrosPerSecond / 2);
  EXPECT_DOUBLE_EQ(monitor.view(entry, env_.monotonic()).nodes[1].rows_per_second, 100);
  env_.advance(kMicrosPerSecond / 2);
  EXPECT_DOUBLE_EQ(monitor.view(entry, env_.monotonic()).nodes[2].rows_per_second, 40)
      << "the 60 are too old";
  for (const NodeView& node : monitor.view(entry, env_.monotonic()).nodes) {
    EXPECT_GE(node.busy, 0);
    EXPECT_LE(node.busy, 1);
    EXPECT_NEAR(node.busy + node.blocked + node.idle, 1, 1e-9);
  }
}

TEST_F(JobApiTest, ARestartBeginsAnew) {
  start(1).run(2000);
  JobMonitor monitor;
  monitor.sample(*table_->find("small"), env_.monotonic());
  env_.advance(kMicrosPerSecond);
  start(1, 10).run(2000);
  EXPECT_EQ(monitor.view(*table_->find("small"), env_.monotonic()).nodes[0].rows_per_second, 0)
      << "not a negative rate";
}

TEST_F(JobApiTest, TapsShowTheLatestRows) {
  start(2, 0).run(500);
  EXPECT_EQ(call("GET", "/api/v1/jobs/small/tap/doubled").body, "") << "rows from now on";
  job_->add_rows(7);
  job_->run(2000);
  HttpResponse rows = call("GET", "/api/v1/jobs/small/tap/doubled?limit=3");
  EXPECT_EQ(rows.content_type, "application/x-ndjson");
  EXPECT_EQ(std::count(rows.body.begin(), rows.body.end(), '\n'), 3);
  EXPECT_EQ(header(rows, "X-Rideflow-Next"), "7");
  // Another reader sees the same rows, and what feeds a sink is the sink's.
  rows = call("GET", "/api/v1/jobs/small/tap/out");
  EXPECT_EQ(std::count(rows.body.begin(), rows.body.end(), '\n'), 7);
  expect_has(rows.body, {R"({"key":"k3","value":6})"});
  job_->add_rows(2);
  job_->run(2000);
  rows = call("GET", "/api/v1/jobs/small/tap/doubled?from=7");
  EXPECT_EQ(std::count(rows.body.begin(), rows.body.end(), '\n'), 2);
  EXPECT_EQ(header(rows, "X-Rideflow-Next"), "9");
  EXPECT_EQ(call("GET", "/api/v1/jobs/small/tap/doubled?from=9").body, "");

  EXPECT_EQ(call("GET", "/api/v1/jobs/small/tap/doubld").status, 404);
  EXPECT_EQ(call("GET", "/api/v1/jobs/small/tap/doubled?limit=0").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/jobs/small/tap/doubled?limit=x").status, 400);
}

TEST_F(JobApiTest, ATapEndsWhenNobodyLooks) {
  start(1, 0).run(100);
  (void)call("GET", "/api/v1/jobs/small/tap/doubled");
  TapBuffer& buffer = job_->execution->graph().tap(NodeId(1));
  EXPECT_TRUE(buffer.enabled());
  env_.advance(TapHub::kUnusedFor);
  api_.tick();
  EXPECT_TRUE(buffer.enabled());
  env_.advance(1);
  api_.tick();
  EXPECT_FALSE(buffer.enabled());
}

TEST_F(JobApiTest, EveryMetricOfTheTableIsServed) {
  start(2).run(4000);
  RollupSpec spec;
  spec.datasource = "rides";
  spec.metrics = {{"n", MetricKind::count, "", ""}};
  env_.set_auto_offload(true);
  services_.rollups = *RollupStore::open(&env_, "rollups");
  const auto writer = *services_.rollups->writer(spec, {"lineage", "sink", 0, 1});
  writer->set_watermark(VirtualEnv::kStart);
  const auto prepared = writer->prepare(Epoch(1));
  ASSERT_TRUE(prepared.ok() && prepared->persist().ok() && writer->commit(prepared->handle).ok());
  env_.set_auto_offload(false);
  env_.advance(2 * kMicrosPerSecond);  // partitions are looked at about twice a second
  job_->run(4000);
  const HttpResponse response = call("GET", "/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const MetricInfo& info : metric_table()) {
    if (info.name == "rideflow_source_files") continue;  // this job's source reads no files
    expect_has(response.body,
               {"# HELP " + std::string(info.name) + " ", "# TYPE " + std::string(info.name) + " ",
                "\n" + std::string(info.name) + "{"});
  }
  expect_has(
      response.body,
      {"rideflow_operator_rows_in_total{job=\"small\",step=\"out\",role=\"sink\",node=\"2\",shard=\"1\"} ",
       "rideflow_rollup_segment_bytes{datasource=\"rides\"} 0\n",
       "rideflow_rollup_complete_to_microseconds{datasource=\"rides\"} 1767225600000000\n",
       "rideflow_checkpoint_epoch{job=\"small\"} ",
       "rideflow_partition_position{job=\"small\",source=\"feed\",partition=\"1\"} 50\n"});
}

TEST(Tap, TheLastNodeOfTheStepsChain) {
  LogicalPlan plan;
  plan.job = "j";
  const auto add = [&](const std::string& step, std::vector<NodeInput> inputs, size_t outputs) {
    LogicalNode node;
    node.id = NodeId(static_cast<int32_t>(plan.nodes.size()));
    node.step = step;
    node.inputs = std::move(inputs);
    node.outputs.resize(outputs);
    plan.nodes.push_back(node);
  };
  add("rides", {}, 2);                                // 0
  add("minute", {{NodeId(0), 0}}, 2);                 // 1
  add("minute", {{NodeId(1), 0}}, 2);                 // 2
  add("rides", {{NodeId(0), 1}, {NodeId(2), 1}}, 1);  // 3: what was rejected
  add("kept", {{NodeId(3), 0}}, 0);                   // 4
  add("show", {{NodeId(2), 0}}, 0);                   // 5
  add("late", {{NodeId(2), 1}}, 0);                   // 6
  EXPECT_EQ(tapped_node(plan, "rides")->value, 0);
  EXPECT_EQ(tapped_node(plan, "minute")->value, 2);
  EXPECT_EQ(tapped_node(plan, "show")->value, 2);
  EXPECT_EQ(tapped_node(plan, "kept")->value, 3);
  EXPECT_EQ(tapped_node(plan, "late").status().code(), Code::failed_precondition);
  EXPECT_EQ(tapped_node(plan, "minut").status().code(), Code::not_found);
}

class TopicApiTest : public ApiTest {
 protected:
  TopicApiTest() { services_.topics = *TopicStore::open(env_, "/data/topics"); }
};

TEST_F(TopicApiTest, CreateListDescribeDelete) {
  EXPECT_EQ(call("GET", "/api/v1/topics").body, "[]");
  const HttpResponse created = call("POST", "/api/v1/topics", R"({"name":"rides","partitions":2})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.body, R"({"name":"rides","partitions":2,"records":0,"bytes":0})");
  EXPECT_EQ(call("POST", "/api/v1/topics", R"({"name":"rides"})").status, 409);
  EXPECT_EQ(call("POST", "/api/v1/topics", R"({"name":"users"})").status, 201);
  expect_has(call("GET", "/api/v1/topics").body,
             {R"([{"name":"rides","partitions":2)", R"({"name":"users","partitions":4)"});
  expect_has(call("GET", "/api/v1/topics/rides").body,
             {R"("partitions":[{"partition":0,"first_offset":0,"end_offset":0},)"});
  EXPECT_EQ(call("DELETE", "/api/v1/topics/rides").status, 200);
  EXPECT_EQ(call("DELETE", "/api/v1/topics/rides").status, 404);
  EXPECT_EQ(call("GET", "/api/v1/topics/rides").status, 404);
}

TEST_F(TopicApiTest, ATopicInUseIsDeletedByForceOnly) {
  services_.topic_users = [](const std::string& topic) -> Result<std::vector<TopicUser>> {
    if (topic != "rides") return std::vector<TopicUser>();
    return std::vector<TopicUser>{{"minutes", "rides", true, true}, {"copy", "out", false, false}};
  };
  for (const char* name : {"rides", "free"})
    EXPECT_EQ(call("POST", "/api/v1/topics", fmt::format(R"({{"name":"{}"}})", name)).status, 201);
  const HttpResponse refused = call("DELETE", "/api/v1/topics/rides");
  EXPECT_EQ(refused.status, 409);
  expect_has(refused.body, {"job 'minutes' (running) reads it as 'rides'",
                            "job 'copy' (at rest) writes it as 'out'", "?force=true"});
  EXPECT_EQ(call("DELETE", "/api/v1/topics/rides?force=false").status, 409);
  EXPECT_EQ(call("DELETE", "/api/v1/topics/rides?force=yes").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/topics/rides").status, 200);
  EXPECT_EQ(call("DELETE", "/api/v1/topics/free").status, 200);
  EXPECT_EQ(call("DELETE", "/api/v1/topics/rides?force=true").status, 200);
  EXPECT_EQ(call("GET", "/api/v1/topics/rides").status, 404);
  EXPECT_EQ(call("DELETE", "/api/v1/topics/rides?force=true").status, 404);
}

TEST_F(TopicApiTest, WhatIsNotATopicIsRefused) {
  for (const char* body :
       {"", "{", "[]", R"({"partitions":2})", R"({"name":7})", R"({"name":"a","partitions":0})",
        R"({"name":"a","partitions":"2"})", R"({"name":"a","partitions":1.5})", R"({"name":"../a"})",
        R"({"name":"_late.x"})", R"({"name":""})"}) {
    EXPECT_EQ(call("POST", "/api/v1/topics", body).status, 400) << body;
  }
  std::string deep = R"({"name":"a","x":)";
  for (int i = 0; i < 40; ++i) deep += '[';
  EXPECT_EQ(call("POST", "/api/v1/topics", deep).status, 400);
}

TEST_F(TopicApiTest, AppendAndRead) {
  EXPECT_EQ(call("POST", "/api/v1/topics", R"({"name":"t","partitions":1})").status, 201);
  EXPECT_EQ(call("POST", "/api/v1/topics/t/records", "{\"a\":1}\n{\"a\":2}\nplain").body, R"({"records":3})");
  HttpResponse read = call("GET", "/api/v1/topics/t/records?partition=0&offset=1&limit=1");
  EXPECT_EQ(read.body,
            R"({"partition":0,"offset":1,"timestamp":"2026-01-01T00:00:00Z","key":null,"value":"{\"a\":2}"})"
            "\n");
  EXPECT_EQ(header(read, "X-Rideflow-Next"), "2");
  EXPECT_EQ(header(read, "X-Rideflow-End"), "3");
  EXPECT_EQ(call("GET", "/api/v1/topics/t/records?offset=3").body, "");
  EXPECT_EQ(call("GET", "/api/v1/topics/t/records?offset=9").status, 400) << "beyond the end";
  EXPECT_EQ(call("GET", "/api/v1/topics/t/records?partition=1").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/topics/t/records?limit=1000000").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/topics/none/records").status, 404);
}

TEST_F(TopicApiTest, KeysAndBytes) {
  EXPECT_EQ(call("POST", "/api/v1/topics/t/records?separator=%09&partition=2", "k1\tv1\n\xFF\tx").body,
            R"({"records":2})")
      << "created on first use";
  const std::string body = call("GET", "/api/v1/topics/t/records?partition=2").body;
  expect_has(body, {R"("key":"k1","value":"v1"})", R"("key":"/w==","value":"eA==","encoding":"base64"})"});
  const HttpResponse lacking = call("POST", "/api/v1/topics/t/records?separator=%09", "k1\tv1\nv2");
  EXPECT_EQ(lacking.status, 400);
  expect_has(lacking.body, {"Line 2"});
  EXPECT_EQ(call("POST", "/api/v1/topics/empty/records", "\nx\n\n").body, R"({"records":3})")
      << "a line break ends a record, also one of no bytes";
  EXPECT_EQ(call("POST", "/api/v1/topics/_late.x/records", "x").status, 400);
  EXPECT_EQ(call("POST", "/api/v1/topics/t/records?partition=99", "x").status, 400);
}

TEST_F(ApiTest, DruidsPathsWithAndWithoutSlash) {
  auto queries = std::make_shared<DruidQueries>();
  queries->post = [](std::string_view body) {
    QueryAnswer answer;
    answer.status = body == "bad" ? 400 : 200;
    answer.body = R"([{"a":"x:[\"{","b":[],"c":{"d":1}}])";
    answer.headers.emplace_back("X-Druid-Response-Context", "{}");
    return answer;
  };
  std::vector<std::string> cancelled;
  queries->cancel = [&](const std::string& id) {
    cancelled.push_back(id);
    return 1;
  };
  queries->datasources = [] {
    QueryAnswer answer;
    answer.body = R"(["rides"])";
    return answer;
  };
  queries->datasource = [](const std::string& name) {
    QueryAnswer answer;
    answer.body = name;
    return answer;
  };
  services_.queries = queries;
  for (const std::string slash : {"", "/"}) {
    EXPECT_EQ(call("GET", "/druid/v2/datasources" + slash).body, R"(["rides"])");
    EXPECT_EQ(call("GET", "/druid/v2/datasources/a%20b" + slash).body, "a b");
    const HttpResponse answer = call("POST", "/druid/v2" + slash, "{}");
    EXPECT_EQ(answer.body, R"([{"a":"x:[\"{","b":[],"c":{"d":1}}])");
    EXPECT_EQ(header(answer, "X-Druid-Response-Context"), "{}");
    EXPECT_EQ(call("DELETE", "/druid/v2/some-id" + slash).status, 202);
  }
  EXPECT_EQ(cancelled, std::vector<std::string>(2, "some-id"));
  EXPECT_EQ(call("POST", "/druid/v2", "bad").status, 400);
  expect_has(call("GET", "/metrics").body,
             {"rideflow_queries_total{} 3\n", "rideflow_queries_failed_total{} 1\n"});
  EXPECT_EQ(
      call("POST", "/druid/v2?pretty", "{}").body,
      "[\n  {\n    \"a\" : \"x:[\\\"{\",\n    \"b\" : [],\n    \"c\" : {\n      \"d\" : 1\n    }\n  }\n]");
  EXPECT_EQ(call("GET", "/druid/v2").status, 405);
  EXPECT_EQ(call("GET", "/druid/v1").status, 404);
}

TEST_F(ApiTest, SqlIsSaidNotToBeThere) {
  services_.queries = std::make_shared<DruidQueries>();
  for (const char* path : {"/druid/v2/sql", "/druid/v2/sql/"}) {
    const HttpResponse answer = call("POST", path, R"({"query":"SELECT 1"})");
    EXPECT_EQ(answer.status, 501);
    expect_has(answer.body, {"errorMessage", "SQL", "/druid/v2"});
  }
}

TEST(Json, ObjectsOfRequests) {
  const auto object = parse_json_object(R"({"a":1,"b":"x","c":true,"d":1.5,"e":null,"f":[1],"g":{"h":1}})");
  ASSERT_TRUE(object.ok());
  EXPECT_EQ(*json_member<int64_t>(*object, "a"), 1);
  EXPECT_EQ(*json_member<std::string>(*object, "b"), "x");
  EXPECT_EQ(*json_member<double>(*object, "d"), 1.5);
  EXPECT_EQ(json_member<std::string>(*object, "a"), nullptr) << "another type";
  EXPECT_EQ(object->count("f"), 0U);
  EXPECT_EQ(parse_json_objects(R"({"p":[{"x":1},{"x":2}]})", "p")->size(), 2U);
  EXPECT_EQ(parse_json_objects(R"([{"x":1}])")->size(), 1U);
  for (const char* text : {"", "{", "7", "{} x", "{\"a\":01}"})
    EXPECT_FALSE(parse_json_object(text).ok()) << text;
  for (const char* text : {"{}", "[1]", "x"}) EXPECT_FALSE(parse_json_objects(text).ok()) << text;
}

}  // namespace http_api_test
}  // namespace rideflow
