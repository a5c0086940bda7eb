#include "runtime/http/http_openapi.h"

#include <algorithm>
#include <map>

#include "engine/json_writer.h"

namespace rideflow {
namespace {

std::string_view name_of(HttpRole role) {
  switch (role) {
    case HttpRole::read:
      return "read";
    case HttpRole::operate:
      return "operate";
    case HttpRole::admin:
      break;
  }
  return "admin";
}

void write_parameter(JsonWriter& json, std::string_view name, std::string_view where, std::string_view type) {
  json.begin_object().field("name", name).field("in", where).field("required", where == "path");
  json.key("schema").begin_object().field("type", type).end_object().end_object();
}

// The {names} of the pattern, then those of the query.
void write_parameters(JsonWriter& json, const HttpRoute& route) {
  json.key("parameters").begin_array();
  std::string_view rest = route.pattern;
  for (size_t at = rest.find('{'); at != std::string_view::npos; at = rest.find('{')) {
    rest.remove_prefix(at + 1);
    write_parameter(json, rest.substr(0, rest.find('}')), "path", "string");
  }
  for (const HttpQueryParameter& parameter : route.query) {
    write_parameter(json, parameter.name, "query", parameter.type);
  }
  json.end_array();
}

void write_body(JsonWriter& json, const HttpRoute& route) {
  if (route.body.empty()) return;
  json.key("requestBody").begin_object().key("content").begin_object().key("application/json").begin_object();
  json.key("schema").begin_object().field("type", "object").key("properties").begin_object();
  for (const HttpQueryParameter& member : route.body) {
    json.key(member.name).begin_object().field("type", member.type);
    if (member.type == "array") json.key("items").begin_object().field("type", "object").end_object();
    json.end_object();
  }
  json.end_object().end_object().end_object().end_object().end_object();
}

}  // namespace

std::string openapi_document(const HttpRouter& router) {
  std::map<std::string, std::vector<const HttpRoute*>> paths;
  for (const auto& route : router.routes()) {
    if (!route->summary.empty()) paths[route->pattern].push_back(route.get());
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("openapi", "3.0.3").key("info").begin_object().field("title", "Rideflow");
  json.field("version", "1")
      .end_object()
      .key("components")
      .begin_object()
      .key("securitySchemes")
      .begin_object();
  json.key("token").begin_object().field("type", "http").field("scheme", "bearer").end_object();
  json.end_object().end_object().key("paths").begin_object();
  for (const auto& [pattern, routes] : paths) {
    json.key(pattern).begin_object();
    for (const HttpRoute* route : routes) {
      std::string method = route->method;
      std::transform(method.begin(), method.end(), method.begin(),
                     [](char c) { return static_cast<char>(c | 0x20); });
      json.key(method).begin_object().field("summary", route->summary);
      json.field("x-role", name_of(route->role)).key("security").begin_array().begin_object();
      json.key("token").begin_array().end_array().end_object().end_array();
      write_parameters(json, *route);
      write_body(json, *route);
      json.key("responses").begin_object().key("default").begin_object();
      json.field("description", "see docs/http-api.md").end_object().end_object().end_object();
    }
    json.end_object();
  }
  json.end_object().end_object();
  return out;
}

}  // namespace rideflow
