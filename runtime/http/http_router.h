// Method and path patterns -> handlers. Pure: no sockets, no clock.
//
// A pattern is "/api/v1/jobs/{job}": literal segments and {name} segments, which match exactly one segment
// that is not empty. The path is cut at '/' before it is decoded, so an encoded slash stays inside its
// segment and
// "." or ".." mean nothing. Literal segments win over {name}. HEAD is answered by GET's route. Built by one
// thread, then read by any.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http/http_message.h"

namespace rideflow {

enum class HttpRole : uint8_t { read, operate, admin };  // each may do what those before it may

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Of the query, or a member of the body.
struct HttpQueryParameter {
  std::string name;
  std::string type = "string";  // as JSON Schema has it
};

struct HttpRoute {
  // Where the handler runs: `quick` ones never wait (no disk, no query) and run on the I/O thread; the others
  // run in a small pool, of which no more than a bounded number may be under way.
  enum class Lane : uint8_t { quick, pool };

  std::string method;
  std::string pattern;
  HttpHandler handler;
  HttpRole role = HttpRole::read;
  Lane lane = Lane::pool;
  bool open = false;  // answered without a token: liveness, and the console's files
  size_t max_body = size_t{1} << 20;
  // For the OpenAPI document.
  std::string summary = {};  // one sentence; empty: it is not listed
  std::vector<HttpQueryParameter> query = {}, body = {};
};

class HttpRouter {
 public:
  // REQUIRES: no other route with this method and pattern.
  void add(HttpRoute route);
  // Answers GET of every path that no pattern knows.
  void set_fallback(HttpRoute route) { fallback_ = std::make_unique<HttpRoute>(std::move(route)); }

  struct Match {
    const HttpRoute* route = nullptr;  // null: see path_known
    bool path_known = false;           // then the method is the trouble
    std::string allow;                 // "GET, HEAD, POST": what the path can answer
  };
  // Fills request.parameters. REQUIRES: parse_target() filled request.path.
  Match match(HttpRequest& request) const;

  const std::vector<std::unique_ptr<HttpRoute>>& routes() const { return routes_; }

 private:
  std::vector<std::unique_ptr<HttpRoute>> routes_;
  std::unique_ptr<HttpRoute> fallback_;
};

// Runs the handler. What it throws becomes a 500.
HttpResponse call_handler(const HttpRoute& route, const HttpRequest& request);

}  // namespace rideflow
