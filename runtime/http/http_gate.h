// The gate before every handler: decides from a request's head alone whether it may go on, to which route,
// and how large its body may be. Pure, so each rule has a test of its own.
//
// In this order: the URL, the framing (both Content-Length and Transfer-Encoding is an attack), the Host
// header (a foreign name means that a web page is talking to this port through a rebound DNS name), the
// method and path, the token and its role, the origin and the content type of writes. Cookies are ignored and
// no answer has CORS headers, so a web page of another origin can neither read nor write here.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "runtime/http/http_router.h"
#include "runtime/http/http_tokens.h"

namespace rideflow {

struct HttpPolicy {
  // Names under which this server may be addressed, beside localhost and the loopback addresses; lower case.
  std::vector<std::string> hosts;
  // Bound to more than loopback: any IP address is as good a name as another (rebinding needs a DNS name).
  bool any_address = false;
  HttpTokens tokens;  // none: everybody who reaches the port is admin
  size_t max_target = size_t{8} << 10;
};

struct HttpAdmission {
  const HttpRoute* route = nullptr;  // null: `refusal` is the answer
  HttpResponse refusal;
};

class HttpGate {
 public:
  // `router` must outlive the gate.
  HttpGate(const HttpRouter* router, HttpPolicy policy) : router_(router), policy_(std::move(policy)) {}
  // REQUIRES: method, target and headers are set. Fills path, query and parameters.
  HttpAdmission admit(HttpRequest& head) const;

 private:
  std::optional<HttpResponse> check_framing(const HttpRequest& head) const;
  std::optional<HttpResponse> check_host(const HttpRequest& head) const;
  std::optional<HttpResponse> check_token(const HttpRequest& head, const HttpRoute& route) const;
  std::optional<HttpResponse> check_write(const HttpRequest& head) const;

  const HttpRouter* router_;
  HttpPolicy policy_;
};

// "LocalHost:8082" -> "localhost", "[::1]:80" -> "::1"; nothing when it is not a host with an optional port.
std::optional<std::string> host_name(std::string_view host_header);
bool is_loopback(std::string_view host);  // localhost, *.localhost, 127.0.0.0/8, ::1
bool is_ip_address(std::string_view host);

// An address to listen at: "127.0.0.1:8082", "[::1]:8082", "localhost:8082", ":8082" (loopback), "8082".
struct ListenAddress {
  std::string host;  // without brackets
  uint16_t port = 0;
  std::string to_string() const;
};
Result<ListenAddress> parse_listen(std::string_view text);

}  // namespace rideflow
