#include "rollup/query/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <roaring/roaring.hh>
#include <set>

#include "engine/json_writer.h"
#include "rollup/chunk.h"
#include "rollup/query/expression.h"
#include "rollup/query/selection.h"

namespace rideflow::rollup {
namespace {

constexpr size_t kMaxOutputs = 1000;

Status parse_virtual_columns(const JsonObject& json, QueryColumns& columns) {
  for (const Json* item : items(find(json, "virtualColumns"))) {
    const JsonObject* object = item->if_object();
    if (object == nullptr || text(*object, "type") != "expression") {
      return Status::user(Code::unimplemented, "Virtual columns are expressions here.");
    }
    RF_ASSIGN(auto expression, Expression::parse(text(*object, "expression"), &columns));
    columns.add_virtual(text(*object, "name"), std::move(expression));
  }
  return {};
}

Status parse_outputs(const JsonObject& json, Query& query) {
  std::set<std::string> names;
  const auto take = [&](const std::string& name) {
    if (names.size() >= kMaxOutputs)
      return Status::user(Code::resource_exhausted, "The query has too many outputs.");
    return names.insert(name).second
               ? Status()
               : bad_query("query." + query_class(query.type), fmt::format("[{}] already defined", name));
  };
  for (const Json* item : items(find(json, "aggregations"))) {
    RF_ASSIGN(auto aggregator, AggregatorSpec::parse(*item, *query.columns));
    RF_TRY(take(aggregator->name()));
    query.aggregators.push_back(std::move(aggregator));
  }
  for (const Json* item : items(find(json, "postAggregations"))) {
    RF_ASSIGN(auto post, PostAggregator::parse(*item));
    RF_TRY(take(post->name()));
    query.post_aggregators.push_back(std::move(post));
  }
  return {};
}

// The rows of a page whose time is in the intervals; nothing: all are.
Result<bool> in_intervals(Page& page, const std::vector<Interval>& intervals, std::vector<uint32_t>& rows) {
  const Part& part = page.view().part();
  for (const Interval& i : intervals) {
    if (i.start <= part.min_time() && part.max_time() < i.end) return false;
  }
  RF_ASSIGN(const Micros* times, page.times());
  rows.clear();
  for (size_t r = 0; r < page.rows(); ++r) {
    for (const Interval& i : intervals) {
      if (times[r] >= i.start && times[r] < i.end) {
        rows.push_back(static_cast<uint32_t>(r));
        break;
      }
    }
  }
  return true;
}

class PartScan {
 public:
  PartScan(const Query& query, const Part& part) : query_(query), view_(part, *query.columns) {
    if (query.filter == nullptr) return;
    filter_ = query.filter->bind(view_);
    limited_ = filter_->candidates(view_, candidates_);
  }
  PartView& view() { return view_; }

  Status run(const OnPage& on_page) {
    for (size_t p = 0; p < view_.reader().pages(); ++p) {
      RF_TRY(query_.check_deadline());
      if (limited_ && !has_candidates(p)) continue;
      RF_ASSIGN(const size_t n, view_.reader().open(p));
      Page page(view_, n);
      RF_TRY(run_page(page, on_page));
    }
    return {};
  }

 private:
  bool has_candidates(size_t p) const {
    const auto begin = static_cast<uint32_t>(p * kPageRows);
    const uint64_t before = begin == 0 ? 0 : candidates_.rank(begin - 1);
    return candidates_.rank(begin + static_cast<uint32_t>(kPageRows) - 1) > before;
  }

  Status run_page(Page& page, const OnPage& on_page) {
    RF_ASSIGN(const bool some, in_intervals(page, query_.intervals, rows_));
    if (filter_ == nullptr) {
      if (some && rows_.empty()) return {};
      return some ? on_page(page, rows_.data(), rows_.size()) : on_page(page, nullptr, page.rows());
    }
    truth_.resize(page.rows());
    RF_TRY(filter_->eval(page, truth_.data()));
    size_t n = 0;
    if (some) {
      for (const uint32_t row : rows_) {
        rows_[n] = row;
        n += truth_[row] == kTrue ? 1 : 0;
      }
    } else {
      rows_.resize(page.rows() + kSelectionSlack);
      n = select_true(truth_.data(), page.rows(), rows_.data());
    }
    return n == 0 ? Status() : on_page(page, rows_.data(), n);
  }

