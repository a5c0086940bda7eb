// Who is let in: framing, Host, tokens, origins and content types, each by itself.
#include "runtime/http/http_gate.h"

#include <gtest/gtest.h>

namespace rideflow {
namespace http_gate_test {

// Hashes of read-token-0123456789, operate-token-… and admin-token-….
constexpr const char* kTokens =
    "# three of them\n"
    "read    sha256:d354526d2b69d5dec36caef20814c68e90bf9a093c3cce5d33b59e8d01e41652\n"
    "operate sha256:DE2E9275CC99A72B6CEC4A09E544BC922AC375272A1735ADA17BEE3A7D14048C grafana\n"
    "admin  ca8d40e6ce4716b552f1c69863335b502f2afb57ffae171d6675fd56d91ca5b2   ops laptop\r\n"
    "\n";

class GateTest : public testing::Test {
 protected:
  GateTest() {
    add("GET", "/status", HttpRole::read, true);
    add("GET", "/api/v1/jobs", HttpRole::read);
    add("POST", "/api/v1/topics", HttpRole::operate);
    add("DELETE", "/api/v1/topics/{name}", HttpRole::admin);
    add("POST", "/druid/v2", HttpRole::read);
  }
  void add(const std::string& method, const std::string& pattern, HttpRole role, bool open = false) {
    HttpRoute route;
    route.method = method;
    route.pattern = pattern;
    route.role = role;
    route.open = open;
    route.handler = [](const HttpRequest&) { return HttpResponse(); };
    router_.add(std::move(route));
  }
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // The status of the refusal; 0: let in.
  int admit(const std::string& method, const std::string& target, Headers headers,
            const std::string& host = "localhost:8082") {
    HttpRequest head;
    head.method = method;
    head.target = target;
    head.headers = std::move(headers);
    if (!host.empty()) head.headers.emplace_back("host", host);
    const HttpAdmission admission = HttpGate(&router_, policy_).admit(head);
    refusal_ = admission.refusal;
    return admission.route ? 0 : admission.refusal.status;
  }
  HttpRouter router_;
  HttpPolicy policy_;
  HttpResponse refusal_;
};

TEST_F(GateTest, HostsOfThisMachineOnly) {
  for (const char* host : {"localhost", "LOCALHOST:8082", "localhost.", "127.0.0.1:8082", "127.8.9.1",
                           "[::1]:8082", "[::1]", "app.localhost:80", " localhost "}) {
    EXPECT_EQ(admit("GET", "/status", {}, host), 0) << host;
  }
  for (const char* host : {"evil.example", "evil.example:8082", "localhost.evil.example",
                           "127.0.0.1.evil.example", "10.0.0.1", "[fe80::1]", "0x7f000001", "127.1"}) {
    EXPECT_EQ(admit("GET", "/status", {}, host), 403) << host;
  }
  for (const char* host :
       {"", ":8082", "local host", "a/b", "[::1", "::1", "localhost:x", "localhost:99999", "a@b"}) {
    EXPECT_EQ(admit("GET", "/status", {}, host), 400) << host;
  }
  EXPECT_EQ(admit("GET", "/status", {{"host", "localhost"}}), 400) << "two Host headers";
}

TEST_F(GateTest, ConfiguredHostsAndAddresses) {
  policy_.hosts = {"rideflow.internal"};
  EXPECT_EQ(admit("GET", "/status", {}, "RideFlow.Internal:443"), 0);
  EXPECT_EQ(admit("GET", "/status", {}, "10.0.0.1"), 403);
  policy_.any_address = true;
  EXPECT_EQ(admit("GET", "/status", {}, "10.0.0.1"), 0);
  EXPECT_EQ(admit("GET", "/status", {}, "evil.example"), 403) << "a name can be rebound, an address cannot";
}

TEST_F(GateTest, BodiesAreFramedOnce) {
  const std::pair<std::string, std::string> json = {"content-type", "application/json"};
  EXPECT_EQ(admit("POST", "/druid/v2", {json, {"content-length", "2"}}), 0);
  EXPECT_EQ(admit("POST", "/druid/v2", {json, {"transfer-encoding", "Chunked"}}), 0);
  EXPECT_EQ(admit("POST", "/druid/v2", {json, {"content-length", "2"}, {"transfer-encoding", "chunked"}}),
            400);
  EXPECT_EQ(admit("POST", "/druid/v2", {json, {"content-length", "2"}, {"content-length", "2"}}), 400);
  EXPECT_EQ(admit("POST", "/druid/v2", {json, {"transfer-encoding", "gzip, chunked"}}), 501);
  EXPECT_EQ(admit("POST", "/druid/v2", {json, {"content-length", "2"}, {"content-encoding", "gzip"}}), 415);
}

TEST_F(GateTest, PathsAndMethods) {
  EXPECT_EQ(admit("GET", "/nothing", {}), 404);
  EXPECT_EQ(admit("POST", "/api/v1/jobs", {}), 405);
  ASSERT_FALSE(refusal_.headers.empty());
  EXPECT_EQ(refusal_.headers[0].second, "GET, HEAD");
  EXPECT_EQ(admit("OPTIONS", "/api/v1/jobs", {}), 405) << "no CORS: a preflight gets nothing";
  EXPECT_EQ(admit("GET", "/" + std::string(8 << 10, 'a'), {}), 414);
  EXPECT_EQ(admit("GET", "http://localhost/status", {}), 400);
  EXPECT_EQ(admit("GET", "/druid/nothing", {}), 404);
  EXPECT_NE(refusal_.body.find("errorMessage"), std::string::npos) << "Druid's shape under /druid/";
}

TEST_F(GateTest, WritesAreJson) {
  const auto post = [&](Headers headers) {
    headers.emplace_back("content-length", "2");
    return admit("POST", "/api/v1/topics", std::move(headers));
  };
  EXPECT_EQ(post({{"content-type", "application/json"}}), 0);
  EXPECT_EQ(post({{"content-type", "Application/JSON; charset=utf-8"}}), 0);
  EXPECT_EQ(post({{"content-type", "application/x-ndjson"}}), 0);
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "",
                           "application/jsonp", "text/plain; application/json"}) {
    EXPECT_EQ(post({{"content-type", type}}), 415) << type;
  }
  EXPECT_EQ(post({}), 415);
  EXPECT_EQ(admit("POST", "/api/v1/topics", {{"content-length", "0"}}), 0) << "no body, no type";
}

