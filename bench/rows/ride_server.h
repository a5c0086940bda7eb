// A job that rolls rides up, as a process that takes events and answers queries over HTTP.
#pragma once

#include <memory>
#include <string>

#include "bench/rows/child.h"
#include "bench/rows/druid_answer.h"
#include "bench/rows/report.h"
#include "bench/rows/ride_data.h"
#include "runtime/http/http_client.h"

namespace rideflow::bench {

class RideServer {
 public:
  // `job`: a file of the tree, whose rollup `datasource` has the metric `count`. `name`: of its data
  // directory and its log. Returns when it answers queries.
  static Result<RideServer> start(const Report& report, const std::string& name, const std::string& job,
                                  const std::string& datasource);

  Result<std::unique_ptr<HttpClient>> client() const { return HttpClient::make(address_); }
  // Events that a query counts now; a rollup that is not there yet has none.
  Result<int64_t> count(HttpClient& http) const;
  // The sum of a metric over everything.
  Result<QueryAnswer> ask(HttpClient& http, const std::string& metric) const;
  int64_t cpu_nanos() const { return child_.cpu_nanos(); }
  // Its exit code.
  int stop() { return child_.terminate(); }

 private:
  RideServer(Child child, std::string datasource)
      : child_(std::move(child)), datasource_(std::move(datasource)) {}
  Child child_;
  std::string datasource_;
  std::string address_;
};

// Events into the topic ride_events; returns when they are durable.
Status send_rides(HttpClient& http, const RideData& data, int64_t first, int64_t n);

}  // namespace rideflow::bench
