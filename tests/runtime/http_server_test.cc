// The server over real sockets on loopback: limits, time-outs, framing, keep-alive, exposure, stopping.
#include "runtime/http/http_server.h"

#include <gtest/gtest.h>
#include <openssl/tls1.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "engine/virtual_env.h"
#include "rollup/query_control.h"
#include "runtime/posix_env.h"
#include "tests/runtime/raw_http.h"
#include "tests/runtime/tls_client.h"
#include "tests/support/temp_dir.h"

namespace rideflow {
namespace http_server_test {

using test::RawAnswer;
using test::RawHttp;

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    PosixEnvOptions quiet;
    quiet.log_level = LogLevel::error;
    env_ = std::make_unique<PosixEnv>(quiet);
    options_.listen = "127.0.0.1:0";
  }
  void add(const std::string& method, const std::string& pattern, HttpHandler handler,
           HttpRoute::Lane lane = HttpRoute::Lane::pool) {
    HttpRoute route;
    route.method = method;
    route.pattern = pattern;
    route.handler = std::move(handler);
    route.lane = lane;
    route.max_body = 1024;
    router_->add(std::move(route));
  }
  void start() {
    add(
        "GET", "/hello", [](const HttpRequest&) { return text_response("hello"); }, HttpRoute::Lane::quick);
    add("POST", "/echo", [](const HttpRequest& r) { return json_response(r.body); });
    auto server = HttpServer::start(options_, env_.get(), router_, {});
    ASSERT_TRUE(server.ok()) << server.status().to_string();
    server_ = std::move(*server);
  }
  uint16_t port() const { return server_->port(); }
  Status start_error(const HttpOptions& options) {
    auto server = HttpServer::start(options, env_.get(), router_, {});
    return server.ok() ? Status() : server.status();
  }

  std::unique_ptr<PosixEnv> env_;
  HttpOptions options_;
  std::shared_ptr<HttpRouter> router_ = std::make_shared<HttpRouter>();
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawHttp http(port());
  for (int i = 0; i < 3; ++i) {
    const RawAnswer hello = http.call("GET", "/hello");
    EXPECT_EQ(hello.status, 200);
    EXPECT_EQ(hello.body, "hello");
    EXPECT_EQ(hello.headers.at("content-type"), "text/plain; charset=utf-8");
    EXPECT_EQ(hello.headers.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(hello.headers.at("date").size(), 29U);
    EXPECT_EQ(hello.headers.count("access-control-allow-origin"), 0U);
    EXPECT_EQ(hello.headers.count("set-cookie"), 0U);
    EXPECT_EQ(http.call("POST", "/echo", "", "{\"a\":1}").body, "{\"a\":1}");
  }
  const RawAnswer head = http.call("HEAD", "/hello");
  EXPECT_EQ(head.headers.at("content-length"), "5");
  EXPECT_EQ(http.call("GET", "/nothing").status, 404);
  EXPECT_EQ(http.call("DELETE", "/hello").status, 405);
  EXPECT_EQ(http.call("GET", "/hello", "Connection: close\r\n").body, "hello");
  EXPECT_TRUE(http.closed());
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  RawHttp http(port());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string body = "{\"n\":" + std::to_string(i) + "}";
    all += "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
    all += "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  ASSERT_TRUE(http.send(all));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(http.read().body, "{\"n\":" + std::to_string(i) + "}");
    EXPECT_EQ(http.read().body, "hello");
  }
}

TEST_F(ServerTest, RequestsInPieces) {
  start();
  RawHttp http(port());
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n";
  for (const char c : request) ASSERT_TRUE(http.send(std::string(1, c)));
  EXPECT_EQ(http.read().body, "[1,2]");
  EXPECT_EQ(http.call("GET", "/hello").status, 200) << "the connection is in step";
}

TEST_F(ServerTest, ContinuesWhenAsked) {
  start();
  RawHttp http(port());
  http.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
      "Content-Length: 2\r\n\r\n");
  EXPECT_EQ(http.read().status, 100);
  http.send("{}");
  EXPECT_EQ(http.read().body, "{}");
}

