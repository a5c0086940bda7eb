// What the handlers of the HTTP API stand on, and the routes they make.
//
// Whatever a process does not have stays null: its routes answer 404 with a sentence. All of it must be safe
// to use from several threads and outlive the server.
#pragma once

#include <memory>
#include <string>

#include "engine/env.h"
#include "runtime/http_router.h"

namespace rideflow {

class JobDirectory;   // runtime/job_directory.h
class RollupQueries;  // rollup/rollup_queries.h
class TopicStore;     // topics/topic_store.h

struct HttpServices {
  Env* env = nullptr;
  std::shared_ptr<const JobDirectory> jobs;
  std::shared_ptr<const RollupQueries> rollups;
  std::shared_ptr<TopicStore> topics;
  std::string ui_dir;  // the built console; empty: a page of text says how to build it
};

struct HttpApi {
  std::shared_ptr<const HttpRouter> router;
  std::function<void()> tick;  // to be called about twice a second
};
// user error when ui_dir is given and holds no console.
Result<HttpApi> make_http_api(const HttpServices& services);

// Routes of one area each; make_http_api() calls them all.
void add_status_routes(HttpRouter& router, const HttpServices& services);
Status add_static_routes(HttpRouter& router, const HttpServices& services);

}  // namespace rideflow
