// timeBoundary, dataSourceMetadata and segmentMetadata.
#include <fmt/format.h>

#include <algorithm>

#include "engine/json_writer.h"
#include "rollup/query/query.h"

namespace rideflow::rollup {
namespace {

std::string iso(Micros t) {
  return format_timestamp_millis(t, TimeZone::utc());
}

// The first and last time of the rows that pass; from the parts' own bounds where nothing limits them.
Result<std::pair<Micros, Micros>> time_bounds(const Query& query) {
  Micros first = kNoTime;
  Micros last = kNoTime;
  const auto take = [&](Micros t) {
    first = first == kNoTime ? t : std::min(first, t);
    last = std::max(last, t);
  };
  const bool everything = !query.intervals.empty() && query.intervals.front().start == kEternity.start;
  if (query.filter == nullptr && everything) {
    for (const auto& part : query.snapshot->parts) {
      take(part->min_time());
      take(part->max_time());
    }
    return std::make_pair(first, last);
  }
  RF_TRY(scan(
      query, [](PartView&) {},
      [&](Page& page, const uint32_t* rows, size_t n) -> Status {
        RF_ASSIGN(const Micros* times, page.times());
        for (size_t i = 0; i < n; ++i) take(times[rows ? rows[i] : i]);
        return {};
      }));
  return std::make_pair(first, last);
}

std::string_view druid_type(MetricKind kind) {
  switch (kind) {
    case MetricKind::count:
    case MetricKind::long_sum:
    case MetricKind::long_min:
    case MetricKind::long_max:
    case MetricKind::long_first:
    case MetricKind::long_last:
      return "LONG";
    case MetricKind::string_first:
    case MetricKind::string_last:
      return "STRING";
    case MetricKind::quantile_sketch:
      return "quantilesDoublesSketch";
    case MetricKind::distinct_sketch:
      return "HLLSketch";
    default:
      return "DOUBLE";
  }
}

std::string_view druid_aggregator(MetricKind kind) {
  constexpr std::string_view names[] = {"longSum",       "longSum",
                                        "doubleSum",     "longMin",
                                        "longMax",       "doubleMin",
                                        "doubleMax",     "longFirst",
                                        "longLast",      "doubleFirst",
                                        "doubleLast",    "stringFirst",
                                        "stringLast",    "quantilesDoublesSketch",
                                        "HLLSketchMerge"};
  return names[static_cast<size_t>(kind)];
}

struct ColumnFacts {
  std::string_view type;
  bool complex = false;
  bool multi = false;
  bool nulls = false;
  std::optional<int64_t> cardinality;
};

void append_column(JsonWriter& out, const std::string& name, const ColumnFacts& facts) {
  const std::string type(facts.type);
  out.key(name).begin_object();
  out.field("typeSignature", facts.complex ? "COMPLEX<" + type + ">" : type).field("type", type);
  out.field("hasMultipleValues", facts.multi).field("hasNulls", facts.nulls).field("size", 0);
  out.key("cardinality");
  facts.cardinality ? out.number(*facts.cardinality) : out.null();
  out.key("minValue").null().key("maxValue").null().key("errorMessage").null().end_object();
}

ColumnFacts facts_of(const RollupSnapshot& snapshot, size_t d, bool cardinality) {
  const RollupDimension& dimension = snapshot.spec->dimensions[d];
  constexpr std::string_view types[] = {"STRING", "LONG", "DOUBLE"};
  ColumnFacts facts{types[static_cast<size_t>(dimension.type)], false, dimension.multi_value, true,
                    std::nullopt};
  if (dimension.type != DimensionType::string) return facts;
  uint32_t most = 0;
  for (const auto& part : snapshot.parts) {
    most = std::max(most, part->dimension(static_cast<int>(d)).values->size() - 1);
  }
  facts.cardinality = cardinality ? int64_t{most} : 0;
  return facts;
}

// "PT1M", "P1D", "P3M", "P1Y".
std::string period_of(const Duration& d) {
  if (d.is_fixed()) return interval_to_iso(d.total_micros());
  return d.months % 12 == 0 ? fmt::format("P{}Y", d.months / 12) : fmt::format("P{}M", d.months);
}

}  // namespace

Result<std::string> run_time_boundary(const JsonObject& json, Query& query) {
  RF_TRY(parse_query(json, false, query));
  const std::string bound = text(json, "bound");
  RF_ASSIGN(const auto bounds, time_bounds(query));
  if (bounds.first == kNoTime) return std::string("[]");
  const std::string first = iso(bounds.first);
  const std::string last = iso(bounds.second);
  if (bound == "maxTime") {
    return fmt::format(R"([{{"timestamp":"{}","result":{{"maxTime":"{}"}}}}])", last, last);
  }
  if (bound == "minTime") {
    return fmt::format(R"([{{"timestamp":"{}","result":{{"minTime":"{}"}}}}])", first, first);
  }
  return fmt::format(R"([{{"timestamp":"{}","result":{{"minTime":"{}","maxTime":"{}"}}}}])", first, first,
                     last);
}

Result<std::string> run_datasource_metadata(const JsonObject& json, Query& query) {
  RF_TRY(parse_query(json, false, query));
  const Micros last = query.snapshot->max_time();
  if (last == kNoTime) return std::string("[]");
  return fmt::format(R"([{{"timestamp":"{}","result":{{"maxIngestedEventTime":"{}"}}}}])", iso(last),
                     iso(last));
}

Result<std::string> run_segment_metadata(const JsonObject& json, Query& query) {
  RF_TRY(parse_query(json, false, query));
  const RollupSpec& spec = *query.snapshot->spec;
  bool aggregators = false;
  bool granularity = false;
  bool cardinality = find(json, "analysisTypes") == nullptr;
  for (const Json* type : items(find(json, "analysisTypes"))) {
    granularity = granularity || text(type) == "queryGranularity";
    aggregators = aggregators || text(type) == "aggregators";
    cardinality = cardinality || text(type) == "cardinality";
  }
  std::string text_out;
  JsonWriter out(text_out);
  out.begin_array()
      .begin_object()
      .field("id", "merged")
      .key("intervals")
      .null()
      .key("columns")
      .begin_object();
  append_column(out, "__time", {"LONG", false, false, false, std::nullopt});
  for (size_t d = 0; d < spec.dimensions.size(); ++d) {
    append_column(out, spec.dimensions[d].name, facts_of(*query.snapshot, d, cardinality));
  }
  for (const RollupMetric& m : spec.metrics) {
    const bool sketch = m.kind == MetricKind::quantile_sketch || m.kind == MetricKind::distinct_sketch;
    append_column(out, m.name,
                  {druid_type(m.kind), sketch, false, m.kind != MetricKind::count, std::nullopt});
  }
  out.end_object().field("size", 0).field("numRows", query.snapshot->rows()).key("aggregators");
  if (aggregators) {
    out.begin_object();
    for (const RollupMetric& m : spec.metrics) {
      const std::string type = m.druid_type.empty() ? std::string(druid_aggregator(m.kind)) : m.druid_type;
      out.key(m.name).begin_object().field("type", type).field("name", m.name).field("fieldName", m.name);
      out.end_object();
    }
    out.end_object();
  } else {
    out.null();
  }
  out.key("timestampSpec").null().key("queryGranularity");
  if (granularity) {
    out.begin_object().field("type", "period").field("period", period_of(spec.granularity));
    out.field("timeZone", "UTC").key("origin").null().end_object();
  } else {
    out.null();
  }
  out.key("rollup").null().end_object().end_array();
  return text_out;
}

}  // namespace rideflow::rollup
