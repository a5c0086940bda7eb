// The hot path of keyed windows: hash, lookup, count and sum of doubles, per row, by number of keys.
#include <benchmark/benchmark.h>

#include <random>

#include "engine/catalog.h"
#include "engine/keyed_table.h"

namespace rideflow {
namespace {

constexpr int32_t kRows = 2048;

struct Nowhere : Output {
  int64_t rows = 0;
  void emit(int, Batch batch) override { rows += batch.rows; }
  bool has_room() const override { return true; }
};

std::vector<Batch> batches(int64_t keys, bool text) {
  std::mt19937_64 random(1);
  std::vector<Batch> made;
  const SchemaRef schema =
      make_schema({{"key", text ? Kind::string : Kind::int64, true}, {"fare", Kind::float64, true}});
  for (int b = 0; b < 512; ++b) {
    ColumnBuilder key(schema->field(0).type), fare(Kind::float64), time(Kind::timestamp);
    for (int32_t i = 0; i < kRows; ++i) {
      const auto k = static_cast<int64_t>(random() % static_cast<uint64_t>(keys));
      if (text) {
        key.append_string("d" + std::to_string(k));
      } else {
        key.append(k);
      }
      fare.append(static_cast<double>(random() % 10'000) / 100);
      time.append(Micros{b} * kRows + i);
    }
    Batch batch;
    batch.schema = schema;
    batch.rows = kRows;
    batch.columns.push_back(key.finish());
    batch.columns.push_back(fare.finish());
    batch.event_time = time.finish().data;
    made.push_back(std::move(batch));
  }
  return made;
}

AggregateCall call(const Catalog& catalog, const Schema& schema, const std::string& function, int column) {
  AggregateCall made;
  made.name = function;
  std::vector<ArgInfo> args;
  if (column >= 0) {
    made.args = {make_column(schema, column)};
    args = {{schema.field(column).type, true, nullptr}};
  }
  made.aggregate = *catalog.find_aggregate(function)->make(args);
  return made;
}

// One tumbling window that takes all rows; a pass over them per iteration, then the window fires.
void Tumbling(benchmark::State& state) {
  Catalog catalog;
  register_all(catalog);
  const std::vector<Batch> input = batches(state.range(0), state.range(1) != 0);
  auto config = std::make_shared<StepConfig>();
  config->input = input[0].schema;
  config->keys = {0};
  WindowSpec window;
  window.size.micros = 3600 * kMicrosPerSecond;
  config->window = std::make_shared<const WindowSpec>(window);
  config->aggregates = {call(catalog, *config->input, "count", -1), call(catalog, *config->input, "sum", 1)};
  auto op = *catalog.find_operator("window")->make(config);
  OpenContext context;
  if (!op->open(context).ok()) return state.SkipWithError("open");
  Nowhere out;
  Micros hour = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<Batch> shifted = input;
    for (Batch& batch : shifted) {
      BufferRef times = BufferRef::copy_of(batch.event_time.view());
      for (int32_t i = 0; i < kRows; ++i) times.as_mutable<Micros>()[i] += hour;
      batch.event_time = times;
    }
    state.ResumeTiming();
    for (Batch& batch : shifted) {
      if (!op->process(0, batch, out).ok()) return state.SkipWithError("process");
    }
    state.PauseTiming();
    hour += window.size.micros;
    while (*op->on_watermark(hour, out) == Progress::again) continue;
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(input.size()) * kRows);
}
BENCHMARK(Tumbling)->ArgsProduct({{1'000, 300'000, 1'000'000}, {0, 1}})->ArgNames({"keys", "text"});

}  // namespace
}  // namespace rideflow
