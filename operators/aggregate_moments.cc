// variance, var_pop, stddev, stddev_pop: from the exact sums of x and of its square, so that order does not
// matter and windows can subtract.
#include <fmt/format.h>

#include "engine/exact_sum.h"
#include "operators/aggregate_support.h"

namespace rideflow {

namespace {

// The unevaluated sum of two doubles, 106 bits. After Dekker.
struct Pair {
  double hi;
  double lo;
};
Pair two_sum(double a, double b) {
  const double s = a + b;
  const double t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}
Pair normal(double hi, double lo) {
  const double s = hi + lo;
  return {s, lo - (s - hi)};
}
Pair multiply(Pair a, Pair b) {
  const double p = a.hi * b.hi;
  return normal(p, std::fma(a.hi, b.hi, -p) + (a.hi * b.lo + a.lo * b.hi));
}
Pair difference(Pair a, Pair b) {
  const Pair s = two_sum(a.hi, -b.hi);
  return normal(s.hi, s.lo + (a.lo - b.lo));
}
Pair divide(Pair a, double b) {
  const double q = a.hi / b;
  const double p = q * b;
  const double rest = (a.hi - p) - std::fma(q, b, -p) + a.lo;
  return normal(q, rest / b);
}

struct MomentsState {
  ExactSum sum;
  ExactSum squares;
  int64_t n = 0;
  void add(double x) {
    sum.add(x);
    const double square = x * x;
    squares.add(square);
    if (std::isfinite(square)) squares.add(std::fma(x, x, -square));
    ++n;
  }
  void merge(const MomentsState& o) {
    sum.merge(o.sum);
    squares.merge(o.squares);
    n += o.n;
  }
  void subtract(const MomentsState& o) {
    sum.subtract(o.sum);
    squares.subtract(o.squares);
    n -= o.n;
  }
  void encode(std::string& out) const {
    append_varint(out, zigzag(n));
    std::string bytes;
    sum.encode(bytes);
    append_bytes(out, bytes);
    squares.encode(out);
  }
  void decode(ByteReader& in) {
    n = in.count();
    if (!sum.decode(in.bytes()).ok() || !squares.decode(in.take(in.left())).ok()) in.fail();
  }
};

class Moments : public ObjectAggregate<MomentsState> {
 public:
  Moments(std::string name, bool sample, bool root) : name_(std::move(name)), sample_(sample), root_(root) {}
  Type result_type() const override { return Kind::float64; }
  bool result_nullable() const override { return true; }
  bool can_subtract() const override { return true; }
  void subtract(std::byte* from, const std::byte* what) const override { at(from).subtract(at(what)); }
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    with_number(*in.args[0].column, [&](auto get) {
      each_value(in, in.args[0], get, [&](int32_t row, double v) { at(rows[row] + offset).add(v); });
    });
  }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const MomentsState& s = at(state);
    const int64_t divisor = s.n - (sample_ ? 1 : 0);
    if (divisor <= 0) {
      out.append_null();
      return {};
    }
    if (s.sum.has_special()) {  // NaN or an infinity among the values
      out.append(std::numeric_limits<double>::quiet_NaN());
      return {};
    }
    const ExactSum::Pair sum = s.sum.pair();
    const ExactSum::Pair squares = s.squares.pair();
    const Pair mean_square = divide(multiply({sum.hi, sum.lo}, {sum.hi, sum.lo}), static_cast<double>(s.n));
    const double spread = difference({squares.hi, squares.lo}, mean_square).hi;
    if (!std::isfinite(spread)) {
      return Status::user(Code::out_of_range, fmt::format("{}() overflows double", name_));
    }
    const double variance = std::max(spread, 0.0) / static_cast<double>(divisor);
    out.append(root_ ? std::sqrt(variance) : variance);
    return {};
  }

 private:
  std::string name_;
  bool sample_;
  bool root_;
};

void add_moments(Catalog& catalog, const std::string& name, std::string doc, std::vector<std::string> aliases,
                 bool sample, bool root) {
  add_aggregate(catalog, name, name + "(number) -> double", std::move(doc), std::move(aliases),
                [=](std::span<const ArgInfo> args) -> std::shared_ptr<const Aggregate> {
                  if (args.size() != 1 || !args[0].type.is_numeric()) return nullptr;
                  return std::make_shared<Moments>(name, sample, root);
                });
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(aggregate_moments) {
  using namespace rideflow;
  add_moments(catalog, "variance", "Sample variance; null below two values.", {"var_samp"}, true, false);
  add_moments(catalog, "var_pop", "Population variance.", {}, false, false);
  add_moments(catalog, "stddev", "Sample standard deviation; null below two values.", {"stddev_samp"}, true,
              true);
  add_moments(catalog, "stddev_pop", "Population standard deviation.", {}, false, true);
}
