// What the handlers of the HTTP API stand on, and the routes they make.
//
// What a process does not have stays null, and its paths answer 404. All of it must be safe to use from
// several threads and live as long as the server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/env.h"
#include "runtime/http/http_meter.h"
#include "runtime/http/http_router.h"

namespace rideflow {

class JobDirectory;   // runtime/job_directory.h
class JobService;     // runtime/job_service.h
class JobMonitor;     // runtime/job_monitor.h
class Savepoints;     // runtime/savepoints.h
class RollupStore;    // rollup/rollup_store.h
class TopicStore;     // topics/topic_store.h
struct TopicUser;     // runtime/topic_users.h
struct DruidQueries;  // runtime/http/http_druid.h

struct HttpServices {
  Env* env = nullptr;
  std::shared_ptr<const JobDirectory> jobs;
  std::shared_ptr<JobService> submitted;   // where jobs may be submitted
  std::shared_ptr<Savepoints> savepoints;  // of the jobs that run here
  std::shared_ptr<const DruidQueries> queries;
  std::shared_ptr<TopicStore> topics;
  // Who uses a topic, before it is deleted; empty: nobody knows of any job.
  std::function<Result<std::vector<TopicUser>>(const std::string& topic)> topic_users;
  std::shared_ptr<RollupStore> rollups;  // for /metrics; queries have their own way to them
  std::shared_ptr<HttpMeter> meter = std::make_shared<HttpMeter>();
  std::string ui_dir;  // the built console; empty: a page of text says how to build it
};

struct HttpApi {
  std::shared_ptr<const HttpRouter> router;
  std::function<void()> tick;  // to be called about twice a second; may be empty
};
// user error when ui_dir is given and holds no console.
Result<HttpApi> make_http_api(const HttpServices& services);

// Routes of one area each, for make_http_api(). REQUIRES: what the area needs is not null.
void add_status_routes(HttpRouter& router, const HttpServices& services);
void add_druid_routes(HttpRouter& router, const HttpServices& services);
void add_submission_routes(HttpRouter& router, const HttpServices& services);
void add_savepoint_routes(HttpRouter& router, const HttpServices& services);
void add_topic_routes(HttpRouter& router, const HttpServices& services);
void add_metrics_routes(HttpRouter& router, const HttpServices& services);
std::function<void()> add_job_routes(HttpRouter& router, const HttpServices& services,
                                     const std::shared_ptr<JobMonitor>& monitor);  // returns the tick
Status add_static_routes(HttpRouter& router, const HttpServices& services);

// The built console, seen from the folder of the executable: in the source tree (ui/dist), installed
// (share/rideflow/ui), or beside it. Empty when there is none.
std::string find_console(FileSystem& fs, const std::string& executable_dir);

}  // namespace rideflow
