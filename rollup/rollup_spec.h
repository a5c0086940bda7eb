// RollupSpec: what a rollup datasource holds: its granularity, dimensions and metrics.
//
// A cell is one row of a rollup: all rows of the same truncated time and the same dimension values, with one
// accumulator per metric. Time is Micros everywhere in rollup/; Druid's milliseconds exist only in its JSON.
// Specs are immutable once a store holds them, shared by all threads, and kept as text in the datasource's
// directory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ids.h"
#include "engine/status.h"
#include "engine/time.h"

namespace rideflow {

enum class DimensionType : uint8_t { string, int64, float64 };

struct RollupDimension {
  std::string name;
  DimensionType type = DimensionType::string;
  // A row holds a list of values (string only); a filter matches when any value does, and grouping counts the
  // row under each of its values.
  bool multi_value = false;
  friend bool operator==(const RollupDimension&, const RollupDimension&) = default;
};

// What a metric accumulates. Integer sums wrap at 64 bits like Druid's; double sums are kept in two doubles.
// first and last go by event time, ties by the smaller value. All merge, in any order, to the same result.
enum class MetricKind : uint8_t {
  count,
  long_sum,
  double_sum,
  long_min,
  long_max,
  double_min,
  double_max,
  long_first,
  long_last,
  double_first,
  double_last,
  string_first,
  string_last,
  quantile_sketch,
  distinct_sketch,
};
std::string_view to_string(MetricKind kind);
std::optional<MetricKind> parse_metric_kind(std::string_view text);

struct RollupMetric {
  std::string name;
  MetricKind kind = MetricKind::count;
  std::string field;       // the input column's name, for segmentMetadata; may be empty
  std::string druid_type;  // Druid's aggregator name when it differs from the kind's own ("thetaSketch")
  friend bool operator==(const RollupMetric&, const RollupMetric&) = default;
};

struct RollupSpec {
  std::string datasource;
  Duration granularity{0, 0, 60 * kMicrosPerSecond};  // cells' times are truncated to it, in UTC
  std::vector<RollupDimension> dimensions;
  std::vector<RollupMetric> metrics;
  int64_t retain = 0;  // microseconds behind the committed watermark; 0: for ever

  // A chunk is what is sealed and dropped as one: a day, or an hour where cells are shorter than a minute.
  int64_t chunk_micros() const;
  // The least that a block of an open chunk covers (rollup/chunk.h).
  int64_t block_micros() const;
  // No cell covers more.
  int64_t longest_cell() const;
  std::optional<int> find_dimension(std::string_view name) const;
  std::optional<int> find_metric(std::string_view name) const;
  friend bool operator==(const RollupSpec&, const RollupSpec&) = default;
};

// "none" (milliseconds), "second", "minute", … "year", "fifteen_minute", or a period such as "PT5M".
Result<Duration> parse_granularity(std::string_view text);

// Names are given once each, the time column's name __time is taken, and names do not start with a dot.
Status validate(const RollupSpec& spec);

std::string encode_spec(const RollupSpec& spec);  // one line per item, readable
Result<RollupSpec> decode_spec(std::string_view text);

}  // namespace rideflow