  const Query& query_;
  PartView view_;
  std::unique_ptr<PageFilter> filter_;
  ::Roaring candidates_;
  bool limited_ = false;
  std::vector<uint32_t> rows_;
  std::vector<uint8_t> truth_;
};

const QueryValue* find_value(const std::vector<std::pair<std::string, QueryValue>>& values,
                             const std::string& name) {
  for (const auto& v : values) {
    if (v.first == name) return &v.second;
  }
  return nullptr;
}

}  // namespace

std::string query_class(const std::string& type) {
  if (type == "topN") return "topn.TopNQuery";
  if (type == "groupBy") return "groupby.GroupByQuery";
  if (type == "scan") return "scan.ScanQuery";
  if (type == "timeBoundary") return "timeboundary.TimeBoundaryQuery";
  if (type == "segmentMetadata") return "metadata.metadata.SegmentMetadataQuery";
  if (type == "dataSourceMetadata") return "datasourcemetadata.DataSourceMetadataQuery";
  return "timeseries.TimeseriesQuery";
}

Status Query::check_deadline() const {
  const bool in_time = env->monotonic() < deadline;
  if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) {
    return Status::external(Code::aborted, "Query was cancelled.");
  }
  if (in_time) return {};
  return Status::external(Code::aborted, "Query did not complete within configured timeout period.");
}

Micros Query::all_time() const {
  const Micros start = intervals.empty() ? 0 : intervals.front().start;
  const Micros first = snapshot->min_time();
  const bool inside = first != kNoTime && !intervals.empty() && first < intervals.back().end;
  return inside ? std::max(start, first) : start;
}

bool Query::has_output(const std::string& name) const {
  const auto named = [&](const auto& output) { return output->name() == name; };
  return std::any_of(aggregators.begin(), aggregators.end(), named) ||
         std::any_of(post_aggregators.begin(), post_aggregators.end(), named);
}

Status parse_query(const JsonObject& json, bool needs_granularity, Query& query) {
  const std::string type = "query." + query_class(query.type);
  const bool metadata =
      query.type == "timeBoundary" || query.type == "segmentMetadata" || query.type == "dataSourceMetadata";
  const Json* intervals = find(json, "intervals");
  if (intervals == nullptr && !metadata) return bad_query(type, "querySegmentSpec can't be null");
  if (intervals == nullptr) {
    query.intervals = {kEternity};
  } else {
    RF_ASSIGN(query.intervals, parse_intervals(intervals));
  }
  const Json* granularity = find(json, "granularity");
  if (granularity == nullptr && needs_granularity) return bad_query(type, "Must specify a granularity");
  if (granularity != nullptr) {
    RF_ASSIGN(query.granularity, Granularity::parse(*granularity));
  }
  RF_TRY(parse_virtual_columns(json, *query.columns));
  if (const Json* filter = find(json, "filter")) {
    RF_ASSIGN(query.filter, Filter::parse(*filter, *query.columns));
  }
  return parse_outputs(json, query);
}

Status scan(const Query& query, const OnPart& on_part, const OnPage& on_page) {
  for (const auto& part : query.snapshot->parts) {
    const bool overlaps = std::any_of(query.intervals.begin(), query.intervals.end(), [&](const Interval& i) {
      return part->min_time() < i.end && part->max_time() >= i.start;
    });
    if (!overlaps) continue;
    RF_TRY(query.check_deadline());
    PartScan part_scan(query, *part);
    on_part(part_scan.view());
    RF_TRY(part_scan.run(on_page));
  }
  return {};
}

