// count() and count(x), count_if(condition).
#include "operators/aggregate_support.h"

namespace rideflow {

namespace {

struct CountState {
  int64_t n = 0;
  void merge(const CountState& o) { n += o.n; }
  void encode(std::string& out) const { append_varint(out, zigzag(n)); }
  void decode(ByteReader& in) { n = in.count(); }
};

class CountBase : public ObjectAggregate<CountState> {
 public:
  Type result_type() const override { return Kind::int64; }
  bool result_nullable() const override { return false; }
  bool can_subtract() const override { return true; }
  void subtract(std::byte* from, const std::byte* what) const override { at(from).n -= at(what).n; }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    out.append(at(state).n);
    return {};
  }
};

class Count : public CountBase {
 public:
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    const uint8_t* valid = in.args.empty() ? nullptr : in.args[0].column->validity_bits();
    if (!valid) {
      each_row(in, [&](int32_t row) { ++at(rows[row] + offset).n; });
      return;
    }
    const KernelArg& arg = in.args[0];
    each_row(in, [&](int32_t row) { at(rows[row] + offset).n += get_bit(valid, arg.at(row)) ? 1 : 0; });
  }
};

class CountIf : public CountBase {
 public:
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    Typed<int64_t>::with(*in.args[0].column, [&](auto get) {
      each_value(in, in.args[0], get, [&](int32_t row, int64_t v) { at(rows[row] + offset).n += v; });
    });
  }
};

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(aggregate_count) {
  using namespace rideflow;
  add_aggregate(catalog, "count", "count() or count(x) -> int64",
                "Rows, or rows on which x is not null. count(distinct x) counts different values.", {},
                [](std::span<const ArgInfo> args) -> std::shared_ptr<const Aggregate> {
                  if (args.size() > 1) return nullptr;
                  return std::make_shared<Count>();
                });
  add_aggregate(catalog, "count_if", "count_if(condition) -> int64", "Rows on which the condition is true.",
                {}, [](std::span<const ArgInfo> args) -> std::shared_ptr<const Aggregate> {
                  if (args.size() != 1 || args[0].type.kind != Kind::boolean) return nullptr;
                  return std::make_shared<CountIf>();
                });
}
