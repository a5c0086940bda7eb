#include "tests/rollup/druid_data.h"

#include <algorithm>
#include <boost/json.hpp>

#include "tests/support/rollup_rows.h"
#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace {

using boost::json::object;

std::vector<object> read_rows(const std::string& name) {
  const std::string text = read_file("tests/rollup/druid_recordings/" + name + ".rows.jsonl");
  std::vector<object> rows;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    rows.push_back(boost::json::parse(text.substr(begin, end - begin)).as_object());
    begin = end + 1;
  }
  return rows;
}

Value to_value(const boost::json::value& v) {
  if (v.is_string()) return Value::string(std::string(v.as_string().data(), v.as_string().size()));
  if (v.is_int64()) return Value::int64(v.as_int64());
  if (v.is_double()) return Value::float64(v.as_double());
  return Value::null();
}

// Druid's SORTED_ARRAY: a list is sorted; one value and a list of one are the same; none is null.
Value to_list(const boost::json::value& v) {
  Value out;
  out.kind = Kind::list;
  if (v.is_array()) {
    for (const auto& item : v.as_array()) out.items.push_back(to_value(item));
  } else {
    const Value item = to_value(v);
    if (item.is_null()) return item;
    out.items.push_back(item);
  }
  std::sort(out.items.begin(), out.items.end(),
            [](const Value& a, const Value& b) { return a.text < b.text; });
  return out;
}

Value field(const object& row, const std::string& name, DimensionType type, bool multi) {
  const boost::json::value* v = row.if_contains(name);
  if (v == nullptr) return Value::null();
  if (multi) return to_list(*v);
  Value out = to_value(*v);
  if (type == DimensionType::float64 && out.kind == Kind::int64) {
    out = Value::float64(static_cast<double>(out.integer));
  }
  return out;
}

RollupRow to_row(const RollupSpec& spec, const object& row, const std::string& time_column) {
  RollupRow out;
  const auto& time = row.at(time_column);
  out.time = time.is_int64() ? time.as_int64() * 1000
                             : *parse_timestamp({time.as_string().data(), time.as_string().size()});
  for (const RollupDimension& d : spec.dimensions) {
    out.dimensions.push_back(field(row, d.name, d.type, d.multi_value));
  }
  for (const RollupMetric& m : spec.metrics) {
    out.metrics.push_back(field(row, m.field, DimensionType::string, false));
  }
  return out;
}

RollupSpec events_spec() {
  RollupSpec spec;
  spec.datasource = "events";
  spec.dimensions = {{"country"},
                     {"city"},
                     {"channel"},
                     {"device"},
                     {"tags", DimensionType::string, true},
                     {"age", DimensionType::int64}};
  spec.metrics = {{"cnt", MetricKind::count, "", ""},
                  {"added", MetricKind::long_sum, "added", ""},
                  {"deleted", MetricKind::long_sum, "deleted", ""},
                  {"revenue", MetricKind::double_sum, "revenue", ""},
                  {"revenue_min", MetricKind::double_min, "revenue", ""},
                  {"revenue_max", MetricKind::double_max, "revenue", ""},
                  {"latency_first", MetricKind::double_first, "latency", ""},
                  {"latency_last", MetricKind::double_last, "latency", ""},
                  {"user_hyper", MetricKind::distinct_sketch, "user", "hyperUnique"},
                  {"user_hll", MetricKind::distinct_sketch, "user", "HLLSketchMerge"},
                  {"user_theta", MetricKind::distinct_sketch, "user", "thetaSketch"},
                  {"latency_q", MetricKind::quantile_sketch, "latency", ""}};
  return spec;
}

RollupSpec raw_spec() {
  RollupSpec spec;
  spec.datasource = "raw";
  spec.granularity = *parse_granularity("none");
  spec.dimensions = {{"id", DimensionType::int64},
                     {"user"},
                     {"status"},
                     {"price", DimensionType::float64},
                     {"score", DimensionType::float64},
                     {"qty", DimensionType::int64},
                     {"url"},
                     {"labels", DimensionType::string, true}};
  return spec;
}

RollupSpec users_spec() {
  RollupSpec spec;
  spec.datasource = "users";
  spec.granularity = *parse_granularity("none");
  spec.dimensions = {{"user"}, {"plan"}, {"signup"}, {"credit", DimensionType::int64}};
  return spec;
}

Status load(RollupStore& store, const RollupSpec& spec, const std::string& time_column, Micros watermark) {
  RF_ASSIGN(const auto writer, store.writer(spec, {"lineage", "sink-" + spec.datasource, 0, 1}));
  RF_TRY(writer->recover(Epoch(0), {}));
  std::vector<RollupRow> rows;
  for (const object& row : read_rows(spec.datasource)) rows.push_back(to_row(spec, row, time_column));
  const RollupBatch batch(spec, rows);
  std::vector<int32_t> expired;
  RF_TRY(writer->add(batch.rows(), expired));
  return commit_epoch(*writer, 1, watermark);
}

}  // namespace

Status load_druid_data(RollupStore& store, Micros watermark) {
  RF_TRY(load(store, events_spec(), "ts", watermark));
  RF_TRY(load(store, raw_spec(), "timestamp", watermark));
  return load(store, users_spec(), "timestamp", watermark);
}

std::vector<double> event_latencies() {
  std::vector<double> out;
  for (const object& row : read_rows("events")) {
    const Value v = to_value(row.at("latency"));
    if (!v.is_null()) out.push_back(v.kind == Kind::int64 ? static_cast<double>(v.integer) : v.number);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace rideflow::test
