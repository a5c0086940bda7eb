// sum and avg: whole numbers and decimals in wide integers, doubles exact before the last rounding.
#include <fmt/format.h>

#include "engine/exact_sum.h"
#include "operators/aggregate_support.h"

namespace rideflow {

namespace {

// A signed integer of 192 bits: what no number of decimals of 38 digits overflows.
struct WideInteger {
  uint64_t low = 0;
  uint64_t middle = 0;
  int64_t high = 0;

  void add(uint64_t l, uint64_t m, int64_t h) {
    low += l;
    const uint64_t carry = low < l ? 1 : 0;
    const uint64_t with_carry = m + carry;
    const uint64_t over = with_carry < carry ? 1 : 0;
    middle += with_carry;
    high = static_cast<int64_t>(static_cast<uint64_t>(high) + static_cast<uint64_t>(h) + over +
                                (middle < with_carry ? 1 : 0));
  }
  void add(Int128 v) { add(static_cast<uint64_t>(v), static_cast<uint64_t>(v >> 64), v < 0 ? -1 : 0); }
  void add(const WideInteger& o) { add(o.low, o.middle, o.high); }
  void subtract(const WideInteger& o) {
    add(~o.low, ~o.middle, ~o.high);
    add(Int128{1});
  }
  bool fits() const { return high == (static_cast<int64_t>(middle) < 0 ? -1 : 0); }
  // REQUIRES: fits().
  Int128 value() const { return Int128{static_cast<int64_t>(middle)} << 64 | low; }
};

struct IntegerSumState {
  WideInteger sum;
  int64_t n = 0;
  void merge(const IntegerSumState& o) {
    sum.add(o.sum);
    n += o.n;
  }
  void subtract(const IntegerSumState& o) {
    sum.subtract(o.sum);
    n -= o.n;
  }
  void encode(std::string& out) const {
    append_varint(out, zigzag(n));
    const bool narrow = sum.fits() && sum.value() == static_cast<int64_t>(sum.low);
    out.push_back(narrow ? 0 : 1);
    if (narrow) {
      append_varint(out, zigzag(static_cast<int64_t>(sum.low)));
    } else {
      append_fixed(out, sum.low);
      append_fixed(out, sum.middle);
      append_fixed(out, sum.high);
    }
  }
  void decode(ByteReader& in) {
    n = in.count();
    const char wide = in.get<char>();
    if (wide == 0) {
      sum.add(Int128{unzigzag(in.varint())});
    } else if (wide == 1) {
      sum.low = in.get<uint64_t>();
      sum.middle = in.get<uint64_t>();
      sum.high = in.get<int64_t>();
    } else {
      in.fail();
    }
  }
};

struct DoubleSumState {
  ExactSum sum;
  int64_t n = 0;
  void merge(const DoubleSumState& o) {
    sum.merge(o.sum);
    n += o.n;
  }
  void subtract(const DoubleSumState& o) {
    sum.subtract(o.sum);
    n -= o.n;
  }
  void encode(std::string& out) const {
    append_varint(out, zigzag(n));
    sum.encode(out);
  }
  void decode(ByteReader& in) {
    n = in.count();
    if (!sum.decode(in.take(in.left())).ok()) in.fail();
  }
};

Status overflow(std::string_view function, const Type& type) {
  return Status::user(Code::out_of_range, fmt::format("{}() overflows {}", function, type.to_string()));
}

template <class S>
class SumBase : public ObjectAggregate<S> {
 public:
  bool result_nullable() const override { return true; }
  bool can_subtract() const override { return true; }
  void subtract(std::byte* from, const std::byte* what) const override {
    this->at(from).subtract(this->at(what));
  }
};

class IntegerSum : public SumBase<IntegerSumState> {
 public:
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    const auto add = [&](int32_t row, Int128 v) {
      IntegerSumState& state = at(rows[row] + offset);
      state.sum.add(v);
      ++state.n;
    };
    const KernelArg& arg = in.args[0];
    if (arg.column->type.kind == Kind::decimal) {
      Typed<Int128>::with(*arg.column, [&](auto get) { each_value(in, arg, get, add); });
    } else {
      Typed<int64_t>::with(*arg.column, [&](auto get) { each_value(in, arg, get, add); });
    }
  }
};

// int64, interval, or decimal(38, s).
class SumOfIntegers : public IntegerSum {
 public:
  explicit SumOfIntegers(Type result) : result_(std::move(result)) {}
  Type result_type() const override { return result_; }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const IntegerSumState& s = at(state);
    if (s.n == 0) {
      out.append_null();
      return {};
    }
    if (!s.sum.fits()) return overflow("sum", result_);
    const Int128 v = s.sum.value();
    if (result_.kind == Kind::decimal) {
      if (!fits_precision(v, kMaxDecimalDigits)) return overflow("sum", result_);
      out.append(v);
      return {};
    }
    if (v != static_cast<int64_t>(v)) return overflow("sum", result_);
    out.append(static_cast<int64_t>(v));
    return {};
  }

