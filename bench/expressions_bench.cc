// Rows per second of the expressions that jobs are made of, over batches of 1,024 rows.
#include <benchmark/benchmark.h>

#include "engine/builder.h"
#include "engine/catalog.h"
#include "engine/expr.h"

namespace {

using namespace rideflow;

constexpr int32_t kRows = 1024;

SchemaRef schema() {
  static const SchemaRef s = make_schema({{"status", Kind::string, false},
                                          {"fare", Kind::float64, true},
                                          {"distance", Kind::float64, false},
                                          {"n", Kind::int64, false},
                                          {"at", Kind::timestamp, false},
                                          {"city", Kind::string, false}});
  return s;
}

const Catalog& catalog() {
  static const Catalog c = [] {
    Catalog all;
    register_all(all);
    return all;
  }();
  return c;
}

Batch batch() {
  constexpr std::string_view kStatus[] = {"ride_requested", "driver_assigned", "ride_started",
                                          "ride_completed", "ride_cancelled"};
  constexpr std::string_view kCity[] = {"Lyon", "Paris", "Marseille"};
  std::vector<ColumnBuilder> columns;
  for (const Field& field : schema()->fields()) columns.emplace_back(field.type, kRows);
  for (int32_t i = 0; i < kRows; ++i) {
    const int32_t mixed = static_cast<int32_t>(static_cast<uint32_t>(i) * 2654435761U >> 8 & 0xffff);
    columns[0].append_string(kStatus[mixed % 5]);
    if (mixed % 7 == 0) {
      columns[1].append_null();
    } else {
      columns[1].append(mixed % 1000 / 10.0);
    }
    columns[2].append(mixed % 300 / 7.0);
    columns[3].append(int64_t{mixed});
    columns[4].append(int64_t{1'767'225'600'000'000} + mixed * int64_t{1'000'003});
    columns[5].append_string(kCity[mixed % 3]);
  }
  Batch out;
  out.schema = schema();
  out.rows = kRows;
  for (ColumnBuilder& column : columns) out.columns.push_back(column.finish());
  return out;
}

ExprRef column(const char* name) {
  return make_column(*schema(), *schema()->find(name));
}
ExprRef text(const char* v) {
  return make_literal(Value::string(v), Kind::string);
}
ExprRef number(double v) {
  return make_literal(Value::float64(v), Kind::float64);
}
ExprRef integer(int64_t v) {
  return make_literal(Value::int64(v), Kind::int64);
}
ExprRef node(ExprOp op, Type type, std::vector<ExprRef> args) {
  auto e = std::make_shared<Expr>();
  e->op = op;
  e->type = std::move(type);
  e->args = std::move(args);
  return e;
}
ExprRef call(const char* name, std::vector<ExprRef> args) {
  std::vector<ArgInfo> infos;
  for (const ExprRef& arg : args) {
    infos.push_back({arg->type, arg->nullable, arg->op == ExprOp::literal ? &arg->value : nullptr});
  }
  auto function = std::make_shared<const BoundFunction>(*catalog().find_function(name)->bind(infos));
  auto e = std::make_shared<Expr>();
  e->op = ExprOp::call;
  e->type = function->result;
  e->function = function;
  e->args = std::move(args);
  return e;
}

ExprRef expression(int which) {
  const ExprRef in_list = node(ExprOp::in_list, Kind::boolean,
                               {column("status"), text("ride_completed"), text("ride_cancelled")});
  const ExprRef cheap = call("<", {column("fare"), number(50)});
  switch (which) {
    case 0:
      return in_list;
    case 1:
      return cheap;
    case 2:
      return node(ExprOp::and_, Kind::boolean, {in_list, cheap});
    case 3:
      return call("=", {column("status"), text("ride_completed")});
    case 4:
      return call("/", {column("fare"), column("distance")});
    case 5:
      return call("+", {column("n"), integer(7)});
    case 6:
      return node(ExprOp::case_, Kind::float64,
                  {in_list, column("fare"), make_literal(Value::null(), Kind::float64)});
    case 7:
      return call("date_trunc", {text("minute"), column("at")});
    case 8:
      return call("grid_cell", {column("distance"), column("distance"), number(0.01)});
    case 9:
      return call("like", {column("city"), text("%ar%")});
    default:
      return call("upper", {column("city")});
  }
}

void evaluate(benchmark::State& state) {
  const ExprRef e = expression(static_cast<int>(state.range(0)));
  Evaluator evaluator({e}, schema());
  const Batch input = batch();
  std::vector<EvalColumn> out;
  for (auto _ : state) {
    evaluator.eval(input, out);
    benchmark::DoNotOptimize(out[0].column.data.data());
  }
  state.SetItemsProcessed(state.iterations() * kRows);
  state.SetLabel(to_string(*e, *schema()));
}
BENCHMARK(evaluate)->DenseRange(0, 10);

}  // namespace
