#include "runtime/http/http_session.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>

#include "engine/time.h"

namespace rideflow::http_io {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr uint32_t kHeaderLimit = 16 << 10;
constexpr size_t kBufferLimit = 64 << 10;
constexpr size_t kReadBytes = 64 << 10;
constexpr auto kWriteGrace = std::chrono::seconds(30);
constexpr int64_t kWriteFloorPerS = 16 << 10;

using Parser = http::request_parser<http::string_body>;
using Answer = http::response<http::empty_body>;

void copy_head(const Parser& parser, HttpRequest& request) {
  const auto& message = parser.get();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
}

// "Sat, 21 Nov 2026 13:47:53 GMT"
std::string http_date(Micros now) {
  return format_pattern(now, "EEE, dd MMM yyyy HH:mm:ss 'GMT'", TimeZone::utc());
}

std::string head_of(const Answer& message) {
  std::string head = fmt::format("HTTP/{}.{} {} {}\r\n", message.version() / 10, message.version() % 10,
                                 message.result_int(), std::string_view(message.reason()));
  for (const auto& field : message) {
    fmt::format_to(std::back_inserter(head), "{}: {}\r\n", std::string_view(field.name_string()),
                   std::string_view(field.value()));
  }
  return head + "\r\n";
}

// What the parser did not accept, as an answer; nothing when the peer is gone or was too slow (a time-out has
// closed the socket already).
std::optional<HttpResponse> parse_refusal(const error_code& ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    return error_response(431, fmt::format("The request's header is larger than {} bytes.", kHeaderLimit));
  }
  if (ec == http::error::body_limit) return error_response(413, "The request's body is too large.");
  if (ec == http::error::partial_message || ec == http::error::end_of_stream) return std::nullopt;
  if (ec.category() == http::make_error_code(http::error::bad_method).category()) {
    return error_response(400, fmt::format("This is not a valid HTTP/1.1 request: {}.", ec.message()));
  }
  return std::nullopt;
}

// Bytes to and from the peer, with and without TLS. All else is compiled once, not per stream: what a
// composed operation of Beast makes of a stream type takes the compiler half a minute.
class Bytes {
 public:
  virtual ~Bytes() = default;
  virtual net::awaitable<size_t> read_some(net::mutable_buffer space, error_code& ec) = 0;
  virtual net::awaitable<void> write(std::array<net::const_buffer, 2> bytes, error_code& ec) = 0;
};

template <class Stream>
class BytesOf : public Bytes {
 public:
  explicit BytesOf(Stream& stream) : stream_(stream) {}
  net::awaitable<size_t> read_some(net::mutable_buffer space, error_code& ec) override {
    co_return co_await stream_.async_read_some(space, net::redirect_error(net::use_awaitable, ec));
  }
  net::awaitable<void> write(std::array<net::const_buffer, 2> bytes, error_code& ec) override {
    co_await net::async_write(stream_, bytes, net::redirect_error(net::use_awaitable, ec));
  }

 private:
  Stream& stream_;
};

class Connection {
 public:
  // `lowest`: below TLS, what has the time-outs.
  Connection(Core& core, Bytes& bytes, beast::tcp_stream& lowest, Session& session)
      : core_(core), bytes_(bytes), lowest_(lowest), session_(session), buffer_(kBufferLimit) {}

  net::awaitable<void> run() {
    while (!core_.stopping && co_await wait_for_request()) {
      session_.busy = true;
      const bool keep = co_await serve_one();
      session_.busy = false;
      session_.served = true;
      session_.idle_since = core_.env->monotonic();
      if (!keep) break;
    }
  }

 private:
  void expire_in(milliseconds time) { lowest_.expires_after(time); }

  // The first byte of the next request, or one that came with the last.
  net::awaitable<bool> wait_for_request() {
    if (buffer_.size() > 0) co_return true;
    expire_in(milliseconds(first_ ? core_.options.header_timeout_ms : core_.options.idle_timeout_ms));
    first_ = false;
    error_code ec;
    const size_t n = co_await bytes_.read_some(buffer_.prepare(4096), ec);
    buffer_.commit(n);
    co_return !ec && n > 0;
  }

