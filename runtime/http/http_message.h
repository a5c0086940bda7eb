// One HTTP request and one response as values, without a library: what handlers take and give.
//
// Handlers are tested with these values; runtime/http/http_server.cc is the only place that knows sockets.
// All of this is plain data: share it like strings.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/status.h"

namespace rideflow {

class QueryTurn;  // rollup/query_control.h

struct HttpRequest {
  std::string method;                                          // as sent: "GET"
  std::string target;                                          // as sent: "/a%20b?x=1"
  std::string path;                                            // target before '?', not decoded
  std::vector<std::pair<std::string, std::string>> query;      // decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;    // names in lower case, in order
  std::map<std::string, std::string, std::less<>> parameters;  // {name} of the route's pattern, decoded
  std::string body;
  // Who gave the handler its thread, for handlers that take long; null for quick ones. Lives as long as the
  // call.
  QueryTurn* turn = nullptr;

  // The first header of that (lower-case) name; "" when there is none.
  std::string_view header(std::string_view name) const;
  int count_headers(std::string_view name) const;
  // The last query parameter of that name.
  std::optional<std::string> query_value(std::string_view name) const;
  // REQUIRES: the route's pattern has {name}.
  const std::string& parameter(std::string_view name) const;
  // A query parameter as an integer in [least, most]; `otherwise` when it is absent.
  Result<int64_t> query_integer(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false;                  // the connection ends after it
  std::shared_ptr<const void> memory;  // counts the body until it is sent
};

// Fills path and query from a target of origin form ("/path?query"). user error for anything else, and for
// '%' that is not followed by two hexadecimal digits.
Status parse_target(std::string_view target, HttpRequest& request);
// "%41b" -> "Ab"; nothing for a broken escape. '+' is a blank only where `form` says so (query parameters).
std::optional<std::string> percent_decode(std::string_view text, bool form = false);
std::string percent_encode(std::string_view text);

HttpResponse json_response(std::string body, int status = 200);
HttpResponse text_response(std::string body, int status = 200);

// {"error": code, "message": sentence}; under /druid/ the fields that Druid's clients read.
HttpResponse error_response(int status, std::string_view message, bool druid = false);
// The same from a Status: 400, 403, 404, 409, 429, 500 or 503 by its code.
HttpResponse error_response(const Status& status);
bool is_druid_path(std::string_view path);

}  // namespace rideflow
