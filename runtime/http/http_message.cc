#include "runtime/http/http_message.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/json_writer.h"

namespace rideflow {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What stands in "error" of our own answers.
std::string_view error_word(int status) {
  switch (status) {
    case 400:
      return "bad_request";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 409:
      return "conflict";
    case 413:
      return "too_large";
    case 414:
      return "url_too_long";
    case 415:
      return "unsupported_media_type";
    case 429:
      return "too_many_requests";
    case 431:
      return "header_too_large";
    case 501:
      return "not_implemented";
    case 503:
      return "unavailable";
    case 504:
      return "timeout";
    default:
      return status < 500 ? "bad_request" : "internal";
  }
}

// Druid's legacy "error" text, its error code and its category.
struct DruidWords {
  std::string_view error, code, category;
};

DruidWords druid_words(int status) {
  switch (status) {
    case 401:
    case 403:
      return {"Unauthorized", "forbidden", "FORBIDDEN"};
    case 404:
      return {"Not found", "notFound", "NOT_FOUND"};
    case 429:
      return {"Query capacity exceeded", "queryCapacityExceeded", "CAPACITY_EXCEEDED"};
    case 504:
      return {"Query timeout", "legacyQueryException", "TIMEOUT"};
    case 501:
      return {"Unsupported operation", "unsupported", "UNSUPPORTED"};
    case 503:
    case 500:
      return {"Unknown exception", "general", "UNCATEGORIZED"};
    default:
      return {"Plan validation failed", "invalidInput", "INVALID_INPUT"};
  }
}

std::string druid_error_body(int status, std::string_view message) {
  const DruidWords words = druid_words(status);
  std::string body;
  JsonWriter json(body);
  json.begin_object().field("error", words.error).field("errorMessage", message);
  json.field("errorClass", "org.apache.druid.error.DruidException").key("host").null();
  json.field("errorCode", words.code).field("persona", "USER").field("category", words.category);
  json.key("context").begin_object().end_object().end_object();
  return body;
}

int http_status(Code code) {
  switch (code) {
    case Code::invalid_argument:
    case Code::out_of_range:
    case Code::unimplemented:
      return 400;
    case Code::permission_denied:
      return 403;
    case Code::not_found:
      return 404;
    case Code::already_exists:
    case Code::failed_precondition:
    case Code::aborted:
      return 409;
    case Code::resource_exhausted:
    case Code::unavailable:
      return 503;
    default:
      return 500;
  }
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

int HttpRequest::count_headers(std::string_view name) const {
  int n = 0;
  for (const auto& [key, value] : headers) n += key == name ? 1 : 0;
  return n;
}

std::optional<std::string> HttpRequest::query_value(std::string_view name) const {
  for (auto it = query.rbegin(); it != query.rend(); ++it) {
    if (it->first == name) return it->second;
  }
  return std::nullopt;
}

const std::string& HttpRequest::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  RF_CHECK(found != parameters.end());
  return found->second;
}

Result<int64_t> HttpRequest::query_integer(std::string_view name, int64_t otherwise, int64_t least,
                                           int64_t most) const {
  const std::optional<std::string> text = query_value(name);
  if (!text) return otherwise;
  int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < least || number > most) {
    return Status::user(Code::invalid_argument, fmt::format("{} is '{}': give a whole number from {} to {}.",
                                                            name, *text, least, most));
  }
  return number;
}

std::optional<std::string> percent_decode(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && form) {
      out += ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Status parse_target(std::string_view target, HttpRequest& request) {
  const auto refuse = [](std::string_view what) {
    return Status::user(Code::invalid_argument, fmt::format("The request's URL {}.", what));
  };
  if (target.empty() || target[0] != '/') return refuse("does not begin with '/'");
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F || c == '#') {
      return refuse("holds a character that must be percent-encoded");
    }
  }
  request.target = target;
  const size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (!percent_decode(request.path)) return refuse("has a '%' without two hexadecimal digits");
  if (mark == std::string_view::npos) return {};
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return refuse("has a '%' without two hexadecimal digits");
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

HttpResponse json_response(std::string body, int status) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse text_response(std::string body, int status) {
  HttpResponse response = json_response(std::move(body), status);
  response.content_type = "text/plain; charset=utf-8";
  return response;
}

HttpResponse error_response(int status, std::string_view message, bool druid) {
  if (druid) return json_response(druid_error_body(status, message), status);
  std::string body;
  JsonWriter(body).begin_object().field("error", error_word(status)).field("message", message).end_object();
  return json_response(std::move(body), status);
}

HttpResponse error_response(const Status& status) {
  return error_response(http_status(status.code()), status.message());
}

bool is_druid_path(std::string_view path) {
  return path.starts_with("/druid/");
}

}  // namespace rideflow
