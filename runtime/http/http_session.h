// What happens on one connection: requests one after the other, with limits on size and time; private to
// http_server.cc. Everything here runs on the server's I/O thread, except handlers of the pool lane.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <list>
#include <optional>

#include "runtime/http/http_gate.h"
#include "runtime/http/http_lanes.h"
#include "runtime/http/http_server.h"

namespace rideflow::http_io {

namespace net = boost::asio;
namespace ssl = boost::asio::ssl;
using tcp = net::ip::tcp;

// A connection as the server sees it.
struct Session {
  bool busy = false;     // between a request's first byte and the end of its answer
  bool served = false;   // it had an answer already
  bool closing = false;  // told to close
  Micros idle_since = 0;
  int socket = -1;
  std::shared_ptr<HttpJob> job;  // what runs or waits for it in the lanes
  std::function<void()> close;
};

struct Core {
  Core(const HttpOptions& o, Env* e, std::shared_ptr<HttpMeter> m);

  const HttpOptions options;
  Env* env;
  std::shared_ptr<HttpMeter> meter;  // null: nobody counts
  std::optional<HttpGate> gate;
  HttpLanes lanes;
  bool stopping = false;
  std::list<Session> sessions;
  std::function<void()> on_last_session;

  // Room for one more connection: closes the one that has been idle longest when there is none. False when
  // all are busy.
  bool make_room();
  void count_connections() const;
  // Stops what runs for clients that are gone, and answers what has waited too long.
  void look_after_jobs();

  void close_sessions(bool busy_too) {
    for (Session& session : sessions) {
      if (busy_too || !session.busy) session.close();
    }
  }
};

net::awaitable<void> serve_plain(Core& core, tcp::socket socket);
net::awaitable<void> serve_tls(Core& core, tcp::socket socket, ssl::context& context);
// Too many connections: says so where that costs nothing, and closes.
void refuse(tcp::socket socket, bool tls);

}  // namespace rideflow::http_io
