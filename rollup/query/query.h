// A native query's common parts, and the scan that all query types share.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/env.h"
#include "rollup/query/aggregator.h"
#include "rollup/query/filter.h"
#include "rollup/query/interval.h"
#include "rollup/query/post_aggregator.h"
#include "rollup/rollup_queries.h"
#include "rollup/rollup_store.h"

namespace rideflow::rollup {

// What every query type has. Owns what filters and aggregators refer to: neither copied nor moved.
struct Query {
  Query() = default;
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  std::string type;
  std::shared_ptr<const RollupSnapshot> snapshot;
  std::unique_ptr<QueryColumns> columns;
  std::vector<Interval> intervals;
  Granularity granularity;
  std::shared_ptr<const Filter> filter;  // may be null
  AggregatorSpecs aggregators;
  PostAggregators post_aggregators;
  JsonObject context;
  Env* env = nullptr;
  QueryLimits limits;
  Micros deadline = 0;  // monotonic
  const std::atomic<bool>* cancelled = nullptr;

  // An error once the query has to stop: its time is over, or it was cancelled. Asked between pages.
  Status check_deadline() const;
  // The time of the one row of granularity "all": the data's first moment inside the intervals.
  Micros all_time() const;
  // Names of all aggregators and post-aggregators, for what refers to them.
  bool has_output(const std::string& name) const;
};

// Druid's name of a query type's class, for error messages: "timeseries.TimeseriesQuery".
std::string query_class(const std::string& type);

// Fills everything but `type`, `snapshot`, `env`, `limits`, `deadline`, `cancelled` and `context` from the
// body. Intervals are required unless the type is one of metadata; granularity where `needs_granularity`.
Status parse_query(const JsonObject& json, bool needs_granularity, Query& query);

// Calls f for each page that has rows in the intervals which pass the filter: `rows` null means all of n.
using OnPage = std::function<Status(Page& page, const uint32_t* rows, size_t n)>;
using OnPart = std::function<void(PartView& part)>;
Status scan(const Query& query, const OnPart& on_part, const OnPage& on_page);

// Where an interval has data, whatever the filter says: from the first to the last moment that lie between
// the first and last cell of some chunk. kNoTime when nowhere.
std::pair<Micros, Micros> data_range(const Query& query, const Interval& interval);

// Numbers buckets of time in the order in which they are met.
class Buckets {
 public:
  explicit Buckets(const Query& query) : query_(query) {}
  // The bucket of each row; null (all in bucket 0) for granularity "all".
  Result<const uint32_t*> assign(Page& page, const uint32_t* rows, size_t n);
  size_t size() const { return query_.granularity.is_all() ? 1 : starts_.size(); }
  Micros start(size_t bucket) const;
  uint32_t find_or_add(Micros start);

 private:
  const Query& query_;
  std::vector<Micros> starts_;
  std::vector<uint32_t> ids_;
  std::map<Micros, uint32_t> index_;
};

// The values of one result row: aggregators of one group, then post-aggregators as they are evaluated.
class OutputRow : public RowValues {
 public:
  // Evaluates everything. `aggregators` are the accumulators of query.aggregators.
  static Result<OutputRow> make(const Query& query,
                                const std::vector<std::unique_ptr<Aggregator>>& aggregators, size_t group);
  QueryValue raw(const std::string& name) const override;
  QueryValue finalized(const std::string& name) const override;
  void set(const std::string& name, QueryValue v);
  // `"name":value` pairs with commas, aggregators first.
  void append(std::string& out, bool comma) const;
  const std::vector<std::pair<std::string, QueryValue>>& values() const { return final_; }

 private:
  std::vector<std::pair<std::string, QueryValue>> raw_;
  std::vector<std::pair<std::string, QueryValue>> final_;
};

std::vector<std::unique_ptr<Aggregator>> make_aggregators(const AggregatorSpecs& specs);
void append_key(std::string& out, const std::string& name);

// One function per query type: the answer's JSON.
Result<std::string> run_timeseries(const JsonObject& json, Query& query);
Result<std::string> run_top_n(const JsonObject& json, Query& query);
Result<std::string> run_group_by(const JsonObject& json, Query& query);
Result<std::string> run_time_boundary(const JsonObject& json, Query& query);
Result<std::string> run_datasource_metadata(const JsonObject& json, Query& query);
Result<std::string> run_segment_metadata(const JsonObject& json, Query& query);
Result<std::string> run_scan(const JsonObject& json, Query& query);

}  // namespace rideflow::rollup
