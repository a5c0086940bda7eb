#include "rollup/query/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <roaring/roaring.hh>

#include "engine/json_writer.h"
#include "rollup/chunk.h"
#include "rollup/query/expression.h"
#include "rollup/query/selection.h"

namespace rideflow::rollup {
namespace {

constexpr size_t kMaxOutputs = 1000;
constexpr size_t kMaxVirtualColumns = 1000;

Status parse_virtual_columns(const JsonObject& json, QueryColumns& columns) {
  size_t count = 0;
  for (const Json* item : items(find(json, "virtualColumns"))) {
    const JsonObject* object = item->if_object();
    if (object == nullptr || text(*object, "type") != "expression") {
      return Status::user(Code::unimplemented, "Virtual columns are expressions here.");
    }
    const std::string name = text(*object, "name");
    if (columns.has_virtual(name)) {
      return bad_query("segment.VirtualColumns", fmt::format("Duplicate virtualColumn name[{}]", name));
    }
    if (++count > kMaxVirtualColumns) {
      return Status::user(Code::resource_exhausted,
                          fmt::format("The query has more than {} virtual columns.", kMaxVirtualColumns));
    }
    RF_ASSIGN(auto expression, Expression::parse(text(*object, "expression"), &columns));
    columns.add_virtual(name, std::move(expression));
  }
  return {};
}

Status parse_outputs(const JsonObject& json, Query& query) {
  const auto take = [&](const std::string& name) {
    if (query.outputs.size() >= kMaxOutputs) {
      return Status::user(
          Code::resource_exhausted,
          fmt::format("The query has more than {} aggregations and post-aggregations.", kMaxOutputs));
    }
    if (!query.output_index.try_emplace(name, query.outputs.size()).second) {
      return bad_query("query." + query_class(query.type), fmt::format("[{}] already defined", name));
    }
    query.outputs.push_back(name);
    return Status();
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

// The interval that may hold t; they are sorted and apart.
bool in_any(const std::vector<Interval>& intervals, Micros t) {
  const auto after = std::upper_bound(intervals.begin(), intervals.end(), t,
                                      [](Micros m, const Interval& i) { return m < i.start; });
  return after != intervals.begin() && t < std::prev(after)->end;
}

// Whether some interval has a moment in [first, last].
bool overlap(const std::vector<Interval>& intervals, Micros first, Micros last) {
  const auto after = std::upper_bound(intervals.begin(), intervals.end(), last,
                                      [](Micros m, const Interval& i) { return m < i.start; });
  return after != intervals.begin() && first < std::prev(after)->end;
}

// The rows of a page whose time is in the intervals; nothing: all are.
Result<bool> in_intervals(Page& page, const std::vector<Interval>& intervals, std::vector<uint32_t>& rows) {
  const Part& part = page.view().part();
  for (const Interval& i : intervals) {
    if (i.start > part.min_time()) break;
    if (part.max_time() < i.end) return false;
  }
  RF_ASSIGN(const Micros* times, page.times());
  rows.clear();
  for (size_t r = 0; r < page.rows(); ++r) {
    if (in_any(intervals, times[r])) rows.push_back(static_cast<uint32_t>(r));
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
      RF_TRY(query_.control->check());
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

Micros Query::all_time() const {
  const Micros start = intervals.empty() ? 0 : intervals.front().start;
  const Micros first = snapshot->min_time();
  const bool inside = first != kNoTime && !intervals.empty() && first < intervals.back().end;
  return inside ? std::max(start, first) : start;
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
    if (!overlap(query.intervals, part->min_time(), part->max_time())) continue;
    RF_TRY(query.control->check());
    PartScan part_scan(query, *part);
    on_part(part_scan.view());
    if (query.control->stopped()) return query.control->status();  // while tables were made for the part
    RF_TRY(part_scan.run(on_page));
  }
  return {};
}

DataRanges::DataRanges(const Query& query) {
  for (const auto& part : query.snapshot->parts) {
    const Micros start = floor_to(part->min_time(), query.columns->spec().chunk_micros());
    auto& bounds = chunks_.try_emplace(start, part->min_time(), part->max_time()).first->second;
    bounds = {std::min(bounds.first, part->min_time()), std::max(bounds.second, part->max_time())};
  }
}

std::pair<Micros, Micros> DataRanges::in(const Interval& interval) const {
  std::pair<Micros, Micros> range = {kNoTime, kNoTime};
  for (const auto& chunk : chunks_) {
    const Micros begin = std::max(chunk.second.first, interval.start);
    const Micros end = std::min(chunk.second.second, interval.end - 1);
    if (begin > end) continue;
    if (range.first == kNoTime) range.first = begin;
    range.second = end;
  }
  return range;
}

Result<uint32_t> Buckets::find_or_add(Micros start) {
  const auto [it, added] = index_.try_emplace(start, static_cast<uint32_t>(starts_.size()));
  if (!added) return it->second;
  if (starts_.size() >= query_.limits().max_groups) {
    return Status::user(Code::resource_exhausted, "The query makes too many time buckets.");
  }
  constexpr size_t kBytes = 96;  // a node of the index, and its place in the list
  if (!held_.add(kBytes) || !query_.control->step()) return query_.control->status();
  starts_.push_back(start);
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
      RF_ASSIGN(id, find_or_add(begin));
    }
    ids_[i] = id;
  }
  return static_cast<const uint32_t*>(ids_.data());
}

Micros Buckets::start(size_t bucket) const {
  return query_.granularity.is_all() ? query_.all_time() : starts_[bucket];
}

GroupStates::GroupStates(const Query& query) : query_(query), fixed_(*query.control), extra_(*query.control) {
  for (const auto& spec : query.aggregators) {
    all_.push_back(spec->make());
    group_bytes_ += all_.back()->group_bytes();
  }
}

void GroupStates::bind(PartView& part) {
  for (auto& aggregator : all_) aggregator->bind(part);
}

Status GroupStates::grow(size_t groups) {
  if (groups <= room_) return {};
  // Powers of two, so that the accumulators' arrays are as large as what is held for them. Each is copied
  // when it grows: the largest of them is there twice for a moment.
  const size_t room = std::bit_ceil(std::max<size_t>(groups, 64));
  if (!fixed_.set(group_bytes_ * room)) return query_.control->status();
  for (auto& aggregator : all_) {
    if (!query_.control->step(room / 256)) return query_.control->status();
    aggregator->resize(room);
  }
  room_ = room;
  return {};
}

Status GroupStates::update(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) {
  size_t extra = 0;
  for (auto& aggregator : all_) {
    RF_TRY(aggregator->update(page, rows, groups, n));
    extra += aggregator->extra_bytes();
    if (!query_.control->step(1 + n / 64)) return query_.control->status();
  }
  return extra_.set(extra) ? Status() : query_.control->status();
}

OutputRow::OutputRow(const Query& query)
    : query_(query), raw_(query.outputs.size()), final_(query.outputs.size()) {
  for (const std::string& name : query.outputs) append_key(keys_.emplace_back(), name);
}

Status OutputRow::load(const GroupStates& states, size_t group) {
  size_t at = 0;
  for (const auto& spec : query_.aggregators) {
    raw_[at] = states.all()[at]->value(group);
    final_[at] = spec->finalize(raw_[at]);
    ++at;
  }
  for (size_t later = at; later < raw_.size(); ++later) raw_[later] = final_[later] = QueryValue();
  for (const auto& post : query_.post_aggregators) {
    if (!query_.control->step()) return query_.control->status();
    RF_ASSIGN(raw_[at], post->eval(*this));
    final_[at] = plain(raw_[at]);
    ++at;
  }
  return query_.control->step(1 + raw_.size() / 8) ? Status() : query_.control->status();
}

QueryValue OutputRow::raw(const std::string& name) const {
  const auto it = query_.output_index.find(name);
  query_.control->step();
  return it == query_.output_index.end() ? QueryValue() : raw_[it->second];
}

QueryValue OutputRow::finalized(const std::string& name) const {
  const auto it = query_.output_index.find(name);
  query_.control->step();
  return it == query_.output_index.end() ? QueryValue() : final_[it->second];
}

void OutputRow::set(const std::string& name, const QueryValue& v) {
  const auto it = query_.output_index.find(name);
  if (it != query_.output_index.end()) raw_[it->second] = final_[it->second] = v;
}

void OutputRow::append(std::string& out, bool comma) const {
  for (size_t i = 0; i < final_.size(); ++i) {
    if (comma) out += ',';
    comma = true;
    out += keys_[i];
    append_json(out, final_[i]);
  }
}

Status AnswerText::check(size_t units) {
  QueryControl& control = *query_.control;
  if (text.size() > query_.limits().max_result_bytes) {
    return Status::user(Code::resource_exhausted, "The answer is too large: ask for less.");
  }
  // Grown here, where it can be refused, and not in the middle of a row.
  constexpr size_t kRow = size_t{64} << 10;
  if (text.capacity() - text.size() < kRow) {
    const size_t room = std::max(text.capacity() * 2, 2 * kRow);
    if (!held_.set(text.capacity() + room)) return control.status();
    text.reserve(room);
    if (!held_.set(text.capacity())) return control.status();
  }
  return control.step(units) ? Status() : control.status();
}

void append_key(std::string& out, const std::string& name) {
  append_json_string(out, name);
  out += ':';
}

}  // namespace rideflow::rollup
