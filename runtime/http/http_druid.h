// What the Druid paths of the HTTP API ask: native queries and the names and columns of datasources.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "rollup/rollup_queries.h"

namespace rideflow {

struct DruidQueries {
  std::function<QueryAnswer(std::string_view body)> post;
  // The same for a query that a server gave its turn; may be empty.
  std::function<QueryAnswer(std::string_view body, QueryTurn* turn)> post_in_turn;
  std::function<int(const std::string& id)> cancel;
  std::function<size_t()> memory_bytes;  // of queries that run and answers on their way; may be empty
  std::function<QueryAnswer()> datasources;
  std::function<QueryAnswer(const std::string& name)> datasource;
};

inline DruidQueries druid_queries(const std::shared_ptr<const RollupQueries>& rollups) {
  DruidQueries queries;
  queries.post = [rollups](std::string_view body) { return rollups->post(body); };
  queries.post_in_turn = [rollups](std::string_view body, QueryTurn* turn) {
    return rollups->post(body, turn);
  };
  queries.memory_bytes = [rollups] { return rollups->memory().used(); };
  queries.cancel = [rollups](const std::string& id) { return rollups->cancel(id); };
  queries.datasources = [rollups] { return rollups->datasources(); };
  queries.datasource = [rollups](const std::string& name) { return rollups->datasource(name); };
  return queries;
}

}  // namespace rideflow
