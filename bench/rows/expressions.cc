// The expressions that jobs are made of, evaluated over batches, beside a loop written for each of them alone
// over the same values in plain arrays.
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "bench/rows/rows.h"
#include "engine/builder.h"
#include "engine/expr.h"

namespace rideflow::bench {
namespace {

constexpr int32_t kRows = 2'048;
constexpr Micros kMinute = 60 * kMicrosPerSecond;

// A result of either side; of text its length.
struct Cell {
  bool null = false;
  double value = 0;
};

// The same rows as a batch and as plain arrays. `fare` is null in a seventh of the rows.
struct Rides {
  Batch batch;
  std::vector<std::string> status;
  std::vector<std::string> city;
  std::vector<double> fare;
  std::vector<uint8_t> has_fare;
  std::vector<double> distance;
  std::vector<int64_t> n;
  std::vector<Micros> at;
};

// What a plain loop writes. A boolean is 0 or 1.
struct Plain {
  std::vector<double> numbers = std::vector<double>(kRows);
  std::vector<int64_t> integers = std::vector<int64_t>(kRows);
  std::vector<uint8_t> booleans = std::vector<uint8_t>(kRows);
  std::vector<std::string> texts = std::vector<std::string>(kRows);
  std::vector<uint8_t> valid = std::vector<uint8_t>(kRows);
};

SchemaRef schema() {
  static const SchemaRef s = make_schema({{"status", Kind::string, false},
                                          {"fare", Kind::float64, true},
                                          {"distance", Kind::float64, false},
                                          {"n", Kind::int64, false},
                                          {"at", Kind::timestamp, false},
                                          {"city", Kind::string, false}});
  return s;
}

Rides make_rides() {
  constexpr std::string_view kStatus[] = {"ride_requested", "driver_assigned", "ride_started",
                                          "ride_completed", "ride_cancelled"};
  constexpr std::string_view kCity[] = {"Lyon", "Paris", "Marseille"};
  Rides rides;
  std::vector<ColumnBuilder> columns;
  for (const Field& field : schema()->fields()) columns.emplace_back(field.type, kRows);
  for (int32_t i = 0; i < kRows; ++i) {
    const auto mixed = static_cast<int32_t>(static_cast<uint32_t>(i) * 2654435761U >> 8 & 0xffff);
    rides.status.emplace_back(kStatus[mixed % 5]);
    rides.city.emplace_back(kCity[mixed % 3]);
    rides.fare.push_back(mixed % 1000 / 10.0);
    rides.has_fare.push_back(mixed % 7 == 0 ? 0 : 1);
    rides.distance.push_back((mixed % 300 + 1) / 7.0);
    rides.n.push_back(mixed);
    rides.at.push_back(int64_t{1'767'225'600'000'000} + mixed * int64_t{1'000'003});
    columns[0].append_string(rides.status.back());
    rides.has_fare.back() != 0 ? columns[1].append(rides.fare.back()) : columns[1].append_null();
    columns[2].append(rides.distance.back());
    columns[3].append(rides.n.back());
    columns[4].append(rides.at.back());
    columns[5].append_string(rides.city.back());
  }
  rides.batch.schema = schema();
  rides.batch.rows = kRows;
  for (ColumnBuilder& column : columns) rides.batch.columns.push_back(column.finish());
  return rides;
}

// ---- Expressions

ExprRef column(const char* name) {
  return make_column(*schema(), *schema()->find(name));
}
ExprRef text(const char* v) {
  return make_literal(Value::string(v), Kind::string);
}
ExprRef node(ExprOp op, Type type, std::vector<ExprRef> args) {
  auto e = std::make_shared<Expr>();
  e->op = op;
  e->type = std::move(type);
  e->args = std::move(args);
  return e;
}
ExprRef call(const Catalog& catalog, const char* name, std::vector<ExprRef> args) {
  std::vector<ArgInfo> infos;
  for (const ExprRef& arg : args) {
    infos.push_back({arg->type, arg->nullable, arg->op == ExprOp::literal ? &arg->value : nullptr});
  }
  auto function = std::make_shared<const BoundFunction>(*catalog.find_function(name)->bind(infos));
  auto e = std::make_shared<Expr>();
  e->op = ExprOp::call;
  e->type = function->result;
  e->function = function;
  e->args = std::move(args);
  return e;
}

struct Expression {
  const char* name;
  ExprRef expr;
  std::function<void(const Rides&, Plain&)> loop;
  std::function<double(const Plain&, size_t)> value;  // of a valid row of the loop's result
};

double boolean_of(const Plain& p, size_t i) {
  return p.booleans[i];
}
double number_of(const Plain& p, size_t i) {
  return p.numbers[i];
}
double integer_of(const Plain& p, size_t i) {
  return static_cast<double>(p.integers[i]);
}
double text_length_of(const Plain& p, size_t i) {
  return static_cast<double>(p.texts[i].size());
}

bool ended(const std::string& status) {
  return status == "ride_completed" || status == "ride_cancelled";
}

void ended_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) p.booleans[i] = ended(r.status[i]), p.valid[i] = 1;
}
void cheap_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) p.booleans[i] = r.fare[i] < 50, p.valid[i] = r.has_fare[i];
}
// False and unknown is false.
void and_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) {
    const bool end = ended(r.status[i]);
    p.booleans[i] = end && r.fare[i] < 50;
    p.valid[i] = !end || r.has_fare[i] != 0;
  }
}
void equals_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) p.booleans[i] = r.status[i] == "ride_completed", p.valid[i] = 1;
}
void divide_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) p.numbers[i] = r.fare[i] / r.distance[i], p.valid[i] = r.has_fare[i];
}
void add_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) p.integers[i] = r.n[i] + 7, p.valid[i] = 1;
}
void case_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) {
    p.valid[i] = ended(r.status[i]) && r.has_fare[i] != 0;
    p.numbers[i] = r.fare[i];
  }
}
void minute_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) p.integers[i] = r.at[i] - r.at[i] % kMinute, p.valid[i] = 1;
}
void like_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) {
    p.booleans[i] = r.city[i].find("ar") != std::string::npos;
    p.valid[i] = 1;
  }
}
void upper_loop(const Rides& r, Plain& p) {
  for (size_t i = 0; i < kRows; ++i) {
    p.texts[i] = r.city[i];
    for (char& c : p.texts[i]) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    p.valid[i] = 1;
  }
}