  // Gives the parser what is there; when that is not enough, what comes next.
  net::awaitable<void> feed(Parser& parser, error_code& ec) {
    if (buffer_.size() > 0 && !parse(parser, ec)) co_return;
    const size_t room = std::min<size_t>(kBufferLimit - buffer_.size(), kReadBytes);
    const size_t n = co_await bytes_.read_some(buffer_.prepare(room), ec);
    if (ec == net::error::eof) {
      ec = {};
      if (parser.got_some()) {
        parser.put_eof(ec);
      } else {
        ec = http::error::end_of_stream;
      }
    } else if (!ec) {
      buffer_.commit(n);
      parse(parser, ec);
    }
  }

  // True when it wants more than is there.
  bool parse(Parser& parser, error_code& ec) {
    buffer_.consume(parser.put(buffer_.data(), ec));
    if (ec != http::error::need_more) return false;
    ec = {};
    if (buffer_.size() < kBufferLimit) return true;
    ec = http::error::buffer_overflow;
    return false;
  }

  net::awaitable<bool> serve_one() {
    Parser parser;
    parser.header_limit(kHeaderLimit);
    parser.body_limit(boost::none);
    expire_in(milliseconds(core_.options.header_timeout_ms));
    error_code ec;
    while (!ec && !parser.is_header_done()) co_await feed(parser, ec);
    HttpRequest request;
    if (ec) {
      const auto refusal = parse_refusal(ec);
      if (refusal) co_await refuse_and_close(request, *refusal);
      co_return false;
    }
    copy_head(parser, request);
    keep_alive_ = parser.get().keep_alive();
    version_ = parser.get().version();
    const HttpAdmission admission = core_.gate->admit(request);
    if (!admission.route) {
      // Without a body there is nothing to mistake for the next request.
      const bool clean = parser.is_done() && admission.refusal.status != 400;
      if (clean) co_return co_await answer(request, admission.refusal);
      co_await refuse_and_close(request, admission.refusal);
      co_return false;
    }
    const std::optional<HttpResponse> refusal =
        co_await read_body(parser, request, admission.route->max_body);
    if (refusal) {
      co_await refuse_and_close(request, *refusal);
      co_return false;
    }
    const HttpResponse response = co_await dispatch(*admission.route, request);
    co_return co_await answer(request, response);
  }

  net::awaitable<std::optional<HttpResponse>> read_body(Parser& parser, HttpRequest& request, size_t limit) {
    std::optional<HttpResponse> refusal;
    const auto too_large = [&] {
      return error_response(413, fmt::format("The request's body is larger than {} bytes.", limit),
                            is_druid_path(request.path));
    };
    const auto length = parser.content_length();
    if (length && *length > limit) {
      refusal = too_large();
      co_return refusal;
    }
    parser.body_limit(limit);
    error_code ec;
    if (!parser.is_done() && request.header("expect") == "100-continue") {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      expire_in(milliseconds(core_.options.header_timeout_ms));
      const std::array<net::const_buffer, 2> go_on = {net::buffer(kContinue), net::const_buffer()};
      co_await bytes_.write(go_on, ec);
    }
    const auto started = steady_clock::now();
    while (!ec && !parser.is_done()) {
      const auto received = static_cast<int64_t>(parser.get().body().size());
      const auto allowed =
          milliseconds(core_.options.body_grace_ms + received * 1000 / core_.options.body_floor_per_s);
      lowest_.expires_at(started + allowed);
      co_await feed(parser, ec);
    }
    if (ec == http::error::body_limit) {
      refusal = too_large();
    } else if (ec) {
      refusal = parse_refusal(ec);
      if (!refusal) refusal = error_response(400, "The request's body broke off.");
    } else {
      request.body = std::move(parser.get().body());
    }
    co_return refusal;
  }

