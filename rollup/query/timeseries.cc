#include <algorithm>

#include "rollup/query/query.h"

namespace rideflow::rollup {
namespace {

class Timeseries {
 public:
  Timeseries(const JsonObject& json, Query& query)
      : query_(query),
        buckets_(query),
        states_(query),
        totals_(query),
        row_(query),
        held_(*query.control),
        skip_empty_(flag(query.context, "skipEmptyBuckets")),
        grand_total_(flag(query.context, "grandTotal")),
        time_field_(text(query.context, "timestampResultField")),
        descending_(flag(json, "descending")),
        limit_(integer(find(json, "limit")).value_or(0)) {}

  Result<std::string> run() {
    RF_TRY(grow());
    RF_TRY(totals_.grow(1));
    RF_TRY(scan(
        query_,
        [&](PartView& part) {
          states_.bind(part);
          if (grand_total_) totals_.bind(part);
        },
        [&](Page& page, const uint32_t* rows, size_t n) { return add(page, rows, n); }));
    return write();
  }

 private:
  Status grow() {
    RF_TRY(states_.grow(buckets_.size()));
    if (!held_.set(buckets_.size() * 16)) return query_.control->status();  // met_, and the order of writing
    met_.resize(buckets_.size());
    return {};
  }

  Status add(Page& page, const uint32_t* rows, size_t n) {
    RF_ASSIGN(const uint32_t* groups, buckets_.assign(page, rows, n));
    RF_TRY(grow());
    if (groups == nullptr) {
      met_[0] = 1;
    } else {
      for (size_t i = 0; i < n; ++i) met_[groups[i]] = 1;
    }
    RF_TRY(states_.update(page, rows, groups, n));
    return grand_total_ ? totals_.update(page, rows, nullptr, n) : Status();
  }

  // Empty buckets between the data's ends count as 0 or null; outside of the data there are none.
  Status fill() {
    if (skip_empty_ || query_.granularity.is_all() || query_.granularity.is_none()) return {};
    const DataRanges ranges(query_);
    for (const Interval& i : query_.intervals) {
      if (!query_.control->step(1 + ranges.chunks() / 64)) return query_.control->status();
      const auto data = ranges.in(i);
      if (data.first == kNoTime) continue;
      for (Micros b = query_.granularity.start_of(data.first); b <= data.second;
           b = query_.granularity.next(b)) {
        RF_TRY(buckets_.find_or_add(b).status());
      }
    }
    return grow();
  }

  Status append_row(AnswerText& out, size_t bucket) {
    RF_TRY(row_.load(states_, bucket));
    const Micros start = buckets_.start(bucket);
    std::string& text = out.text;
    if (text.size() > 1) text += ',';
    text += R"({"timestamp":")" + query_.granularity.format(start) + R"(","result":{)";
    row_.append(text, false);
    if (!time_field_.empty()) {
      if (!row_.values().empty()) text += ',';
      append_key(text, time_field_);
      text += std::to_string(to_millis(start));
    }
    text += "}}";
    return out.check(1);
  }

  Result<std::string> write() {
    RF_TRY(fill());
    std::vector<uint32_t> order;
    for (size_t b = 0; b < buckets_.size(); ++b) {
      if (!skip_empty_ || met_[b] != 0) order.push_back(static_cast<uint32_t>(b));
    }
    RF_TRY(sort_rows(order, query_, [&](uint32_t a, uint32_t b) {
      return descending_ ? buckets_.start(b) < buckets_.start(a) : buckets_.start(a) < buckets_.start(b);
    }));
    if (limit_ > 0 && order.size() > static_cast<size_t>(limit_)) order.resize(static_cast<size_t>(limit_));
    AnswerText out(query_);
    out.text = "[";
    for (const size_t b : order) RF_TRY(append_row(out, b));
    if (grand_total_) {
      RF_TRY(row_.load(totals_, 0));
      out.text += out.text.size() > 1 ? "," : "";
      out.text += R"({"timestamp":null,"result":{)";
      row_.append(out.text, false);
      out.text += "}}";
    }
    return std::move(out.text) + "]";
  }

  Query& query_;
  Buckets buckets_;
  GroupStates states_;
  GroupStates totals_;
  OutputRow row_;
  HeldBytes held_;
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
