#include "runtime/http/http_gate.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace rideflow {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_write(const HttpRequest& head) {
  return head.method != "GET" && head.method != "HEAD";
}

bool has_body(const HttpRequest& head) {
  return head.count_headers("transfer-encoding") > 0 ||
         (head.count_headers("content-length") > 0 && head.header("content-length") != "0");
}

std::optional<uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end || port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

struct HostAndPort {
  std::string_view host, port;
  bool has_port = false;
};

std::optional<HostAndPort> split_host(std::string_view text) {
  HostAndPort out;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (text.empty()) return out;
    if (text[0] != ':') return std::nullopt;
    out.has_port = true;
    out.port = text.substr(1);
    return out;
  }
  const size_t colon = text.find(':');
  out.host = text.substr(0, colon);
  if (colon == std::string_view::npos) return out;
  out.has_port = true;
  out.port = text.substr(colon + 1);
  if (out.port.find(':') != std::string_view::npos) return std::nullopt;  // IPv6 without brackets
  return out;
}

}  // namespace

std::optional<std::string> host_name(std::string_view host_header) {
  const auto parts = split_host(trim(host_header));
  if (!parts || parts->host.empty()) return std::nullopt;
  if (parts->has_port && !parts->port.empty() && !parse_port(parts->port)) return std::nullopt;
  std::string name = lower(parts->host);
  for (const char c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
    if (!plain) return std::nullopt;
  }
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  return name;
}

bool is_ip_address(std::string_view host) {
  const std::string text(host);
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost") || host == "::1") return true;
  return host.starts_with("127.") && is_ip_address(host);
}

std::string ListenAddress::to_string() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto refuse = [&] {
    return Status::user(
        Code::invalid_argument,
        fmt::format("'{}' is not an address to listen at: write HOST:PORT, such as 127.0.0.1:8082.", text));
  };
  ListenAddress address;
  if (const auto port = parse_port(text)) {
    address.host = "127.0.0.1";
    address.port = *port;
    return address;
  }
  const auto parts = split_host(text);
  if (!parts || !parts->has_port) return refuse();
  const auto port = parse_port(parts->port);
  if (!port) return refuse();
  address.host = parts->host.empty() ? "127.0.0.1" : lower(parts->host);
  address.port = *port;
  if (address.host != "localhost" && !is_ip_address(address.host)) return refuse();
  return address;
}

HttpAdmission HttpGate::admit(HttpRequest& head) const {
  HttpAdmission admission;
  if (head.target.size() > policy_.max_target) {
    admission.refusal =
        error_response(414, fmt::format("The request's URL is longer than {} bytes.", policy_.max_target));
    return admission;
  }
  const Status target = parse_target(std::string(head.target), head);
  if (!target.ok()) {
    admission.refusal = error_response(target);
    return admission;
  }
  const auto refused = [&](std::optional<HttpResponse> refusal) {
    if (refusal) admission.refusal = *std::move(refusal);
    return refusal.has_value();
  };
  if (refused(check_framing(head)) || refused(check_host(head))) return admission;

  const HttpRouter::Match match = router_->match(head);
  const bool druid = is_druid_path(head.path);
  if (!match.path_known) {
    admission.refusal = error_response(404, fmt::format("There is nothing at {}.", head.path), druid);
    return admission;
  }
  if (!match.route) {
    admission.refusal = error_response(
        405, fmt::format("{} does not answer {}: use {}.", head.path, head.method, match.allow), druid);
    admission.refusal.headers.emplace_back("Allow", match.allow);
    return admission;
  }
  if (refused(check_token(head, *match.route)) || (is_write(head) && refused(check_write(head)))) {
    return admission;
  }
  admission.route = match.route;
  return admission;
}

std::optional<HttpResponse> HttpGate::check_framing(const HttpRequest& head) const {
  const int lengths = head.count_headers("content-length");
  const int encodings = head.count_headers("transfer-encoding");
  if ((lengths > 0 && encodings > 0) || lengths > 1 || encodings > 1) {
    return error_response(400,
                          "The request frames its body twice: give one Content-Length or one "
                          "Transfer-Encoding.");
  }
  if (encodings == 1 && lower(trim(head.header("transfer-encoding"))) != "chunked") {
    return error_response(501, "Of transfer encodings this server reads 'chunked' only.");
  }
  const std::string_view encoding = trim(head.header("content-encoding"));
  if (!encoding.empty() && lower(encoding) != "identity") {
    return error_response(415, "The body must not be compressed: leave Content-Encoding out.");
  }
  return std::nullopt;
}

std::optional<HttpResponse> HttpGate::check_host(const HttpRequest& head) const {
  if (head.count_headers("host") != 1) {
    return error_response(400, "The request must have one Host header.");
  }
  const std::optional<std::string> name = host_name(head.header("host"));
  if (!name) return error_response(400, "The request's Host header is not a host name.");
  if (is_loopback(*name)) return std::nullopt;
  if (policy_.any_address && is_ip_address(*name)) return std::nullopt;
  if (std::find(policy_.hosts.begin(), policy_.hosts.end(), *name) != policy_.hosts.end()) {
    return std::nullopt;
  }
  return error_response(
      403,
      fmt::format("This server is not known as '{}': address it as localhost, or start it with --host {}.",
                  *name, *name));
}

std::optional<HttpResponse> HttpGate::check_token(const HttpRequest& head, const HttpRoute& route) const {
  if (policy_.tokens.empty() || route.open) return std::nullopt;
  const bool druid = is_druid_path(head.path);
  const std::optional<HttpRole> role = policy_.tokens.role_of(head.header("authorization"));
  if (!role) {
    const std::string message =
        fmt::format("Send a token: 'Authorization: Bearer …'. A token has at least {} characters.",
                    HttpTokens::kShortest);
    HttpResponse response = error_response(401, message, druid);
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
  }
  if (*role < route.role) {
    return error_response(403, "This token may not do that: it needs a higher role.", druid);
  }
  return std::nullopt;
}

std::optional<HttpResponse> HttpGate::check_write(const HttpRequest& head) const {
  const bool druid = is_druid_path(head.path);
  const std::string_view origin = trim(head.header("origin"));
  if (!origin.empty()) {
    const size_t scheme = origin.find("://");
    const auto from = scheme == std::string_view::npos ? std::nullopt : host_name(origin.substr(scheme + 3));
    if (!from || from != host_name(head.header("host"))) {
      return error_response(403, "Pages of other origins may not write here.", druid);
    }
  }
  if (!has_body(head)) return std::nullopt;
  const std::string_view whole = head.header("content-type");
  const std::string type = lower(trim(whole.substr(0, whole.find(';'))));
  if (type != "application/json" && type != "application/x-ndjson") {
    return error_response(415, "Send the body as 'Content-Type: application/json'.", druid);
  }
  return std::nullopt;
}

}  // namespace rideflow