std::vector<Expression> expressions_measured(const Catalog& catalog) {
  const auto number = [](double v) { return make_literal(Value::float64(v), Kind::float64); };
  const auto function = [&](const char* name, std::vector<ExprRef> args) {
    return call(catalog, name, std::move(args));
  };
  const ExprRef in_list = node(ExprOp::in_list, Kind::boolean,
                               {column("status"), text("ride_completed"), text("ride_cancelled")});
  const ExprRef cheap = function("<", {column("fare"), number(50)});
  const ExprRef null = make_literal(Value::null(), Kind::float64);
  return {
      {"expression_in", in_list, ended_loop, boolean_of},
      {"expression_less", cheap, cheap_loop, boolean_of},
      {"expression_and", node(ExprOp::and_, Kind::boolean, {in_list, cheap}), and_loop, boolean_of},
      {"expression_equals", function("=", {column("status"), text("ride_completed")}), equals_loop,
       boolean_of},
      {"expression_divide", function("/", {column("fare"), column("distance")}), divide_loop, number_of},
      {"expression_add", function("+", {column("n"), make_literal(Value::int64(7), Kind::int64)}), add_loop,
       integer_of},
      {"expression_case", node(ExprOp::case_, Kind::float64, {in_list, column("fare"), null}), case_loop,
       number_of},
      {"expression_date_trunc", function("date_trunc", {text("minute"), column("at")}), minute_loop,
       integer_of},
      {"expression_like", function("like", {column("city"), text("%ar%")}), like_loop, boolean_of},
      {"expression_upper", function("upper", {column("city")}), upper_loop, text_length_of},
  };
}

// ---- Measuring

Cell cell_of(const Column& column, int32_t row) {
  if (column.is_null(row)) return {true, 0};
  switch (column.type.kind) {
    case Kind::boolean:
      return {false, column.boolean(row) ? 1.0 : 0.0};
    case Kind::float64:
      return {false, column.values<double>()[row]};
    case Kind::string:
      return {false, static_cast<double>(column.string(row).size())};
    default:
      return {false, static_cast<double>(column.values<int64_t>()[row])};
  }
}

std::string difference(const Expression& e, const Column& got, const Plain& plain, bool spoil) {
  for (int32_t i = 0; i < kRows; ++i) {
    const auto at = static_cast<size_t>(i);
    const Cell a = cell_of(got, i);
    const Cell b = {plain.valid[at] == 0, plain.valid[at] == 0 ? 0 : e.value(plain, at)};
    const bool same = a.null == b.null && a.value == b.value;
    if (!same || spoil) return fmt::format("row {}: {}, the plain loop has {}", i, a.value, b.value);
  }
  return {};
}

template <class Pass>
double rows_per_second(int64_t passes, const Pass& pass) {
  const int64_t begin = thread_cpu_nanos();
  for (int64_t i = 0; i < passes; ++i) {
    pass();
    asm volatile("" : : : "memory");  // what was written is read by somebody, for all the compiler knows
  }
  return per_second(passes * kRows, thread_cpu_nanos() - begin);
}

}  // namespace

Status expressions(const Catalog& catalog, Report& report) {
  const int64_t passes = report.options().smoke ? 10 : 5'000;
  const Rides rides = make_rides();
  for (const Expression& e : expressions_measured(catalog)) {
    Evaluator evaluator({e.expr}, schema());
    std::vector<EvalColumn> out;
    Plain plain;
    evaluator.eval(rides.batch, out);
    e.loop(rides, plain);
    Row row = row_of(e.name, "rows/s");
    row.note = difference(e, out[0].column, plain, report.options().spoil);
    row.checked = row.note.empty();
    std::vector<double> ours;
    std::vector<double> loops;
    for (int i = 0; i < report.options().repeats; ++i) {
      ours.push_back(rows_per_second(passes, [&] { evaluator.eval(rides.batch, out); }));
      loops.push_back(rows_per_second(passes, [&] { e.loop(rides, plain); }));
    }
    row.value = median(ours);
    row.limit = median(loops);
    report.add(std::move(row));
  }
  return {};
}

}  // namespace rideflow::bench