 private:
  Type result_;
};

// double of whole numbers, decimal(38, max(s, 6)) of decimals.
class AvgOfIntegers : public IntegerSum {
 public:
  explicit AvgOfIntegers(const Type& argument) {
    if (argument.kind != Kind::decimal) return;
    const int scale = std::max(int{argument.scale}, 6);
    result_ = Type::decimal(kMaxDecimalDigits, scale);
    factor_ = power_of_ten(scale - argument.scale);
  }
  Type result_type() const override { return result_; }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const IntegerSumState& s = at(state);
    if (s.n == 0) {
      out.append_null();
      return {};
    }
    if (!s.sum.fits()) return overflow("avg", result_);
    const Int128 sum = s.sum.value();
    if (result_.kind != Kind::decimal) {
      out.append(static_cast<double>(sum) / static_cast<double>(s.n));
      return {};
    }
    // Whole part and remainder apart, so that scaling up overflows only when the result does.
    const Int128 n = s.n;
    Int128 whole = 0;
    const Int128 part = (sum % n) * factor_;
    if (__builtin_mul_overflow(sum / n, factor_, &whole)) return overflow("avg", result_);
    Int128 value = whole + part / n;
    const Int128 rest = part % n;
    const Int128 twice = 2 * (rest < 0 ? -rest : rest);
    if (twice >= n) value += sum < 0 ? -1 : 1;
    if (!fits_precision(value, kMaxDecimalDigits)) return overflow("avg", result_);
    out.append(value);
    return {};
  }

 private:
  Type result_ = Kind::float64;
  Int128 factor_ = 1;
};

class DoubleSum : public SumBase<DoubleSumState> {
 public:
  explicit DoubleSum(bool average) : average_(average) {}
  Type result_type() const override { return Kind::float64; }
  void update(const AggregateInput& in, std::byte* const* rows, int offset) const override {
    const auto* values = in.args[0].column->values<double>();
    each_value(
        in, in.args[0], [values](int64_t row) { return values[row]; },
        [&](int32_t row, double v) {
          DoubleSumState& state = at(rows[row] + offset);
          state.sum.add(v);
          ++state.n;
        });
  }
  Status finish(const std::byte* state, ColumnBuilder& out) const override {
    const DoubleSumState& s = at(state);
    if (s.n == 0) {
      out.append_null();
      return {};
    }
    if (s.sum.overflows()) return overflow(average_ ? "avg" : "sum", Kind::float64);
    out.append(average_ ? s.sum.value() / static_cast<double>(s.n) : s.sum.value());
    return {};
  }

 private:
  bool average_;
};

std::shared_ptr<const Aggregate> make_sum(std::span<const ArgInfo> args) {
  if (args.size() != 1) return nullptr;
  const Type& type = args[0].type;
  if (type.kind == Kind::float64) return std::make_shared<DoubleSum>(false);
  if (type.kind == Kind::decimal) {
    return std::make_shared<SumOfIntegers>(Type::decimal(kMaxDecimalDigits, type.scale));
  }
  if (type.is_integer()) return std::make_shared<SumOfIntegers>(Kind::int64);
  if (type.kind == Kind::interval) return std::make_shared<SumOfIntegers>(Kind::interval);
  return nullptr;
}

std::shared_ptr<const Aggregate> make_avg(std::span<const ArgInfo> args) {
  if (args.size() != 1 || !args[0].type.is_numeric()) return nullptr;
  if (args[0].type.kind == Kind::float64) return std::make_shared<DoubleSum>(true);
  return std::make_shared<AvgOfIntegers>(args[0].type);
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(aggregate_sum) {
  using namespace rideflow;
  add_aggregate(catalog, "sum", "sum(number or interval) -> int64, double, decimal(38,s) or interval",
                "The sum; exact whatever the order. A result that overflows its type rejects the result row.",
                {"longSum", "doubleSum", "floatSum"}, make_sum);
  add_aggregate(catalog, "avg", "avg(number) -> double or decimal",
                "The mean; exact before the last rounding.", {"mean", "doubleMean"}, make_avg);
}