TEST_F(ServerTest, LimitsOfHeaderUrlAndBody) {
  start();
  EXPECT_EQ(RawHttp(port()).call("GET", "/hello", "X: " + std::string(15 << 10, 'x') + "\r\n").status, 200);
  EXPECT_EQ(RawHttp(port()).call("GET", "/hello", "X: " + std::string(17 << 10, 'x') + "\r\n").status, 431);
  EXPECT_EQ(RawHttp(port()).call("GET", "/" + std::string(8 << 10, 'x')).status, 414);
  EXPECT_EQ(RawHttp(port()).call("POST", "/echo", "", std::string(1024, ' ')).status, 200);
  RawHttp large(port());
  EXPECT_EQ(large.call("POST", "/echo", "", std::string(1025, ' ')).status, 413);
  EXPECT_TRUE(large.closed());
  RawHttp chunked(port());
  chunked.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n800\r\n" +
      std::string(0x800, ' ') + "\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.read().status, 413);
  // Said before the body is sent: nothing of it is read.
  RawHttp promised(port());
  promised.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 99999999999\r\n\r\n");
  EXPECT_EQ(promised.read().status, 413);
}

TEST_F(ServerTest, WhatIsNotHttpIsRefusedAndClosed) {
  start();
  const std::vector<std::string> wrong = {
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n"
      "Content-Length: 2\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -2\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2x\r\n\r\n{}",
      "GET /hello HTTP/1.1\r\nHost : localhost\r\n\r\n",
      "GET /hello HTTP/1.1\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
      "GET  /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "\x16\x03\x01\x02\x01\x01\r\n\r\n",
      "nonsense\r\n\r\n",
  };
  for (const std::string& request : wrong) {
    RawHttp http(port());
    http.send(request + "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(http.read().status, 400) << request;
    EXPECT_TRUE(http.closed()) << "what followed must not be taken for a request: " << request;
  }
}

TEST_F(ServerTest, ForeignHostsAreRefused) {
  start();
  RawHttp http(port());
  http.send("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(http.read().status, 403);
}

TEST_F(ServerTest, SlowHeadersAndBodiesEnd) {
  options_.header_timeout_ms = 50;
  options_.body_grace_ms = 50;
  options_.idle_timeout_ms = 50;
  start();
  RawHttp nothing(port());
  EXPECT_TRUE(nothing.closed());
  RawHttp header(port());
  header.send("GET /hello HT");
  EXPECT_TRUE(header.closed());
  RawHttp body(port());
  body.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
      "9\r\n\r\n[");
  EXPECT_TRUE(body.closed());
  RawHttp idle(port());
  EXPECT_EQ(idle.call("GET", "/hello").status, 200);
  EXPECT_TRUE(idle.closed());
}

TEST_F(ServerTest, TooManyQueriesAtOnce) {
  options_.max_queries = 2;
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  std::latch entered(2);
  std::atomic<int> calls{0};
  add("GET", "/druid/slow", [&, open](const HttpRequest&) {
    if (++calls <= 2) entered.count_down();
    open.wait();
    return json_response("[]");
  });
  start();
  RawHttp first(port());
  RawHttp second(port());
  const std::string slow = "GET /druid/slow HTTP/1.1\r\nHost: localhost\r\n\r\n";
  first.send(slow);
  second.send(slow);
  entered.wait();
  const RawAnswer third = RawHttp(port()).call("GET", "/druid/slow");
  ASSERT_EQ(third.status, 429);
  EXPECT_EQ(third.headers.at("retry-after"), "1");
  EXPECT_NE(third.body.find("Query capacity exceeded"), std::string::npos);
  EXPECT_EQ(RawHttp(port()).call("GET", "/hello").status, 200) << "quick answers go on";
  gate.set_value();
  EXPECT_EQ(first.read().body, "[]");
  EXPECT_EQ(second.read().body, "[]");
  EXPECT_EQ(RawHttp(port()).call("GET", "/druid/slow").status, 200);
}

TEST_F(ServerTest, AllThatWaitAreAnswered) {
  std::atomic<int> calls{0};
  add("GET", "/druid/some", [&](const HttpRequest&) {
    ++calls;
    return json_response("[]");
  });
  start();
  std::vector<std::unique_ptr<RawHttp>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawHttp>(port()));
    clients.back()->send("GET /druid/some HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  for (auto& client : clients) EXPECT_EQ(client->read().status, 200);
  EXPECT_EQ(calls, 100);
}

TEST_F(ServerTest, TheLongestIdleConnectionMakesRoom) {
  options_.max_connections = 2;
  start();
  RawHttp first(port());
  EXPECT_EQ(first.call("GET", "/hello").status, 200);
  RawHttp second(port());
  EXPECT_EQ(second.call("GET", "/hello").status, 200);
  RawHttp third(port());
  EXPECT_EQ(third.call("GET", "/hello").status, 200);
  EXPECT_TRUE(first.closed());
  EXPECT_EQ(second.call("GET", "/hello").status, 200);
  RawHttp fourth(port());
  EXPECT_EQ(fourth.call("GET", "/hello").status, 200);
  EXPECT_TRUE(third.closed()) << "it has been idle longer than the second";
  EXPECT_EQ(second.call("GET", "/hello").status, 200);
}

TEST_F(ServerTest, BusyConnectionsAreCapped) {
  options_.max_connections = 2;
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  std::latch entered(2);
  add("GET", "/slow", [&, open](const HttpRequest&) {
    entered.count_down();
    open.wait();
    return text_response("done");
  });
  start();
  RawHttp first(port());
  RawHttp second(port());
  for (RawHttp* http : {&first, &second}) http->send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  entered.wait();
  EXPECT_EQ(RawHttp(port()).read().status, 503);
  gate.set_value();
  EXPECT_EQ(first.read().body, "done");
  EXPECT_EQ(second.read().body, "done");
}

// A handler that asks, as queries do, ends when its client hangs up or the server stops.
class AskingTest : public ServerTest {
 protected:
  void add_asking() {
    add("GET", "/ask", [this](const HttpRequest& request) {
      entered_.set_value();
      const std::atomic<bool> cancelled{false};
      Status status;
      while (status.ok()) {
        status = request.turn->pause(cancelled, INT64_MAX);
        if (status.ok()) status = request.turn->check();
      }
      ended_.set_value();
      return error_response(503, status.message());
    });
  }
  std::promise<void> entered_;
  std::promise<void> ended_;
};

TEST_F(AskingTest, AQueryEndsWhenItsClientHangsUp) {
  add_asking();
  start();
  {
    RawHttp client(port());
    client.send("GET /ask HTTP/1.1\r\nHost: localhost\r\n\r\n");
    entered_.get_future().wait();
  }
  EXPECT_EQ(ended_.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

TEST_F(AskingTest, AQueryEndsWhenTheServerStops) {
  add_asking();
  start();
  RawHttp client(port());
  client.send("GET /ask HTTP/1.1\r\nHost: localhost\r\n\r\n");
  entered_.get_future().wait();
  server_->cancel_queries();
  EXPECT_EQ(client.read().status, 503);
  EXPECT_EQ(client.call("POST", "/echo", "Content-Type: application/json\r\n", "{}").status, 503);
  server_->stop();
}

TEST_F(ServerTest, StoppingLetsARequestEnd) {
  std::promise<void> entered;
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  add("GET", "/slow", [&entered, open](const HttpRequest&) {
    entered.set_value();
    open.wait();
    return text_response("done");
  });
  start();
  RawHttp idle(port());
  EXPECT_EQ(idle.call("GET", "/hello").status, 200);
  RawHttp busy(port());
  busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  entered.get_future().wait();
  std::thread stopping([&] { server_->stop(); });
  EXPECT_TRUE(idle.closed());
  gate.set_value();
  const RawAnswer answer = busy.read();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  stopping.join();
  EXPECT_EQ(RawHttp(port()).call("GET", "/hello").status, 0) << "nobody listens any more";
  server_->stop();
}

TEST_F(ServerTest, StoppingDoesNotWaitForSlowPeers) {
  options_.drain_ms = 50;
  start();
  RawHttp slow(port());
  slow.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
      "9\r\n\r\n[");
  EXPECT_EQ(RawHttp(port()).call("GET", "/hello").status, 200);
  server_->stop();
  EXPECT_EQ(slow.read().status, 0);
}

TEST_F(ServerTest, APortInUseIsOneClearSentence) {
  start();
  HttpOptions again = options_;
  again.listen = "127.0.0.1:" + std::to_string(port());
  const Status status = start_error(again);
  EXPECT_EQ(status.code(), Code::failed_precondition);
  EXPECT_EQ(status.blame(), Blame::user);
  EXPECT_NE(status.message().find(again.listen + " is in use"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("--listen"), std::string::npos);
}

TEST_F(ServerTest, OtherMachinesNeedTlsAndTokens) {
  HttpOptions options;
  for (const char* listen : {"0.0.0.0:0", "[::]:0", "10.1.2.3:0"}) {
    options.listen = listen;
    const Status status = start_error(options);
    EXPECT_EQ(status.code(), Code::permission_denied) << listen;
    EXPECT_NE(status.message().find("--insecure"), std::string::npos);
  }
  options.listen = "0.0.0.0:0";
  options.tokens_file = "tokens";
  EXPECT_EQ(start_error(options).code(), Code::permission_denied) << "tokens in clear text";
  options.insecure = true;
  options.tokens_file = "";
  EXPECT_TRUE(start_error(options).ok());
  options.tls_cert_file = "cert.pem";
  EXPECT_EQ(start_error(options).code(), Code::invalid_argument) << "a certificate without its key";
}

TEST_F(ServerTest, AnOpenDoorIsSaidAloud) {
  for (const char* listen : {"127.0.0.1:0", "0.0.0.0:0"}) {
    VirtualEnv env;
    HttpOptions options;
    options.listen = listen;
    options.insecure = true;
    auto server = HttpServer::start(options, &env, router_, {});
    ASSERT_TRUE(server.ok()) << server.status().to_string();
    EXPECT_EQ(env.logs("http_insecure").size(), options.listen == "0.0.0.0:0" ? 1u : 0u) << listen;
    EXPECT_TRUE((*server)->url().starts_with("http://127.0.0.1:")) << (*server)->url();
  }
}

TEST_F(ServerTest, AnswersAreCounted) {
  HttpServices services;
  services.env = env_.get();
  auto server = HttpServer::start(options_, services);
  ASSERT_TRUE(server.ok()) << server.status().to_string();
  EXPECT_EQ(RawHttp((*server)->port()).call("GET", "/nosuch").status, 404);
  EXPECT_EQ(services.meter->answers[3], 1) << "of the class 4xx";
  EXPECT_EQ(services.meter->answers[1], 0);
}

TEST_F(ServerTest, TokensAreAskedFor) {
  test::TempDir dir;
  options_.tokens_file = dir / "tokens";
  ASSERT_TRUE(write_file_atomic(env_->fs(), options_.tokens_file,
                                "read d354526d2b69d5dec36caef20814c68e90bf9a093c3cce5d33b59e8d01e41652\n")
                  .ok());
  start();
  EXPECT_EQ(RawHttp(port()).call("GET", "/hello").status, 401);
  EXPECT_EQ(RawHttp(port()).call("GET", "/hello", "Authorization: Bearer read-token-0123456789\r\n").status,
            200);
  HttpOptions missing;
  missing.tokens_file = dir / "none";
  EXPECT_FALSE(start_error(missing).ok());
}

class TlsTest : public ServerTest {
 protected:
  TlsTest() {
    const test::Certificate made = test::make_certificate();
    options_.tls_cert_file = dir_ / "cert.pem";
    options_.tls_key_file = dir_ / "key.pem";
    EXPECT_TRUE(write_file_atomic(env_->fs(), options_.tls_cert_file, made.cert).ok());
    EXPECT_TRUE(write_file_atomic(env_->fs(), options_.tls_key_file, made.key).ok());
  }
  test::TempDir dir_;
  const std::string request_ = "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
};

TEST_F(TlsTest, ServesHttps) {
  start();
  EXPECT_EQ(server_->url().substr(0, 8), "https://");
  const test::TlsAnswer answer = test::tls_call(port(), request_ + request_);
  EXPECT_EQ(answer.version, "TLSv1.3");
  EXPECT_EQ(answer.text.substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_EQ(answer.text.substr(answer.text.size() - 5), "hello");
  EXPECT_EQ(test::tls_call(port(), request_, TLS1_2_VERSION).version, "TLSv1.2");
}

TEST_F(TlsTest, OldVersionsAndClearTextAreRefused) {
  options_.header_timeout_ms = 200;
  start();
  EXPECT_FALSE(test::tls_call(port(), request_, TLS1_1_VERSION).handshake);
  RawHttp clear(port());
  clear.send(request_);
  EXPECT_EQ(clear.read().status, 0);
  RawHttp silent(port());
  EXPECT_TRUE(silent.closed()) << "a handshake that never comes";
}

TEST_F(TlsTest, WithTokensOtherMachinesMayAsk) {
  options_.listen = "0.0.0.0:0";
  options_.tokens_file = dir_ / "tokens";
  ASSERT_TRUE(write_file_atomic(env_->fs(), options_.tokens_file,
                                "read d354526d2b69d5dec36caef20814c68e90bf9a093c3cce5d33b59e8d01e41652\n")
                  .ok());
  start();
  EXPECT_EQ(test::tls_call(port(), request_).text.substr(0, 12), "HTTP/1.1 401");
}

TEST_F(TlsTest, FilesThatAreNoCertificate) {
  HttpOptions options = options_;
  options.tls_cert_file = options_.tls_key_file;
  EXPECT_EQ(start_error(options).code(), Code::invalid_argument);
  options = options_;
  options.tls_key_file = options_.tls_cert_file;
  EXPECT_EQ(start_error(options).code(), Code::invalid_argument);
  EXPECT_EQ(start_error(options).message().find("BEGIN"), std::string::npos) << "no key in a message";
}

}  // namespace http_server_test
}  // namespace rideflow
