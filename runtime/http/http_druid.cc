// Druid's paths: native queries and datasources. Bytes go through; Druid's clients differ in trailing
// slashes.
#include "runtime/http/http_druid.h"

#include "runtime/http/http_json.h"
#include "runtime/http/http_services.h"

namespace rideflow {
namespace {

HttpResponse to_response(QueryAnswer answer, const HttpRequest& request) {
  // Large answers stay as they are: nobody reads them line by line, and the copy would not be counted.
  constexpr size_t kMostPretty = size_t{4} << 20;
  const bool pretty = request.query_value("pretty").has_value() && answer.body.size() <= kMostPretty;
  HttpResponse response =
      json_response(pretty ? pretty_json(answer.body) : std::move(answer.body), answer.status);
  response.headers = std::move(answer.headers);
  response.memory = std::move(answer.memory);
  return response;
}

void add(HttpRouter& router, const std::string& method, const std::string& pattern, HttpHandler handler,
         HttpRoute::Lane lane = HttpRoute::Lane::pool) {
  HttpRoute route;
  route.method = method;
  route.handler = std::move(handler);
  route.lane = lane;  // a cancellation must not wait behind the query that it ends
  for (const char* ending : {"", "/"}) {
    route.pattern = pattern + ending;
    router.add(route);
  }
}

}  // namespace

void add_druid_routes(HttpRouter& router, const HttpServices& services) {
  const std::shared_ptr<const DruidQueries> queries = services.queries;
  add(router, "POST", "/druid/v2",
      [queries, env = services.env, meter = services.meter](const HttpRequest& request) {
        const int64_t begin = env->monotonic();
        QueryAnswer answer = queries->post_in_turn ? queries->post_in_turn(request.body, request.turn)
                                                   : queries->post(request.body);
        meter->count_query(answer.status, (env->monotonic() - begin) * 1000);
        return to_response(std::move(answer), request);
      });
  // Its path looks like a query's id: without a route of its own, "use DELETE" would be the answer.
  add(
      router, "POST", "/druid/v2/sql",
      [](const HttpRequest&) {
        return error_response(501, "SQL is not answered yet: POST a native query to /druid/v2.", true);
      },
      HttpRoute::Lane::quick);
  add(router, "GET", "/druid/v2/datasources",
      [queries](const HttpRequest& request) { return to_response(queries->datasources(), request); });
  add(router, "GET", "/druid/v2/datasources/{name}", [queries](const HttpRequest& request) {
    return to_response(queries->datasource(request.parameter("name")), request);
  });
  // As in Druid, accepted whether such a query runs or not.
  HttpHandler cancel = [queries](const HttpRequest& request) {
    queries->cancel(request.parameter("id"));
    return json_response("{}", 202);
  };
  add(router, "DELETE", "/druid/v2/{id}", std::move(cancel), HttpRoute::Lane::quick);
}

}  // namespace rideflow
