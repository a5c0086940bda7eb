// RollupQueries: Druid's native query JSON in, Druid's answers out. Bytes to bytes; HTTP is the caller's.
//
// Query types: timeseries, topN, groupBy, timeBoundary, dataSourceMetadata, segmentMetadata, scan. What
// Druid's clients send beyond what is understood is ignored where Druid ignores it and refused with status
// 400 where an answer would be wrong. Thread-safe: every query runs on its own snapshot.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/env.h"
#include "rollup/rollup_store.h"
#include "rollup/running_queries.h"

namespace rideflow {

struct QueryAnswer {
  int status = 200;
  std::string body;                                          // JSON
  std::vector<std::pair<std::string, std::string>> headers;  // X-Druid-Response-Context: {"completeTo": …}
};

struct QueryLimits {
  size_t body_bytes = size_t{1} << 20;
  int64_t timeout_us = 30 * kMicrosPerSecond;  // also the most that a query's own timeout may ask for
  size_t max_groups = 2'000'000;
  size_t max_result_bytes = size_t{256} << 20;
};

class RollupQueries {
 public:
  RollupQueries(Env* env, std::shared_ptr<RollupStore> store, QueryLimits limits = {});
  // A native query (POST /druid/v2).
  QueryAnswer post(std::string_view body) const;
  // DELETE /druid/v2/{id}: running queries whose context has this queryId stop at their next page and answer
  // an error. How many there were.
  int cancel(const std::string& id) const { return running_->cancel(id); }
  // GET /druid/v2/datasources
  QueryAnswer datasources() const;
  // GET /druid/v2/datasources/{name}: {"dimensions": […], "metrics": […]}
  QueryAnswer datasource(const std::string& name) const;

 private:
  Env* env_;
  std::shared_ptr<RollupStore> store_;
  QueryLimits limits_;
  std::shared_ptr<RunningQueries> running_ = std::make_shared<RunningQueries>();
};

}  // namespace rideflow
