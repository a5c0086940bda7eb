#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "engine/decimal.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace aggregate_test {

// An accumulator in memory of its own.
class State {
 public:
  explicit State(const Aggregate& a) : a_(a), bytes_(static_cast<size_t>(a.state_size())) { a_.init(at()); }
  State(const State& o) : a_(o.a_), bytes_(o.bytes_.size()) { a_.clone(at(), o.at()); }
  State& operator=(const State&) = delete;
  ~State() { a_.destroy(at()); }
  std::byte* at() { return bytes_.data(); }
  const std::byte* at() const { return bytes_.data(); }
  std::string encoded() const {
    std::string out;
    a_.encode(at(), out);
    return out;
  }
  std::string result() const {
    ColumnBuilder builder(a_.result_type());
    const Status status = a_.finish(at(), builder);
    if (!status.ok()) return "error: " + status.message();
    return value_at(builder.finish(), 0).to_string();
  }

 private:
  const Aggregate& a_;
  std::vector<std::byte> bytes_;
};

struct Input {
  Type type;
  std::vector<Value> values;  // null where NULL
  std::vector<Micros> times;
};

Value random_value(std::mt19937_64& random, const Type& type) {
  if (random() % 7 == 0) return Value::null();
  const auto n = static_cast<int64_t>(random() % 60);
  switch (type.kind) {
    case Kind::boolean:
      return Value::boolean(n % 2 == 0);
    case Kind::int32:
      return Value::int32(static_cast<int32_t>(n - 30));
    case Kind::int64:
      return Value::int64((n - 30) * 1'000'000'007);
    case Kind::float64:
      return n == 0 ? Value::float64(-0.0)
                    : Value::float64(std::ldexp(static_cast<double>(n - 30) / 3,
                                                static_cast<int>(random() % 200) - 100));
    case Kind::decimal:
      return Value::make_decimal(n * 12'345 - 99, type.scale);
    case Kind::string:
      return Value::string(std::string(static_cast<size_t>(n % 20), 'x') + std::to_string(n));
    case Kind::timestamp:
      return Value::timestamp(n * 1'000'000);
    case Kind::date:
      return Value::date(static_cast<int32_t>(n));
    default:
      return Value::interval(n * 1000);
  }
}

void update(const Aggregate& a, State& state, const Input& input, const std::vector<size_t>& rows,
            const std::vector<Column>& literals) {
  ColumnBuilder builder(input.type);
  std::vector<Micros> times;
  for (const size_t r : rows) {
    builder.append_value(input.values[r]);
    times.push_back(input.times[r]);
  }
  const Column column = builder.finish();
  std::vector<KernelArg> args = {{&column, false}};
  for (const Column& literal : literals) args.push_back({&literal, true});
  AggregateInput in;
  in.rows = static_cast<int32_t>(rows.size());
  in.args = args;
  in.event_time = times.data();
  const std::vector<std::byte*> places(rows.size(), state.at());
  a.update(in, places.data(), 0);
}

// Every aggregate with the argument types that it takes.
struct Case {
  std::string name;
  std::shared_ptr<const Aggregate> aggregate;
  Type type;
  std::vector<Column> literals;
};
std::vector<Case> all_cases() {
  static const Value kFraction = Value::float64(0.9);
  static const Value kThree = Value::int64(3);
  std::vector<Case> cases;
  for (const auto& [name, kind] : full_catalog().aggregates()) {
    size_t made = 0;
    for (const Type& type : {Type(Kind::boolean), Type(Kind::int32), Type(Kind::int64), Type(Kind::float64),
                             Type::decimal(12, 2), Type(Kind::string), Type(Kind::timestamp),
                             Type(Kind::date), Type(Kind::interval)}) {
      for (const Value* literal : {static_cast<const Value*>(nullptr), &kFraction, &kThree}) {
        std::vector<ArgInfo> args = {{type, true, nullptr}};
        std::vector<Column> literals;
        if (literal) {
          const Type literal_type = literal->kind;
          args.push_back({literal_type, false, literal});
          ColumnBuilder builder(literal_type);
          builder.append_value(*literal);
          literals.push_back(builder.finish());
        }
        auto aggregate = kind.make(args);
        if (!aggregate.ok()) continue;
        ++made;
        cases.push_back({fmt::format("{}({}{})", name, type.to_string(), literal ? ", literal" : ""),
                         *aggregate, type, std::move(literals)});
      }
    }
    EXPECT_GT(made, 0U) << name << " takes no type that this test knows";
  }
  return cases;
}

TEST(Aggregates, DependOnTheMultisetOfRowsAlone) {
  for (const Case& c : all_cases()) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(fmt::format("{} seed {}", c.name, seed));
      std::mt19937_64 random(seed);
      const Aggregate& a = *c.aggregate;
      const size_t n = seed == 3 ? 700 : 60;  // past the exact part of sketches too
      Input input{c.type, {}, {}};
      for (size_t i = 0; i < n; ++i) {
        input.values.push_back(random_value(random, c.type));
        input.times.push_back(static_cast<Micros>(random() % 20));
      }
      std::vector<size_t> rows(n);
      std::iota(rows.begin(), rows.end(), size_t{0});
      State plain(a);
      update(a, plain, input, rows, c.literals);

      std::shuffle(rows.begin(), rows.end(), random);
      State merged(a);
      std::vector<size_t> taken;
      for (size_t begin = 0; begin < n;) {
        const size_t end = std::min(n, begin + 1 + random() % 40);
        const std::vector<size_t> part_rows(rows.begin() + static_cast<ptrdiff_t>(begin),
                                            rows.begin() + static_cast<ptrdiff_t>(end));
        State part(a);
        update(a, part, input, part_rows, c.literals);
        State back(a);
        ASSERT_TRUE(a.decode(part.encoded(), back.at()).ok());
        EXPECT_EQ(back.encoded(), part.encoded());
        EXPECT_EQ(back.result(), part.result());
        const State copy(back);
        a.merge(merged.at(), copy.at());
        EXPECT_EQ(copy.encoded(), part.encoded());
        begin = end;
      }
      EXPECT_EQ(merged.result(), plain.result());
      EXPECT_EQ(merged.encoded(), plain.encoded());

      if (!a.can_subtract()) continue;
      const std::vector<size_t> half(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(n / 2));
      const std::vector<size_t> rest(rows.begin() + static_cast<ptrdiff_t>(n / 2), rows.end());
      State first(a);
      State second(a);
      update(a, first, input, half, c.literals);
      update(a, second, input, rest, c.literals);
      a.subtract(merged.at(), first.at());
      EXPECT_EQ(merged.result(), second.result());
      EXPECT_EQ(merged.encoded(), second.encoded());
    }
  }
}

