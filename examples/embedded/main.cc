// A program of its own that embeds Rideflow: it defines a function and an operator, runs a job in this
// process and reads the results. Built against the installed package; see CMakeLists.txt beside it.
#include <cstdio>
#include <map>
#include <string>

#include "engine/builder.h"
#include "engine/catalog.h"
#include "runtime/embedded.h"

using namespace rideflow;

namespace {

// fare_class(fare): "short", "normal" or "long" by the fare. One call per batch.
FunctionKind fare_class() {
  FunctionKind kind;
  kind.name = "fare_class";
  kind.group = "example";
  kind.signature = "fare_class(fare double) -> string";
  kind.doc = "The class of a ride by its fare.";
  kind.bind = [](std::span<const ArgInfo> args) -> Result<BoundFunction> {
    if (args.size() != 1) return Status::user(Code::invalid_argument, "fare_class takes one number");
    BoundFunction bound;
    bound.name = "fare_class";
    bound.result = Kind::string;
    bound.arg_types = {Type(Kind::float64)};
    bound.kernel = [](const KernelCall& call, RowErrors&) {
      ColumnBuilder out(Kind::string, call.rows);
      for (int32_t i = 0; i < call.rows; ++i) {
        const double fare = call.args[0].column->values<double>()[call.args[0].at(i)];
        out.append_string(fare < 8 ? "short" : fare < 25 ? "normal" : "long");
      }
      return out.finish();
    };
    return bound;
  };
  return kind;
}

// every_nth: {n: 10} passes each tenth row on: the smallest operator there can be.
class EveryNth : public Operator {
 public:
  explicit EveryNth(int64_t n) : n_(n) {}
  Status open(const OpenContext& context) override {
    metrics_ = context.metrics;
    return {};
  }
  Result<Progress> process(int, Batch& batch, Output& out) override {
    std::vector<int32_t> keep;
    for (int32_t row = 0; row < batch.rows; ++row) {
      if (seen_++ % n_ == 0) keep.push_back(row);
    }
    metrics_->rows_filtered.add(batch.rows - static_cast<int64_t>(keep.size()));
    if (!keep.empty()) out.emit(0, take(batch, keep.data(), static_cast<int32_t>(keep.size())));
    return Progress::done;
  }

 private:
  int64_t n_;
  int64_t seen_ = 0;
  OperatorMetrics* metrics_ = nullptr;
};

OperatorKind every_nth() {
  OperatorKind kind;
  kind.name = "every_nth";
  kind.doc = "Passes each n-th row on.";
  OptionSpec n;
  n.name = "n";
  n.type = OptionType::integer;
  n.doc = "How many rows make one.";
  n.required = true;
  kind.options = {n};
  kind.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    return std::vector<SchemaRef>{config.input};
  };
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    return std::unique_ptr<Operator>(std::make_unique<EveryNth>(config->options.integer("n")));
  };
  return kind;
}

constexpr const char* kJob = R"(
job: fares
sources:
  rides:
    generator: {kind: rides, count: 10000, seed: 7, start: 2026-01-01T00:00:00Z}
streams:
  sample:
    from: rides
    every_nth: {n: 10}
  classes:
    from: sample
    where: fare is not null
    select:
      class: fare_class(fare)
      fare:
sinks:
  out:
    from: classes
    results: {}
)";

}  // namespace

int main(int argc, char** argv) {
  Catalog catalog;
  register_all(catalog);
  catalog.add(fare_class());
  catalog.add(every_nth());
  std::map<std::string, int> counts;
  add_callback_sink(catalog, "results", [&](const Batch& rows) {
    for (int32_t i = 0; i < rows.rows; ++i) ++counts[std::string(rows.column(0).string(i))];
  });

  EmbeddedOptions options;
  options.data_dir = argc > 1 ? argv[1] : ".rideflow";
  const auto engine = EmbeddedEngine::open(catalog, options);
  const Status status = engine.ok() ? (*engine)->run(kJob) : engine.status();
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.to_string().c_str());
    return 1;
  }
  for (const auto& [name, count] : counts) std::printf("%-7s %d\n", name.c_str(), count);
  return 0;
}
