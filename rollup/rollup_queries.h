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
#include "rollup/query_control.h"
#include "rollup/rollup_store.h"
#include "rollup/running_queries.h"

namespace rideflow {

struct QueryAnswer {
  int status = 200;
  std::string body;                                          // JSON
  std::vector<std::pair<std::string, std::string>> headers;  // X-Druid-Response-Context: {"completeTo": …}
  std::shared_ptr<const void> memory;                        // counts the body for as long as this lives
};

class RollupQueries {
 public:
  RollupQueries(Env* env, std::shared_ptr<RollupStore> store, QueryLimits limits = {});
  // A native query (POST /druid/v2). `turn` is whoever gave it a thread; null: nobody asks it to stop.
  QueryAnswer post(std::string_view body, QueryTurn* turn = nullptr) const;
  // DELETE /druid/v2/{id}: queries whose context has this queryId stop and answer an error: those that run,
  // and those that came before this call and still wait for a thread. How many ran.
  int cancel(const std::string& id) const { return running_->cancel(id, env_->now()); }
  // GET /druid/v2/datasources
  QueryAnswer datasources() const;
  // GET /druid/v2/datasources/{name}: {"dimensions": […], "metrics": […]}
  QueryAnswer datasource(const std::string& name) const;

  const QueryMemory& memory() const { return *memory_; }

 private:
  Env* env_;
  std::shared_ptr<RollupStore> store_;
  QueryLimits limits_;
  QueryAnswer run(std::string_view body, QueryControl& control) const;

  std::shared_ptr<RunningQueries> running_ = std::make_shared<RunningQueries>();
  std::shared_ptr<QueryMemory> memory_;
};

}  // namespace rideflow
