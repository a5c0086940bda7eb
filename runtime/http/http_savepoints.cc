// Savepoints: POST and GET /api/v1/jobs/{job}/savepoints. See docs/state.md.
#include <fmt/format.h>

#include "runtime/http/http_json.h"
#include "runtime/http/http_services.h"
#include "runtime/savepoints.h"

namespace rideflow {
namespace {

HttpResponse ask(Savepoints& savepoints, const HttpRequest& request) {
  std::string to;
  if (!request.body.empty()) {
    const Result<JsonObject> body = parse_json_object(request.body);
    if (!body.ok()) return error_response(body.status());
    if (const auto* given = json_member<std::string>(*body, "to")) to = *given;
  }
  const Result<int64_t> id = savepoints.ask(request.parameter("job"), to);
  return id.ok() ? json_response(fmt::format("{{\"id\":{}}}", *id), 202) : error_response(id.status());
}

HttpResponse list(const Savepoints& savepoints, const HttpRequest& request) {
  std::string text;
  JsonWriter json(text);
  json.begin_array();
  for (const SavepointView& one : savepoints.of(request.parameter("job"))) {
    json.begin_object().field("id", one.id).field("to", one.to).field("state", to_string(one.state));
    time_or_null(json.key("asked_at"), one.asked_at).key("checkpoint");
    one.epoch.value > 0 ? json.number(one.epoch.value) : json.null();
    json.key("bytes");
    one.state == SavepointView::State::complete ? json.number(one.bytes) : json.null();
    json.key("error");
    one.error.empty() ? json.null() : json.string(one.error);
    json.end_object();
  }
  json.end_array();
  return json_response(std::move(text));
}

}  // namespace

void add_savepoint_routes(HttpRouter& router, const HttpServices& services) {
  HttpRoute post;
  post.method = "POST";
  post.pattern = "/api/v1/jobs/{job}/savepoints";
  post.role = HttpRole::admin;  // who names a place decides who gets the state
  post.summary = "Asks for a savepoint of a job, in a directory `to`; GET says when it is there.";
  post.body = {{"to"}};
  post.handler = [savepoints = services.savepoints](const HttpRequest& r) { return ask(*savepoints, r); };
  router.add(std::move(post));
  HttpRoute get;
  get.method = "GET";
  get.pattern = "/api/v1/jobs/{job}/savepoints";
  get.summary = "The savepoints that were asked for since the server began, newest first.";
  get.handler = [savepoints = services.savepoints](const HttpRequest& r) { return list(*savepoints, r); };
  router.add(std::move(get));
}

}  // namespace rideflow