TEST(Aggregates, CopiesAreIndependent) {
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.name);
    std::mt19937_64 random(5);
    Input input{c.type, {}, {}};
    for (int i = 0; i < 40; ++i) {
      input.values.push_back(random_value(random, c.type));
      input.times.push_back(i);
    }
    State state(*c.aggregate);
    update(*c.aggregate, state, input, {0, 1, 2, 3, 4}, c.literals);
    const State copy(state);
    const std::string before = copy.encoded();
    update(*c.aggregate, state, input, {5, 6, 7, 8, 9, 10, 11, 12, 20, 21, 22, 39}, c.literals);
    EXPECT_EQ(copy.encoded(), before);
  }
}

TEST(Aggregates, GarbageIsNotDecoded) {
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.name);
    std::mt19937_64 random(9);
    Input input{c.type, {}, {}};
    std::vector<size_t> rows;
    for (size_t i = 0; i < 30; ++i) {
      input.values.push_back(random_value(random, c.type));
      input.times.push_back(3);
      rows.push_back(i);
    }
    State state(*c.aggregate);
    update(*c.aggregate, state, input, rows, c.literals);
    const std::string bytes = state.encoded();
    State back(*c.aggregate);
    EXPECT_FALSE(c.aggregate->decode(bytes + "\x7f", back.at()).ok());
    for (size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_EQ(c.aggregate->decode(std::string_view(bytes).substr(0, n), back.at()).code(), Code::data_loss);
    }
  }
}

std::string result_of(const std::string& name, const Type& type, const std::vector<Value>& values,
                      std::vector<Micros> times = {}, const Value* literal = nullptr) {
  std::vector<ArgInfo> args = {{type, true, nullptr}};
  if (literal) args.push_back({literal->kind, false, literal});
  auto aggregate = full_catalog().find_aggregate(name)->make(args);
  if (!aggregate.ok()) return "refused: " + aggregate.status().message();
  times.resize(values.size());
  Input input{type, values, times};
  std::vector<size_t> rows(values.size());
  std::iota(rows.begin(), rows.end(), size_t{0});
  State state(**aggregate);
  if (!rows.empty()) update(**aggregate, state, input, rows, {});
  return state.result();
}

Value i64(int64_t v) {
  return Value::int64(v);
}
Value f64(double v) {
  return Value::float64(v);
}

