// A native query's common parts, and the scan that all query types share.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "rollup/query/aggregator.h"
#include "rollup/query/filter.h"
#include "rollup/query/interval.h"
#include "rollup/query/post_aggregator.h"
#include "rollup/query_control.h"
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
  QueryControl* control = nullptr;
  // Names of all aggregators, then of the post-aggregators; and their places.
  std::vector<std::string> outputs;
  std::unordered_map<std::string, size_t> output_index;

  const QueryLimits& limits() const { return control->limits(); }
  // The time of the one row of granularity "all": the data's first moment inside the intervals.
  Micros all_time() const;
  bool has_output(const std::string& name) const { return output_index.count(name) > 0; }
};

// Druid's name of a query type's class, for error messages: "timeseries.TimeseriesQuery".
std::string query_class(const std::string& type);

// Fills everything but `type`, `snapshot`, `columns`, `control` and `context` from the body. Intervals are
// required unless the type is one of metadata; granularity where `needs_granularity`.
Status parse_query(const JsonObject& json, bool needs_granularity, Query& query);

// Calls f for each page that has rows in the intervals which pass the filter: `rows` null means all of n.
using OnPage = std::function<Status(Page& page, const uint32_t* rows, size_t n)>;
using OnPart = std::function<void(PartView& part)>;
Status scan(const Query& query, const OnPart& on_part, const OnPage& on_page);

// Where there is data, whatever the filter says.
class DataRanges {
 public:
  explicit DataRanges(const Query& query);
  // From the first to the last moment of an interval that lie between the first and last cell of some chunk.
  // kNoTime when nowhere.
  std::pair<Micros, Micros> in(const Interval& interval) const;
  size_t chunks() const { return chunks_.size(); }

 private:
  std::map<Micros, std::pair<Micros, Micros>> chunks_;
};

// Numbers buckets of time in the order in which they are met.
class Buckets {
 public:
  explicit Buckets(const Query& query) : query_(query), held_(*query.control) {}
  // The bucket of each row; null (all in bucket 0) for granularity "all".
  Result<const uint32_t*> assign(Page& page, const uint32_t* rows, size_t n);
  size_t size() const { return query_.granularity.is_all() ? 1 : starts_.size(); }
  Micros start(size_t bucket) const;
  Result<uint32_t> find_or_add(Micros start);

 private:
  const Query& query_;
  HeldBytes held_;
  std::vector<Micros> starts_;
  std::vector<uint32_t> ids_;
  std::map<Micros, uint32_t> index_;
};

// The accumulators of a query's aggregators, for as many groups as there are; what they hold is counted.
class GroupStates {
 public:
  explicit GroupStates(const Query& query);
  void bind(PartView& part);
  // Room for this many groups.
  Status grow(size_t groups);
  Status update(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n);
  const std::vector<std::unique_ptr<Aggregator>>& all() const { return all_; }

 private:
  const Query& query_;
  std::vector<std::unique_ptr<Aggregator>> all_;
  size_t group_bytes_ = 0;
  size_t room_ = 0;
  HeldBytes fixed_;
  HeldBytes extra_;
};

// The values of one result row: aggregators of one group, then post-aggregators as they are evaluated. One
// object serves all rows of an answer.
class OutputRow : public RowValues {
 public:
  explicit OutputRow(const Query& query);
  // Evaluates everything.
  Status load(const GroupStates& states, size_t group);
  QueryValue raw(const std::string& name) const override;
  QueryValue finalized(const std::string& name) const override;
  QueryControl& control() const override { return *query_.control; }
  void set(const std::string& name, const QueryValue& v);
  // In the order of query.outputs; sketches as numbers.
  const std::vector<QueryValue>& values() const { return final_; }
  // `"name":value` pairs with commas, aggregators first.
  void append(std::string& out, bool comma) const;

 private:
  const Query& query_;
  std::vector<std::string> keys_;
  std::vector<QueryValue> raw_;
  std::vector<QueryValue> final_;
};

// An answer's text: its length is limited and counted.
class AnswerText {
 public:
  explicit AnswerText(const Query& query) : query_(query), held_(*query.control) {}
  std::string text;
  // To be asked after each row: an error when it is too long, or the query has to stop.
  Status check(size_t units);

 private:
  const Query& query_;
  HeldBytes held_;
};

// Sorts numbers of rows; an error when the query has to stop meanwhile. `less` must be a strict weak order.
template <class Less>
Status sort_rows(std::vector<uint32_t>& rows, const Query& query, Less less) {
  constexpr size_t kRun = 512;
  QueryControl& control = *query.control;
  HeldBytes held(control);
  if (!held.set(rows.size() * sizeof(uint32_t))) return control.status();
  const auto counted = [&](uint32_t a, uint32_t b) {
    control.step();
    return less(a, b);
  };
  for (size_t begin = 0; begin < rows.size(); begin += kRun) {
    const size_t end = std::min(begin + kRun, rows.size());
    std::sort(rows.begin() + static_cast<ptrdiff_t>(begin), rows.begin() + static_cast<ptrdiff_t>(end),
              counted);
    if (control.stopped()) return control.status();
  }
  std::vector<uint32_t> merged(rows.size());
  for (size_t run = kRun; run < rows.size(); run *= 2) {
    for (size_t begin = 0; begin < rows.size(); begin += 2 * run) {
      size_t a = begin;
      const size_t a_end = std::min(begin + run, rows.size());
      size_t b = a_end;
      const size_t b_end = std::min(begin + 2 * run, rows.size());
      for (size_t to = begin; to < b_end; ++to) {
        if (control.stopped()) return control.status();
        merged[to] = b == b_end || (a < a_end && !counted(rows[b], rows[a])) ? rows[a++] : rows[b++];
      }
    }
    rows.swap(merged);
  }
  return {};
}

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
