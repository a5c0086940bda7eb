// Listening, TLS, connections coming and going. What happens on a connection: runtime/http/http_session.h.
#include "runtime/http/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "runtime/http/http_session.h"

namespace rideflow {
namespace {

using http_io::tcp;
using http_io::net::awaitable;
using http_io::net::use_awaitable;
namespace net = http_io::net;
namespace ssl = http_io::ssl;

constexpr auto kTick = std::chrono::milliseconds(500);

Status cannot_listen(const ListenAddress& address, const boost::system::error_code& ec) {
  if (ec == net::error::address_in_use) {
    const int next = address.port < 65535 ? address.port + 1 : 8083;
    return Status::user(
        Code::failed_precondition,
        fmt::format(
            "{} is in use: another rideflow, or a Druid broker, may hold it. Stop that, or choose another "
            "port with --listen {}.",
            address.to_string(), ListenAddress{address.host, static_cast<uint16_t>(next)}.to_string()));
  }
  if (ec == net::error::access_denied) {
    return Status::user(
        Code::permission_denied,
        fmt::format("This user may not listen at {}: choose a port from 1024 on with --listen.",
                    address.to_string()));
  }
  return Status::external(Code::unavailable,
                          fmt::format("Cannot listen at {}: {}.", address.to_string(), ec.message()));
}

Status check_exposure(const HttpOptions& options, const ListenAddress& address) {
  if (options.tls_cert_file.empty() != options.tls_key_file.empty()) {
    return Status::user(Code::invalid_argument, "TLS needs both: a certificate file and its key file.");
  }
  if (is_loopback(address.host) || options.insecure) return {};
  if (!options.tls_cert_file.empty() && !options.tokens_file.empty()) return {};
  return Status::user(
      Code::permission_denied,
      fmt::format(
          "{} can be reached from other machines: give TLS and tokens (--tls-cert, --tls-key, --tokens), "
          "listen at 127.0.0.1, or say --insecure to let everybody in.",
          address.to_string()));
}

Status use_certificate(ssl::context& context, const HttpOptions& options) {
  boost::system::error_code ec;
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  context.use_certificate_chain_file(options.tls_cert_file, ec);
  if (ec) {
    return Status::user(Code::invalid_argument, fmt::format("{} is not a certificate in PEM form: {}.",
                                                            options.tls_cert_file, ec.message()));
  }
  context.use_private_key_file(options.tls_key_file, ssl::context::pem, ec);
  if (ec) {
    return Status::user(Code::invalid_argument,
                        fmt::format("{} is not the private key of that certificate, in PEM form: {}.",
                                    options.tls_key_file, ec.message()));
  }
  return {};
}

std::vector<std::string> lower_hosts(std::vector<std::string> hosts) {
  for (std::string& host : hosts) host = host_name(host).value_or(host);
  return hosts;
}

}  // namespace

struct HttpServer::Impl {
  net::io_context io{1};
  http_io::Core core;
  std::optional<ssl::context> tls;
  std::optional<tcp::acceptor> acceptor;
  std::optional<net::steady_timer> tick_timer;
  std::optional<net::steady_timer> drain_timer;
  std::function<void()> tick;
  std::shared_ptr<const HttpRouter> router;
  std::thread thread;
  std::string url;
  uint16_t port = 0;
  bool stopped = false;

  Impl(const HttpOptions& options, Env* env, std::shared_ptr<HttpMeter> meter)
      : core(options, env, std::move(meter)) {}

  Status listen(const ListenAddress& address) {
    boost::system::error_code ec;
    const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
    const net::ip::address ip = net::ip::make_address(host, ec);
    if (ec) return cannot_listen(address, ec);
    const tcp::endpoint endpoint(ip, address.port);
    acceptor.emplace(io);
    acceptor->open(endpoint.protocol(), ec);
    if (!ec) acceptor->set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor->bind(endpoint, ec);
    if (!ec) acceptor->listen(net::socket_base::max_listen_connections, ec);
    if (ec) return cannot_listen(address, ec);
    port = acceptor->local_endpoint(ec).port();
    // What stands for every address of this machine is none that a browser can open.
    const std::string shown = ip.is_unspecified() ? (ip.is_v6() ? "::1" : "127.0.0.1") : host;
    url = fmt::format("{}://{}", tls ? "https" : "http", ListenAddress{shown, port}.to_string());
    return {};
  }

  awaitable<void> accept_loop();

  awaitable<void> tick_loop();