  net::awaitable<HttpResponse> dispatch(const HttpRoute& route, HttpRequest& request) {
    lowest_.expires_never();
    if (route.lane == HttpRoute::Lane::quick) co_return call_handler(route, request);
    // The timer stands for the answer: it is cancelled, on this thread, when that is there.
    const auto executor = co_await net::this_coro::executor;
    const auto answered = std::make_shared<net::steady_timer>(executor, net::steady_timer::time_point::max());
    const auto job = std::make_shared<HttpJob>(
        [&route, &request](HttpJob& turn) {
          request.turn = &turn;
          return call_handler(route, request);
        },
        [executor, answered] {
          net::post(executor, [answered] { answered->expires_at(steady_clock::now()); });
        },
        core_.env->monotonic());
    if (!core_.lanes.submit(job)) {
      if (core_.lanes.cancelled()) {
        co_return error_response(503, "Rideflow is stopping.", is_druid_path(request.path));
      }
      if (core_.meter) core_.meter->refused.fetch_add(1, std::memory_order_relaxed);
      HttpResponse busy = error_response(429, "Too many requests are under way: try again in a moment.",
                                         is_druid_path(request.path));
      busy.headers.emplace_back("Retry-After", "1");
      co_return busy;
    }
    session_.job = job;
    // Cancelled by whoever finishes the job; if that was before this wait, it has expired.
    error_code ec;
    co_await answered->async_wait(net::redirect_error(net::use_awaitable, ec));
    session_.job = nullptr;
    co_return std::move(job->response);
  }

  // True when the connection may carry another request.
  net::awaitable<bool> answer(const HttpRequest& request, const HttpResponse& response) {
    if (core_.meter) core_.meter->count_answer(response.status);
    Answer message(static_cast<http::status>(response.status), version_);
    message.set(http::field::date, http_date(core_.env->now()));
    const bool has_content = response.status != 304 && response.status != 204;
    if (has_content) message.set(http::field::content_type, response.content_type);
    message.set("X-Content-Type-Options", "nosniff");
    message.set("Referrer-Policy", "no-referrer");
    message.set("Cross-Origin-Resource-Policy", "same-origin");
    message.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(keep_alive_ && !response.close && !core_.stopping);
    if (has_content) message.content_length(response.body.size());
    const auto slowest =
        kWriteGrace + std::chrono::seconds(static_cast<int64_t>(response.body.size()) / kWriteFloorPerS);
    lowest_.expires_after(slowest);
    error_code ec;
    const std::string head = head_of(message);
    const bool bare = request.method == "HEAD" || !has_content;
    const std::array<net::const_buffer, 2> parts = {net::buffer(head),
                                                    bare ? net::const_buffer() : net::buffer(response.body)};
    co_await bytes_.write(parts, ec);
    co_return !ec && message.keep_alive();
  }

  // Answers a request that was not read to its end. What still comes is thrown away for a moment: closing at
  // once would reset the connection, and the peer would lose the answer.
  net::awaitable<void> refuse_and_close(const HttpRequest& request, HttpResponse response) {
    response.close = true;
    co_await answer(request, response);
    error_code ec;
    lowest_.socket().shutdown(tcp::socket::shutdown_send, ec);
    buffer_.clear();
    expire_in(milliseconds(1000));
    BytesOf<beast::tcp_stream> raw(lowest_);
    for (int reads = 0; !ec && reads < 256; ++reads) {
      co_await raw.read_some(buffer_.prepare(kBufferLimit), ec);
    }
  }

  Core& core_;
  Bytes& bytes_;
  beast::tcp_stream& lowest_;
  Session& session_;
  beast::flat_buffer buffer_;
  bool first_ = true;
  bool keep_alive_ = false;
  unsigned version_ = 11;
};