TEST(Aggregates, GiveWhatSqlUsersExpect) {
  const Value null = Value::null();
  const Value two = i64(2);
  const Value half = f64(0.5);
  EXPECT_EQ(result_of("count", Kind::int64, {i64(1), null, i64(1)}), "2");
  EXPECT_EQ(result_of("count", Kind::int64, {}), "0");
  EXPECT_EQ(result_of("count_if", Kind::boolean, {Value::boolean(true), null, Value::boolean(false)}), "1");
  EXPECT_EQ(result_of("sum", Kind::int64, {}), "NULL");
  EXPECT_EQ(result_of("sum", Kind::int64, {null}), "NULL");
  EXPECT_EQ(result_of("sum", Kind::int64, {i64(INT64_MAX), i64(5), i64(-5)}), std::to_string(INT64_MAX));
  EXPECT_EQ(result_of("sum", Kind::int64, {i64(INT64_MAX), i64(1)}), "error: sum() overflows int64");
  EXPECT_EQ(result_of("sum", Kind::int64, {i64(INT64_MIN), i64(-1)}), "error: sum() overflows int64");
  EXPECT_EQ(result_of("sum", Kind::float64, {f64(0.1), f64(0.2), f64(0.3)}), "0.6");
  EXPECT_EQ(result_of("sum", Kind::float64, {f64(1e308), f64(1e308)}), "error: sum() overflows double");
  EXPECT_EQ(
      result_of("sum", Type::decimal(10, 2), {Value::make_decimal(1050, 2), Value::make_decimal(-1, 2)}),
      "10.49");
  EXPECT_EQ(result_of("avg", Kind::int32, {Value::int32(1), Value::int32(2)}), "1.5");
  EXPECT_EQ(result_of("avg", Type::decimal(10, 2),
                      {Value::make_decimal(100, 2), Value::make_decimal(100, 2), Value::make_decimal(0, 2)}),
            "0.666667");
  EXPECT_EQ(
      result_of("avg", Type::decimal(10, 2),
                {Value::make_decimal(-100, 2), Value::make_decimal(-100, 2), Value::make_decimal(0, 2)}),
      "-0.666667");
  EXPECT_EQ(result_of("min", Kind::float64, {f64(std::nan("")), f64(2), null}),
            result_of("max", Kind::float64, {f64(2)}));
  EXPECT_EQ(result_of("max", Kind::string, {Value::string("Lyon"), Value::string("a"), null}), "'a'");
  EXPECT_EQ(result_of("any", Kind::string, {Value::string("b"), Value::string("a")}), "'a'");
  EXPECT_EQ(result_of("first", Kind::int64, {i64(9), i64(5), i64(7), null}, {2, 1, 1, 0}), "5");
  EXPECT_EQ(result_of("last", Kind::int64, {i64(9), i64(5), i64(7), null}, {1, 2, 2, 3}), "5");
  EXPECT_EQ(result_of("variance", Kind::int64, {i64(1)}), "NULL");
  EXPECT_EQ(
      result_of("variance", Kind::int64, {i64(2), i64(4), i64(4), i64(4), i64(5), i64(5), i64(7), i64(9)}),
      Value::float64(32.0 / 7).to_string());
  EXPECT_EQ(
      result_of("stddev_pop", Kind::int64, {i64(2), i64(4), i64(4), i64(4), i64(5), i64(5), i64(7), i64(9)}),
      Value::float64(2).to_string());
  EXPECT_EQ(result_of("var_pop", Kind::float64, {f64(1e9), f64(1e9 + 1), f64(1e9 + 2)}),
            Value::float64(2.0 / 3).to_string());
  EXPECT_EQ(result_of("count_distinct", Kind::string,
                      {Value::string("a"), Value::string("b"), null, Value::string("a")}),
            "2");
  EXPECT_EQ(result_of("approx_count_distinct", Kind::string,
                      {Value::string("a"), Value::string("b"), Value::string("a")}),
            "2");
  EXPECT_EQ(result_of("approx_quantile", Kind::int64, {i64(3), i64(1), i64(2)}, {}, &half),
            Value::float64(2).to_string());
  EXPECT_EQ(result_of("top_k", Kind::int64, {i64(3), i64(1), i64(3), i64(2), i64(1), i64(9)}, {}, &two),
            "[1, 3]");
  EXPECT_EQ(result_of("sum", Kind::string, {}),
            "refused: sum(string) does not fit: write sum(number or interval)");
  const Value beyond = f64(1.5);
  EXPECT_EQ(result_of("approx_quantile", Kind::int64, {}, {}, &beyond),
            "refused: approx_quantile(int64, 1.5) does not fit: write approx_quantile(number, fraction from "
            "0 to 1)");
}

TEST(Aggregates, DruidsNamesAreAliases) {
  EXPECT_EQ(full_catalog().find_aggregate("doubleSum"), full_catalog().find_aggregate("sum"));
  EXPECT_EQ(full_catalog().find_aggregate("LONGMAX"), full_catalog().find_aggregate("max"));
}

}  // namespace aggregate_test
}  // namespace rideflow::test
