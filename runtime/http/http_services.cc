#include "runtime/http/http_services.h"

#include "runtime/http/http_openapi.h"
#include "runtime/http/http_static.h"
#include "runtime/job_monitor.h"

namespace rideflow {

Status add_static_routes(HttpRouter& router, const HttpServices& services) {
  HttpRoute route;
  route.method = "GET";
  route.lane = HttpRoute::Lane::pool;  // a rebuilt console is read again
  route.open = true;
  if (services.ui_dir.empty()) {
    route.pattern = "/";
    route.handler = [](const HttpRequest&) {
      return text_response(
          "Rideflow runs, without its console: build it with `npm ci && npm run build` in ui/, or name its "
          "folder with --ui-dir.\nThe API is here all the same: /api/v1/jobs, /druid/v2/datasources, "
          "/metrics.\n");
    };
    router.add(std::move(route));
    return {};
  }
  RF_ASSIGN(auto opened, StaticFiles::open(services.env->fs(), services.ui_dir));
  const std::shared_ptr<StaticFiles> files = std::move(opened);
  route.handler = [files](const HttpRequest& request) { return files->get(request); };
  router.set_fallback(std::move(route));
  return {};
}

std::string find_console(FileSystem& fs, const std::string& executable_dir) {
  for (const char* place : {"../../ui/dist", "../share/rideflow/ui", "ui"}) {
    const std::string dir = join_path(executable_dir, place);
    if (fs.stat(join_path(dir, "index.html")).ok()) return dir;
  }
  return "";
}

namespace {

// What has been added so far.
void add_openapi_route(HttpRouter& router) {
  HttpRoute route;
  route.method = "GET";
  route.pattern = "/api/v1/openapi.json";
  route.lane = HttpRoute::Lane::quick;
  route.handler = [text = openapi_document(router)](const HttpRequest&) { return json_response(text); };
  router.add(std::move(route));
}

}  // namespace

Result<HttpApi> make_http_api(const HttpServices& services) {
  auto router = std::make_shared<HttpRouter>();
  add_status_routes(*router, services);
  add_metrics_routes(*router, services);
  HttpApi api;
  if (services.jobs) api.tick = add_job_routes(*router, services, std::make_shared<JobMonitor>());
  if (services.submitted) add_submission_routes(*router, services);
  if (services.savepoints) add_savepoint_routes(*router, services);
  if (services.queries) add_druid_routes(*router, services);
  if (services.topics) add_topic_routes(*router, services);
  add_openapi_route(*router);
  RF_TRY(add_static_routes(*router, services));
  api.router = std::move(router);
  return api;
}

}  // namespace rideflow