// Enters a connection into the server's list for as long as it lives.
class Entry {
 public:
  Entry(Core& core, int socket, std::function<void()> close) : core_(core) {
    Session session;
    session.close = std::move(close);
    session.socket = socket;
    session.idle_since = core.env->monotonic();
    at_ = core_.sessions.insert(core_.sessions.end(), std::move(session));
    core_.count_connections();
  }
  ~Entry() {
    core_.sessions.erase(at_);
    core_.count_connections();
    if (core_.sessions.empty() && core_.on_last_session) core_.on_last_session();
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  Session& session() { return *at_; }

 private:
  Core& core_;
  std::list<Session>::iterator at_;
};

}  // namespace

Core::Core(const HttpOptions& o, Env* e, std::shared_ptr<HttpMeter> m)
    : options(o),
      env(e),
      meter(std::move(m)),
      lanes(e,
            {std::max(o.pool_threads, 1), std::max(o.heavy_threads, 1), o.max_queries,
             HttpLanesOptions().quantum_us},
            meter) {}

void Core::count_connections() const {
  if (meter) meter->connections.store(static_cast<int64_t>(sessions.size()), std::memory_order_relaxed);
}

bool Core::make_room() {
  // A connection that was just made has a moment to send its first request.
  constexpr Micros kNew = kMicrosPerSecond;
  const auto open =
      std::count_if(sessions.begin(), sessions.end(), [](const Session& s) { return !s.closing; });
  if (open < options.max_connections) return true;
  Session* longest = nullptr;
  const Micros now = env->monotonic();
  for (Session& session : sessions) {
    if (session.busy || session.closing) continue;
    if (!session.served && now - session.idle_since < kNew) continue;
    if (longest == nullptr || session.idle_since < longest->idle_since) longest = &session;
  }
  if (longest == nullptr) return false;
  longest->closing = true;
  if (meter) meter->connections_closed_idle.fetch_add(1, std::memory_order_relaxed);
  longest->close();
  return true;
}

void Core::look_after_jobs() {
  for (Session& session : sessions) {
    if (!session.job) continue;
    pollfd peer{session.socket, POLLRDHUP, 0};
    if (::poll(&peer, 1, 0) > 0 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
      session.job->abandon();
  }
  lanes.expire(env->monotonic() - int64_t{options.queue_timeout_ms} * 1000,
               error_response(504, "The request waited too long for its turn: try again later.", true));
}

net::awaitable<void> serve_plain(Core& core, tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  error_code ec;
  stream.socket().set_option(tcp::no_delay(true), ec);
  Entry entry(core, stream.socket().native_handle(), [&stream] { stream.close(); });
  BytesOf<beast::tcp_stream> bytes(stream);
  Connection connection(core, bytes, stream, entry.session());
  co_await connection.run();
  stream.socket().shutdown(tcp::socket::shutdown_send, ec);
}

net::awaitable<void> serve_tls(Core& core, tcp::socket socket, ssl::context& context) {
  beast::ssl_stream<beast::tcp_stream> stream(std::move(socket), context);
  beast::tcp_stream& lowest = beast::get_lowest_layer(stream);
  error_code ec;
  lowest.socket().set_option(tcp::no_delay(true), ec);
  Entry entry(core, lowest.socket().native_handle(), [&lowest] { lowest.close(); });
  lowest.expires_after(milliseconds(core.options.header_timeout_ms));
  co_await stream.async_handshake(ssl::stream_base::server, net::redirect_error(net::use_awaitable, ec));
  if (ec) co_return;
  BytesOf<beast::ssl_stream<beast::tcp_stream>> bytes(stream);
  Connection connection(core, bytes, lowest, entry.session());
  co_await connection.run();
  lowest.expires_after(milliseconds(1000));
  co_await stream.async_shutdown(net::redirect_error(net::use_awaitable, ec));
}

void refuse(tcp::socket socket, bool tls) {
  error_code ec;
  if (!tls) {
    static constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: "
        "close\r\n\r\n";
    socket.non_blocking(true, ec);
    socket.write_some(net::buffer(kBusy), ec);
  }
  socket.close(ec);
}

}  // namespace rideflow::http_io
