// GET /status, /status/health, /druid/broker/v1/loadstatus: what clients ask before anything else.
#include <fmt/format.h>

#include "generated/version.h"
#include "runtime/http/http_services.h"

namespace rideflow {
namespace {

// Druid's clients read "version" to choose their dialect and refuse old servers, so it is the Druid version
// whose answers the query API gives. Ours stands beside it.
constexpr const char* kDruidVersion = "33.0.0";

HttpRoute open_route(std::string pattern, std::string body) {
  HttpRoute route;
  route.method = "GET";
  route.pattern = std::move(pattern);
  route.lane = HttpRoute::Lane::quick;
  route.open = true;
  route.handler = [body = std::move(body)](const HttpRequest&) { return json_response(body); };
  return route;
}

}  // namespace

void add_status_routes(HttpRouter& router, const HttpServices&) {
  const std::string status = fmt::format(R"({{"version":"{}","rideflow":"{}","modules":[],"memory":{{}}}})",
                                         kDruidVersion, RIDEFLOW_VERSION);
  router.add(open_route("/status", status));
  router.add(open_route("/status/health", "true"));
  router.add(open_route("/druid/broker/v1/loadstatus", R"({"inventoryInitialized":true})"));
}

}  // namespace rideflow