std::pair<Micros, Micros> data_range(const Query& query, const Interval& interval) {
  std::map<Micros, std::pair<Micros, Micros>> chunks;
  for (const auto& part : query.snapshot->parts) {
    const Micros start = floor_to(part->min_time(), query.columns->spec().chunk_micros());
    auto& bounds = chunks.try_emplace(start, part->min_time(), part->max_time()).first->second;
    bounds = {std::min(bounds.first, part->min_time()), std::max(bounds.second, part->max_time())};
  }
  std::pair<Micros, Micros> range = {kNoTime, kNoTime};
  for (const auto& chunk : chunks) {
    const Micros begin = std::max(chunk.second.first, interval.start);
    const Micros end = std::min(chunk.second.second, interval.end - 1);
    if (begin > end) continue;
    if (range.first == kNoTime) range.first = begin;
    range.second = end;
  }
  return range;
}

uint32_t Buckets::find_or_add(Micros start) {
  const auto [it, added] = index_.try_emplace(start, static_cast<uint32_t>(starts_.size()));
  if (added) starts_.push_back(start);
  return it->second;
}

Result<const uint32_t*> Buckets::assign(Page& page, const uint32_t* rows, size_t n) {
  if (query_.granularity.is_all()) return static_cast<const uint32_t*>(nullptr);
  RF_ASSIGN(const Micros* times, page.times());
  ids_.resize(n);
  Micros begin = 1;
  Micros end = 0;
  uint32_t id = 0;
  for (size_t i = 0; i < n; ++i) {
    const Micros t = times[rows ? rows[i] : i];
    if (t < begin || t >= end) {
      begin = query_.granularity.start_of(t);
      end = query_.granularity.next(begin);
      id = find_or_add(begin);
    }
    ids_[i] = id;
  }
  if (starts_.size() > query_.limits.max_groups) {
    return Status::user(Code::resource_exhausted, "The query makes too many time buckets.");
  }
  return static_cast<const uint32_t*>(ids_.data());
}

Micros Buckets::start(size_t bucket) const {
  return query_.granularity.is_all() ? query_.all_time() : starts_[bucket];
}

std::vector<std::unique_ptr<Aggregator>> make_aggregators(const AggregatorSpecs& specs) {
  std::vector<std::unique_ptr<Aggregator>> out;
  for (const auto& spec : specs) out.push_back(spec->make());
  return out;
}

Result<OutputRow> OutputRow::make(const Query& query,
                                  const std::vector<std::unique_ptr<Aggregator>>& aggregators, size_t group) {
  OutputRow row;
  for (size_t a = 0; a < aggregators.size(); ++a) {
    const AggregatorSpec& spec = *query.aggregators[a];
    QueryValue v = aggregators[a]->value(group);
    row.final_.emplace_back(spec.name(), spec.finalize(v));
    row.raw_.emplace_back(spec.name(), std::move(v));
  }
  for (const auto& post : query.post_aggregators) {
    RF_ASSIGN(QueryValue v, post->eval(row));
    row.final_.emplace_back(post->name(), plain(v));
    row.raw_.emplace_back(post->name(), std::move(v));
  }
  return row;
}

QueryValue OutputRow::raw(const std::string& name) const {
  const QueryValue* v = find_value(raw_, name);
  return v ? *v : QueryValue();
}

QueryValue OutputRow::finalized(const std::string& name) const {
  const QueryValue* v = find_value(final_, name);
  return v ? *v : QueryValue();
}

void OutputRow::set(const std::string& name, QueryValue v) {
  for (auto* values : {&raw_, &final_}) {
    for (auto& entry : *values) {
      if (entry.first == name) entry.second = v;
    }
  }
}

void append_key(std::string& out, const std::string& name) {
  append_json_string(out, name);
  out += ':';
}

void OutputRow::append(std::string& out, bool comma) const {
  for (const auto& entry : final_) {
    if (comma) out += ',';
    comma = true;
    append_key(out, entry.first);
    append_json(out, entry.second);
  }
}

}  // namespace rideflow::rollup
