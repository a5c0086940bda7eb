// approx_quantile and approx_count_distinct: the same sketches as in rollups.
#include "engine/distinct_sketch.h"
#include "engine/quantile_sketch.h"
#include "operators/aggregate_support.h"

namespace rideflow {

namespace {

template <class Sketch>
struct SketchState {
  Sketch sketch;
  void merge(const SketchState& o) { sketch.merge(o.sketch); }
  void encode(std::string& out) const { sketch.encode(out); }
  void decode(ByteReader& in) {
    if (!sketch.decode(in.take(in.left())).ok()) in.fail();
  }
};

// Not subtractable here, though the sketch is: a window that subtracts would stay in buckets where a restored
// one is exact again.
class ApproxQuantile : public ObjectAggregate<SketchState<QuantileSketch>> {
 public:
  explicit ApproxQuantile(std::optional<double> fraction) : fraction_(fraction) {}
  Type result_type() const override { return fraction_ ? Kind::float64 : Kind::bytes; }
  bool result_nullable() const override { return true; }
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    with_number(*in.args[0].column, [&](auto get) {
      each_value(in, in.args[0], get, [&](int32_t row, double v) { at(rows[row] + offset).sketch.add(v); });
    });
  }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const QuantileSketch& sketch = at(state).sketch;
    if (sketch.count() == 0) {
      out.append_null();
    } else if (fraction_) {
      out.append(*sketch.quantile(*fraction_));
    } else {
      std::string bytes;
      sketch.encode(bytes);
      out.append_string(bytes);
    }
    return {};
  }

 private:
  std::optional<double> fraction_;  // none: the sketch itself
};

class ApproxCountDistinct : public ObjectAggregate<SketchState<DistinctSketch>> {
 public:
  explicit ApproxCountDistinct(Store store) : store_(store) {}
  Type result_type() const override { return Kind::int64; }
  bool result_nullable() const override { return false; }
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    const Column& column = *in.args[0].column;
    const auto add = [&](int32_t row, uint64_t hash) { at(rows[row] + offset).sketch.add(hash); };
    const auto loop = [&](auto get) {
      each_value(
          in, in.args[0], [get](int64_t row) { return distinct_hash(get(row)); }, add);
    };
    switch (store_) {
      case Store::integer:
        return Typed<int64_t>::with(column, loop);
      case Store::real:
        return Typed<double>::with(column, loop);
      case Store::decimal:
        return Typed<Int128>::with(column, [&](auto get) {
          loop([get](int64_t row) {
            const Int128 v = get(row);
            return static_cast<int64_t>(
                hash_combine(static_cast<uint64_t>(v), static_cast<uint64_t>(v >> 64)));
          });
        });
      default:
        return Typed<std::string_view>::with(column, loop);
    }
  }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    out.append(at(state).sketch.estimate());
    return {};
  }

 private:
  Store store_;
};

std::optional<double> number_of(const ArgInfo& arg) {
  if (!arg.literal || arg.literal->is_null()) return std::nullopt;
  switch (arg.literal->kind) {
    case Kind::float64:
      return arg.literal->number;
    case Kind::decimal:
      return decimal_to_double(arg.literal->decimal, arg.literal->scale);
    case Kind::int32:
    case Kind::int64:
      return static_cast<double>(arg.literal->integer);
    default:
      return std::nullopt;
  }
}

std::shared_ptr<const Aggregate> make_quantile(std::span<const ArgInfo> args) {
  if (args.empty() || args.size() > 2 || !args[0].type.is_numeric()) return nullptr;
  if (args.size() == 1) return std::make_shared<ApproxQuantile>(std::nullopt);
  const std::optional<double> fraction = number_of(args[1]);
  if (!fraction || !(*fraction >= 0 && *fraction <= 1)) return nullptr;
  return std::make_shared<ApproxQuantile>(fraction);
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(aggregate_sketches) {
  using namespace rideflow;
  add_aggregate(
      catalog, "approx_quantile", "approx_quantile(number, fraction from 0 to 1) -> double",
      "The value at that fraction of the values in order: exact up to 256 values, then within 0.5 %.",
      {"approx_percentile", "quantilesDoublesSketch"}, make_quantile, /*shares=*/true);
  add_aggregate(catalog, "approx_count_distinct", "approx_count_distinct(x) -> int64",
                "How many different values: exact up to 768 of them, then with a standard error of 1.6 %.",
                {"hyperUnique", "HLLSketchBuild", "thetaSketch"},
                [](std::span<const ArgInfo> args) -> std::shared_ptr<const Aggregate> {
                  if (args.size() != 1 || store_of(args[0].type) == Store::none) return nullptr;
                  return std::make_shared<ApproxCountDistinct>(store_of(args[0].type));
                });
}
