// The HTTP server of a process: one port for Druid's queries, Rideflow's API, metrics and the console.
//
// One thread does all input and output; handlers that may wait run in lanes (runtime/http/http_lanes.h): they
// queue, and what is more than may queue is answered 429. A query whose client hangs up is stopped. When all
// connections are taken, the one that has been idle longest makes room. Limits hold before a
// handler sees anything: size of header, URL and body, time for the header, a floor on the body's rate, idle
// connections, the number of connections. Loopback by default; other addresses need TLS and
// tokens, or `insecure`.
//
// Start and stop on one thread; handlers are called on the pool's threads and, the quick ones, on the I/O
// thread.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/env.h"
#include "runtime/http/http_router.h"
#include "runtime/http/http_services.h"

namespace rideflow {

struct HttpOptions {
  std::string listen = "127.0.0.1:8082";  // port 0: any free one, see HttpServer::port()
  bool insecure = false;                  // any address without TLS and tokens, said aloud
  std::string tls_cert_file;              // PEM, the chain; with tls_key_file: TLS 1.2 or later
  std::string tls_key_file;
  std::string tokens_file;         // see runtime/http/http_tokens.h
  std::vector<std::string> hosts;  // names in the Host header beside localhost and loopback addresses

  int max_connections = 512;
  int pool_threads = 2;   // light requests at once
  int heavy_threads = 2;  // and heavy ones, beside them
  int max_queries = 512;  // running or waiting
  int queue_timeout_ms = 30'000;
  int header_timeout_ms = 5'000;
  int idle_timeout_ms = 60'000;
  int body_grace_ms = 5'000;  // then the body must have come at body_floor_per_s on average
  int64_t body_floor_per_s = 4'096;
  int drain_ms = 5'000;  // how long stop() lets requests end
};

class HttpServer {
 public:
  // Listens when it returns ok. user errors: an address that needs TLS and tokens, a port in use, files that
  // cannot be read. `services` are used until stop() returned.
  static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, HttpServices services);
  // The same for other routes: tests, and programs that embed Rideflow. `tick` is called about every half
  // second on the I/O thread; may be empty. `meter` counts answers; may be null.
  static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, Env* env,
                                                   std::shared_ptr<const HttpRouter> router,
                                                   std::function<void()> tick,
                                                   std::shared_ptr<HttpMeter> meter = nullptr);
  ~HttpServer();  // stop()

  // Before stop(), which does it too: requests that wait for their turn, queries that run and what comes
  // after end with status 503; quick requests and handlers that do not ask go on.
  void cancel_queries();
  // The same, takes no new connection, lets requests end for drain_ms, or `most_ms` if that is less, then
  // closes. Idempotent.
  void stop(int most_ms = std::numeric_limits<int>::max());
  uint16_t port() const;
  // "http://127.0.0.1:8082"
  const std::string& url() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rideflow
