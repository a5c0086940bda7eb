#include <algorithm>

#include "rollup/query/query.h"

namespace rideflow::rollup {
namespace {

class Timeseries {
 public:
  Timeseries(const JsonObject& json, Query& query)
      : query_(query),
        buckets_(query),
        aggregators_(make_aggregators(query.aggregators)),
        skip_empty_(flag(query.context, "skipEmptyBuckets")),
        grand_total_(flag(query.context, "grandTotal")),
        time_field_(text(query.context, "timestampResultField")),
        descending_(flag(json, "descending")),
        limit_(integer(find(json, "limit")).value_or(0)) {
    if (grand_total_) totals_ = make_aggregators(query.aggregators);
    for (auto& total : totals_) total->resize(1);
  }

  Result<std::string> run() {
    if (query_.granularity.is_all()) grow();
    RF_TRY(scan(
        query_,
        [&](PartView& part) {
          for (auto* set : {&aggregators_, &totals_}) {
            for (auto& aggregator : *set) aggregator->bind(part);
          }
        },
        [&](Page& page, const uint32_t* rows, size_t n) { return add(page, rows, n); }));
    return write();
  }

 private:
  void grow() {
    for (auto& aggregator : aggregators_) aggregator->resize(buckets_.size());
    met_.resize(buckets_.size());
  }

  Status add(Page& page, const uint32_t* rows, size_t n) {
    RF_ASSIGN(const uint32_t* groups, buckets_.assign(page, rows, n));
    grow();
    if (groups == nullptr) {
      met_[0] = 1;
    } else {
      for (size_t i = 0; i < n; ++i) met_[groups[i]] = 1;
    }
    for (auto& aggregator : aggregators_) RF_TRY(aggregator->update(page, rows, groups, n));
    for (auto& total : totals_) RF_TRY(total->update(page, rows, nullptr, n));
    return {};
  }

  // Empty buckets between the data's ends count as 0 or null; outside of the data there are none.
  Status fill() {
    if (skip_empty_ || query_.granularity.is_all() || query_.granularity.is_none()) return {};
    for (const Interval& i : query_.intervals) {
      const auto data = data_range(query_, i);
      if (data.first == kNoTime) continue;
      for (Micros b = query_.granularity.start_of(data.first); b <= data.second;
           b = query_.granularity.next(b)) {
        buckets_.find_or_add(b);
        if (buckets_.size() > query_.limits.max_groups) {
          return Status::user(Code::resource_exhausted, "The query makes too many time buckets.");
        }
      }
    }
    grow();
    return {};
  }

  Status append_row(std::string& out, size_t bucket) const {
    RF_ASSIGN(const OutputRow row, OutputRow::make(query_, aggregators_, bucket));
    const Micros start = buckets_.start(bucket);
    if (out.size() > 1) out += ',';
    out += R"({"timestamp":")" + query_.granularity.format(start) + R"(","result":{)";
    row.append(out, false);
    if (!time_field_.empty()) {
      if (!row.values().empty()) out += ',';
      append_key(out, time_field_);
      out += std::to_string(to_millis(start));
    }
    out += "}}";
    return {};
  }

  Result<std::string> write() {
    RF_TRY(fill());
    std::vector<size_t> order;
    for (size_t b = 0; b < buckets_.size(); ++b) {
      if (!skip_empty_ || met_[b] != 0) order.push_back(b);
    }
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return (buckets_.start(a) < buckets_.start(b)) != descending_ && a != b;
    });
    if (limit_ > 0 && order.size() > static_cast<size_t>(limit_)) order.resize(static_cast<size_t>(limit_));
    std::string out = "[";
    for (const size_t b : order) {
      RF_TRY(append_row(out, b));
      if (out.size() > query_.limits.max_result_bytes) {
        return Status::user(Code::resource_exhausted, "The answer is too large: ask for less.");
      }
    }
    if (grand_total_) {
      RF_ASSIGN(const OutputRow row, OutputRow::make(query_, totals_, 0));
      out += out.size() > 1 ? "," : "";
      out += R"({"timestamp":null,"result":{)";
      row.append(out, false);
      out += "}}";
    }
    return out += ']';
  }

  Query& query_;
  Buckets buckets_;
  std::vector<std::unique_ptr<Aggregator>> aggregators_;
  std::vector<std::unique_ptr<Aggregator>> totals_;
  std::vector<uint8_t> met_;
  bool skip_empty_;
  bool grand_total_;
  std::string time_field_;
  bool descending_;
  int64_t limit_;
};

}  // namespace

Result<std::string> run_timeseries(const JsonObject& json, Query& query) {
  RF_TRY(parse_query(json, true, query));
  return Timeseries(json, query).run();
}

}  // namespace rideflow::rollup
