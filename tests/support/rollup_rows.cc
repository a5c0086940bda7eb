#include "tests/support/rollup_rows.h"

#include <cmath>

#include "engine/distinct_sketch.h"

namespace rideflow::test {

RollupBatch::RollupBatch(const RollupSpec& spec, const std::vector<RollupRow>& rows) {
  for (const RollupRow& row : rows) times_.push_back(row.time);
  rows_.rows = static_cast<int32_t>(rows.size());
  rows_.event_time = times_.data();
  for (size_t d = 0; d < spec.dimensions.size(); ++d) add_dimension(spec.dimensions[d], d, rows);
  for (size_t m = 0; m < spec.metrics.size(); ++m) add_metric(spec.metrics[m], m, rows);
}

void RollupBatch::add_dimension(const RollupDimension& dimension, size_t d,
                                const std::vector<RollupRow>& rows) {
  Type type = dimension.type == DimensionType::string
                  ? Kind::string
                  : (dimension.type == DimensionType::int64 ? Kind::int64 : Kind::float64);
  if (dimension.multi_value) type = Type::list(type);
  ColumnBuilder builder(type);
  for (const RollupRow& row : rows) builder.append_value(row.dimensions[d]);
  columns_.push_back(std::make_unique<Column>(builder.finish()));
  rows_.dimensions.push_back(columns_.back().get());
}

void RollupBatch::add_metric(const RollupMetric& metric, size_t m, const std::vector<RollupRow>& rows) {
  auto input = std::make_unique<Input>();
  input->valid.resize(bitmap_bytes(static_cast<int64_t>(rows.size())));
  ColumnBuilder texts(Kind::string);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Value& v = rows[i].metrics[m];
    const double number = v.kind == Kind::float64 ? v.number : static_cast<double>(v.integer);
    if (metric.kind == MetricKind::count || !v.is_null())
      set_bit(input->valid.data(), static_cast<int64_t>(i));
    // A metric of doubles may hold NaN and what no integer holds; nobody reads its integers.
    const bool is_int = v.kind != Kind::float64 || std::abs(number) < 0x1p63;
    input->ints.push_back(!is_int ? 0 : v.kind == Kind::float64 ? static_cast<int64_t>(number) : v.integer);
    input->doubles.push_back(number);
    input->hashes.push_back(v.kind == Kind::string ? distinct_hash(std::string_view(v.text))
                                                   : distinct_hash(number));
    v.kind == Kind::string ? texts.append_string(v.text) : texts.append_null();
  }
  input->texts = texts.finish();
  rollup::MetricInput out;
  out.valid = input->valid.data();
  out.ints = input->ints.data();
  out.doubles = input->doubles.data();
  out.hashes = input->hashes.data();
  out.texts = &input->texts;
  out.event_time = times_.data();
  rows_.metrics.push_back(out);
  inputs_.push_back(std::move(input));
}

Status commit_epoch(RollupWriter& writer, int64_t epoch, Micros watermark) {
  writer.set_watermark(watermark);
  RF_ASSIGN(const RollupPrepared prepared, writer.prepare(Epoch(epoch)));
  RF_TRY(prepared.persist());
  return writer.commit(prepared.handle);
}

}  // namespace rideflow::test