TEST_F(GateTest, PagesOfOtherOriginsDoNotWrite) {
  const auto post = [&](const std::string& origin) {
    return admit("POST", "/api/v1/topics",
                 {{"content-type", "application/json"}, {"content-length", "2"}, {"origin", origin}});
  };
  EXPECT_EQ(post("http://localhost:8082"), 0);
  EXPECT_EQ(post("http://localhost:5173"), 0) << "the console's development server, by its proxy";
  EXPECT_EQ(post("https://evil.example"), 403);
  EXPECT_EQ(post("null"), 403) << "a sandboxed frame";
  EXPECT_EQ(admit("DELETE", "/api/v1/topics/x", {{"origin", "https://evil.example"}}), 403);
}

TEST_F(GateTest, RolesOfTokens) {
  policy_.tokens = *HttpTokens::parse(kTokens);
  const auto as = [&](const std::string& role, const std::string& method, const std::string& target) {
    return admit(method, target, {{"authorization", "Bearer " + role + "-token-0123456789"}});
  };
  EXPECT_EQ(as("read", "GET", "/api/v1/jobs"), 0);
  EXPECT_EQ(as("read", "POST", "/druid/v2"), 0) << "a query reads";
  EXPECT_EQ(as("read", "POST", "/api/v1/topics"), 403);
  EXPECT_EQ(as("operate", "POST", "/api/v1/topics"), 0);
  EXPECT_EQ(as("operate", "DELETE", "/api/v1/topics/x"), 403);
  EXPECT_EQ(as("admin", "DELETE", "/api/v1/topics/x"), 0);

  EXPECT_EQ(admit("GET", "/api/v1/jobs", {}), 401);
  EXPECT_EQ(refusal_.headers.at(0).first, "WWW-Authenticate");
  for (const char* wrong : {"Bearer", "Bearer ", "Bearer wrong-token-0123456789", "read-token-0123456789",
                            "Basic cmVhZDp4", "Bearer  read-token-0123456789", "Bearer short"}) {
    EXPECT_EQ(admit("GET", "/api/v1/jobs", {{"authorization", wrong}}), 401) << wrong;
  }
  EXPECT_EQ(admit("GET", "/api/v1/jobs", {{"authorization", "bearer read-token-0123456789"}}), 0);
  EXPECT_EQ(admit("GET", "/api/v1/jobs", {{"cookie", "token=admin-token-0123456789"}}), 401);
  EXPECT_EQ(admit("GET", "/status", {}), 0) << "liveness is open";
}

TEST_F(GateTest, ATokenThatIsTooShortIsToldWhy) {
  // The hash of "hunter2".
  policy_.tokens =
      *HttpTokens::parse("read f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7\n");
  EXPECT_EQ(admit("GET", "/api/v1/jobs", {{"authorization", "Bearer hunter2"}}), 401);
  EXPECT_NE(refusal_.body.find("at least 16 characters"), std::string::npos) << refusal_.body;
}

TEST(Tokens, FileFormat) {
  const auto tokens = HttpTokens::parse(kTokens);
  ASSERT_TRUE(tokens.ok()) << tokens.status().to_string();
  for (const char* text :
       {"", "# only a comment\n", "root sha256:00\n", "read\n", "read my-secret-token\n",
        "read sha256:zz0ee6cd6d1c4ff1f7ed8ed0e37d2b9f7c0f2b6a1e0b2c5d8a4f3e1c0aaaaaaaa\n"}) {
    const auto bad = HttpTokens::parse(text);
    ASSERT_FALSE(bad.ok()) << text;
    EXPECT_EQ(bad.status().message().find("my-secret"), std::string::npos) << "a token is never repeated";
  }
  EXPECT_EQ(HttpTokens::parse("\n\nbad x\n").status().message().substr(0, 7), "Line 3 ");
}

TEST(Listen, Addresses) {
  EXPECT_EQ(parse_listen("127.0.0.1:8082")->to_string(), "127.0.0.1:8082");
  EXPECT_EQ(parse_listen("8082")->to_string(), "127.0.0.1:8082");
  EXPECT_EQ(parse_listen(":0")->to_string(), "127.0.0.1:0");
  EXPECT_EQ(parse_listen("[::1]:80")->to_string(), "[::1]:80");
  EXPECT_EQ(parse_listen("LocalHost:80")->to_string(), "localhost:80");
  for (const char* text :
       {"", "x", "127.0.0.1", "host.example:80", "127.0.0.1:70000", "::1:80", "1.2.3.4:5:6"}) {
    EXPECT_FALSE(parse_listen(text).ok()) << text;
  }
}

}  // namespace http_gate_test
}  // namespace rideflow