  void run() {
    net::co_spawn(io, accept_loop(), net::detached);
    tick_timer.emplace(io);
    net::co_spawn(io, tick_loop(), net::detached);
    thread = std::thread([this] { io.run(); });
  }

  // On the I/O thread.
  void begin_stop(int most_ms) {
    core.stopping = true;
    core.lanes.cancel_all();
    boost::system::error_code ec;
    acceptor->close(ec);
    tick_timer->cancel();
    core.close_sessions(/*busy_too=*/false);
    drain_timer.emplace(io, std::chrono::milliseconds(std::min(core.options.drain_ms, most_ms)));
    drain_timer->async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) core.close_sessions(/*busy_too=*/true);
    });
    core.on_last_session = [this] { drain_timer->cancel(); };
    if (core.sessions.empty()) drain_timer->cancel();
  }
};

// Out of the class: clang 14 cannot compile an inline coroutine member with the address sanitizer.
awaitable<void> HttpServer::Impl::accept_loop() {
  while (!core.stopping) {
    boost::system::error_code ec;
    tcp::socket socket = co_await acceptor->async_accept(net::redirect_error(use_awaitable, ec));
    if (core.stopping || ec == net::error::operation_aborted) co_return;
    if (ec) {  // out of file descriptors: those of ended connections come back
      net::steady_timer pause(io, std::chrono::milliseconds(100));
      co_await pause.async_wait(net::redirect_error(use_awaitable, ec));
      continue;
    }
    if (!core.make_room()) {
      if (core.meter) core.meter->connections_refused.fetch_add(1, std::memory_order_relaxed);
      http_io::refuse(std::move(socket), tls.has_value());
      continue;
    }
    if (tls) {
      net::co_spawn(io, http_io::serve_tls(core, std::move(socket), *tls), net::detached);
    } else {
      net::co_spawn(io, http_io::serve_plain(core, std::move(socket)), net::detached);
    }
  }
}

awaitable<void> HttpServer::Impl::tick_loop() {
  while (!core.stopping) {
    if (tick) tick();
    core.look_after_jobs();
    tick_timer->expires_after(kTick);
    boost::system::error_code ec;
    co_await tick_timer->async_wait(net::redirect_error(use_awaitable, ec));
  }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  stop();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpOptions& options, HttpServices services) {
  RF_ASSIGN(HttpApi api, make_http_api(services));
  return start(options, services.env, std::move(api.router), std::move(api.tick), services.meter);
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpOptions& options, Env* env,
                                                      std::shared_ptr<const HttpRouter> router,
                                                      std::function<void()> tick,
                                                      std::shared_ptr<HttpMeter> meter) {
  RF_ASSIGN(const ListenAddress address, parse_listen(options.listen));
  RF_TRY(check_exposure(options, address));
  HttpPolicy policy;
  policy.hosts = lower_hosts(options.hosts);
  policy.any_address = !is_loopback(address.host);
  if (!options.tokens_file.empty()) {
    RF_ASSIGN(const std::string text, read_file(env->fs(), options.tokens_file));
    RF_ASSIGN(policy.tokens, HttpTokens::parse(text));
  }

  auto impl = std::make_unique<Impl>(options, env, std::move(meter));
  impl->router = std::move(router);
  impl->tick = std::move(tick);
  impl->core.gate.emplace(impl->router.get(), std::move(policy));
  if (!options.tls_cert_file.empty()) {
    impl->tls.emplace(ssl::context::tls_server);
    RF_TRY(use_certificate(*impl->tls, options));
  }
  RF_TRY(impl->listen(address));
  impl->run();
  env->info("http_listening", {{"url", impl->url}});
  const bool open = options.tls_cert_file.empty() || options.tokens_file.empty();
  if (open && !is_loopback(address.host)) {
    env->warn("http_insecure", {{"listen", address.to_string()},
                                {"why",
                                 "--insecure: whoever reaches this address reads, writes and deletes "
                                 "without TLS and tokens"}});
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::cancel_queries() {
  impl_->core.lanes.cancel_all();
}

void HttpServer::stop(int most_ms) {
  if (impl_->stopped) return;
  impl_->stopped = true;
  net::post(impl_->io, [impl = impl_.get(), most_ms] { impl->begin_stop(most_ms); });
  impl_->thread.join();
  impl_->core.lanes.stop();
}

uint16_t HttpServer::port() const {
  return impl_->port;
}

const std::string& HttpServer::url() const {
  return impl_->url;
}

}  // namespace rideflow
