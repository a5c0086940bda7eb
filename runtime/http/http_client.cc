#include "runtime/http/http_client.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

#include "runtime/http/http_gate.h"
#include "runtime/http/http_json.h"

namespace rideflow {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = net::ip::tcp;

constexpr auto kConnectTimeout = std::chrono::seconds(5);
constexpr auto kCallTimeout = std::chrono::seconds(60);
constexpr uint64_t kMaxAnswer = uint64_t{256} << 20;

Code code_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return Code::permission_denied;
    case 404:
      return Code::not_found;
    case 409:
      return Code::failed_precondition;
    case 429:
    case 503:
      return Code::unavailable;
    default:
      return status < 500 ? Code::invalid_argument : Code::internal;
  }
}

}  // namespace

struct HttpClient::Impl {
  net::io_context io;
  tcp::endpoint endpoint;
  std::string address;
  std::string token;
  beast::tcp_stream stream{io};
  beast::flat_buffer buffer;
  bool connected = false;

  // Runs one asynchronous operation to its end: unlike the blocking ones it obeys the stream's time-out.
  template <class Start>
  error_code run(Start start) {
    error_code result;
    start([&result](const error_code& ec, auto&&...) { result = ec; });
    io.restart();
    io.run();
    return result;
  }

  error_code connect() {
    if (connected) return {};
    buffer.clear();
    stream.expires_after(kConnectTimeout);
    const error_code ec = run([this](auto done) { stream.async_connect(endpoint, done); });
    connected = !ec;
    return ec;
  }

  error_code exchange(const http::request<http::string_body>& request,
                      http::response_parser<http::string_body>& parser) {
    error_code ec = connect();
    if (ec) return ec;
    stream.expires_after(kCallTimeout);
    ec = run([&](auto done) { http::async_write(stream, request, done); });
    if (!ec) ec = run([&](auto done) { http::async_read(stream, buffer, parser, done); });
    if (ec || !parser.get().keep_alive()) {
      stream.close();
      connected = false;
    }
    return ec;
  }
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::make(std::string_view address, std::string token) {
  if (address.starts_with("https://")) {
    return Status::user(Code::unimplemented,
                        fmt::format("{} speaks TLS, which this command does not: use curl.", address));
  }
  if (address.starts_with("http://")) address.remove_prefix(7);
  while (address.ends_with('/')) address.remove_suffix(1);
  RF_ASSIGN(const ListenAddress parsed, parse_listen(address));
  auto impl = std::make_unique<Impl>();
  impl->address = parsed.to_string();
  impl->token = std::move(token);
  // A server that listens everywhere is reached here too.
  std::string host = parsed.host;
  if (host == "localhost" || host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  impl->endpoint = tcp::endpoint(net::ip::make_address(host), parsed.port);
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

Result<HttpResponse> HttpClient::call(std::string_view method, std::string_view target,
                                      std::string_view body) {
  http::request<http::string_body> request;
  request.method_string(std::string(method));
  request.target(std::string(target));
  request.version(11);
  request.set(http::field::host, impl_->address);
  if (!impl_->token.empty()) request.set(http::field::authorization, "Bearer " + impl_->token);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();

  const bool reused = impl_->connected;
  auto parser = std::make_unique<http::response_parser<http::string_body>>();
  parser->body_limit(kMaxAnswer);
  error_code ec = impl_->exchange(request, *parser);
  if (ec && reused && method == "GET") {  // the server closed a connection that was idle for long
    parser = std::make_unique<http::response_parser<http::string_body>>();
    parser->body_limit(kMaxAnswer);
    ec = impl_->exchange(request, *parser);
  }
  if (ec) {
    return Status::external(Code::unavailable,
                            fmt::format("{} did not answer ({}): is that Rideflow process still running?",
                                        impl_->address, ec.message()),
                            Retry::backoff);
  }
  HttpResponse response;
  response.status = parser->get().result_int();
  response.content_type = std::string(parser->get()[http::field::content_type]);
  for (const auto& field : parser->get()) {
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  response.body = std::move(parser->get().body());
  return response;
}

Result<std::string> HttpClient::text(std::string_view method, std::string_view target,
                                     std::string_view body) {
  RF_ASSIGN(HttpResponse response, call(method, target, body));
  if (response.status / 100 != 2) return status_of(response);
  return std::move(response.body);
}

Status status_of(const HttpResponse& response) {
  std::string message = fmt::format("The server answered with status {}.", response.status);
  const Result<JsonObject> object = parse_json_object(response.body);
  if (object.ok()) {
    for (const char* name : {"message", "errorMessage"}) {
      if (const auto* text = json_member<std::string>(*object, name)) message = *text;
    }
  }
  const Code code = code_of(response.status);
  return response.status < 500 ? Status::user(code, std::move(message))
                               : Status::external(code, std::move(message));
}

}  // namespace rideflow
