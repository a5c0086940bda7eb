#include "tests/support/fuzz_rollup.h"

#include "engine/status.h"
#include "tests/support/rollup_rows.h"

namespace rideflow::test {
namespace {

constexpr int64_t kHour = 3600 * kMicrosPerSecond;

Value some_text(int i, int of) {
  return i % of == 0 ? Value::null() : Value::string("value " + std::to_string(i % of));
}

RollupRow row_at(int i) {
  RollupRow row;
  row.time = VirtualEnv::kStart + i * 90 * kMicrosPerSecond;
  Value tags;
  tags.kind = Kind::list;
  tags.items = {Value::string("a"), Value::string("t" + std::to_string(i % 3))};
  row.dimensions = {some_text(i, 5), Value::int64(i % 3), Value::float64(i % 4 * 0.5), tags};
  for (const RollupMetric& metric : fuzz_rollup_spec().metrics) {
    const bool text = metric.kind == MetricKind::string_first || metric.kind == MetricKind::string_last;
    const Value number = i % 7 == 0 ? Value::null() : Value::float64(i * 1.25);
    row.metrics.push_back(text ? some_text(i, 4) : number);
  }
  return row;
}

}  // namespace

RollupSpec fuzz_rollup_spec() {
  RollupSpec spec;
  spec.datasource = "rides";
  spec.granularity = *parse_granularity("second");  // hourly chunks
  spec.dimensions = {{"city", DimensionType::string, false},
                     {"seats", DimensionType::int64, false},
                     {"price", DimensionType::float64, false},
                     {"tags", DimensionType::string, true}};
  for (int k = 0; k <= static_cast<int>(MetricKind::distinct_sketch); ++k) {
    const auto kind = static_cast<MetricKind>(k);
    spec.metrics.push_back({std::string(to_string(kind)), kind, "x", ""});
  }
  return spec;
}

std::shared_ptr<RollupStore> fuzz_rollup(VirtualEnv& env, bool sealed) {
  RollupStoreOptions options;
  options.publish_interval_us = 0;
  options.seal_after_us = 0;
  auto store = RollupStore::open(&env, "rollups", options);
  RF_CHECK(store.ok());
  auto writer = (*store)->writer(fuzz_rollup_spec(), {"l1", "sink", 0, 1});
  RF_CHECK(writer.ok());
  std::vector<RollupRow> rows;
  for (int i = 0; i < 120; ++i) rows.push_back(row_at(i));
  const RollupBatch batch(fuzz_rollup_spec(), rows);
  std::vector<int32_t> expired;
  RF_CHECK((*writer)->add(batch.rows(), expired).ok());
  const Micros watermark = VirtualEnv::kStart + (sealed ? 5 * kHour / 2 : 0);
  RF_CHECK(commit_epoch(**writer, 1, watermark).ok());
  return *std::move(store);
}

std::string fuzz_segment_bytes() {
  VirtualEnv env(1);
  const auto store = fuzz_rollup(env, true);
  for (const std::string& file : env.fs().files("rollups/rides")) {
    if (file.find("segment-") == std::string::npos) continue;
    auto bytes = read_file(env.fs(), file);
    RF_CHECK(bytes.ok());
    return *std::move(bytes);
  }
  RF_CHECK(false);
  return "";
}

}  // namespace rideflow::test
