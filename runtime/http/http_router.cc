#include "runtime/http/http_router.h"

#include <exception>
#include <optional>

namespace rideflow {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);  // the leading '/'
  while (true) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

using Parameters = std::map<std::string, std::string, std::less<>>;

// How many literal segments matched; nothing when the pattern does not fit.
std::optional<int> fit(std::string_view pattern, const std::vector<std::string>& path,
                       Parameters& parameters) {
  const std::vector<std::string_view> parts = segments_of(pattern);
  if (parts.size() != path.size()) return std::nullopt;
  int literals = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (is_parameter(parts[i])) {
      if (path[i].empty()) return std::nullopt;
      parameters[std::string(parts[i].substr(1, parts[i].size() - 2))] = path[i];
    } else if (parts[i] == path[i]) {
      ++literals;
    } else {
      return std::nullopt;
    }
  }
  return literals;
}

bool answers(const HttpRoute& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

void allow(std::string& list, std::string_view method) {
  if (!list.empty()) list += ", ";
  list += method;
  if (method == "GET") list += ", HEAD";
}

}  // namespace

void HttpRouter::add(HttpRoute route) {
  RF_CHECK(route.pattern.starts_with('/') && route.handler);
  for (const auto& other : routes_) {
    RF_CHECK(other->method != route.method || other->pattern != route.pattern);
  }
  routes_.push_back(std::make_unique<HttpRoute>(std::move(route)));
}

HttpRouter::Match HttpRouter::match(HttpRequest& request) const {
  std::vector<std::string> path;
  for (const std::string_view segment : segments_of(request.path)) {
    path.push_back(percent_decode(segment).value_or(""));
  }
  Match match;
  int best = -1;
  for (const auto& route : routes_) {
    Parameters parameters;
    const std::optional<int> literals = fit(route->pattern, path, parameters);
    if (!literals) continue;
    match.path_known = true;
    allow(match.allow, route->method);
    if (!answers(*route, request.method) || *literals <= best) continue;
    best = *literals;
    match.route = route.get();
    request.parameters = std::move(parameters);
  }
  if (!match.path_known && fallback_) {
    match.path_known = true;
    match.allow = "GET, HEAD";
    if (answers(*fallback_, request.method)) match.route = fallback_.get();
  }
  return match;
}

HttpResponse call_handler(const HttpRoute& route, const HttpRequest& request) {
  HttpResponse response;
  try {
    response = route.handler(request);
  } catch (const std::exception& e) {  // the edge: a library of a handler threw
    response = error_response(500, std::string("The request failed inside: ") + e.what() + ".",
                              is_druid_path(request.path));
  }
  return response;
}

}  // namespace rideflow
