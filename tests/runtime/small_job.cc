#include "tests/runtime/small_job.h"

#include <gtest/gtest.h>

#include "engine/builder.h"
#include "runtime/memory_job_storage.h"

namespace rideflow::test {
namespace {

SchemaRef schema() {
  return make_schema({{"key", Kind::string, false}, {"value", Kind::int64, false}});
}

// Hands on every row with its value doubled.
class Double : public Operator {
 public:
  Result<Progress> process(int, Batch& batch, Output& out) override {
    ColumnBuilder values(Kind::int64);
    for (int32_t i = 0; i < batch.rows; ++i) values.append<int64_t>(2 * batch.column(1).values<int64_t>()[i]);
    batch.columns[1] = values.finish();
    out.emit(0, std::move(batch));
    return Progress::done;
  }
};

LogicalPlan make_plan(const std::shared_ptr<TestWorld>& world) {
  auto source_kind = std::make_shared<SourceKind>();
  auto double_kind = std::make_shared<OperatorKind>();
  double_kind->make = [](std::shared_ptr<const StepConfig>) -> Result<std::unique_ptr<Operator>> {
    return std::unique_ptr<Operator>(std::make_unique<Double>());
  };
  LogicalPlan plan;
  plan.job = "small";
  plan.description = "doubles \"values\"";
  plan.owned = {source_kind, double_kind};

  SourceNode source;
  source.kind = source_kind.get();
  source.config.source = "feed";
  source.decoder.columns.resize(2);
  source.decoder.columns[0].field = {"key", Kind::string, false};
  source.decoder.columns[1].field = {"value", Kind::int64, false};
  source.decoder.used = {true, true};
  LogicalNode feed;
  feed.id = NodeId(0);
  feed.step = "feed";
  feed.role = "source";
  feed.outputs = {schema(), schema()};
  feed.ports = {"", "rejected"};
  feed.body = source;

  OperatorNode op;
  op.kind = double_kind.get();
  LogicalNode doubled;
  doubled.id = NodeId(1);
  doubled.step = "doubled";
  doubled.role = "project";
  doubled.inputs = {{NodeId(0), 0}};
  doubled.outputs = {schema()};
  doubled.ports = {""};
  doubled.exchange_keys = {0};
  doubled.body = op;

  auto config = std::make_shared<SinkConfig>();
  config->sink = "out";
  SinkNode sink;
  sink.config = config;
  LogicalNode out;
  out.id = NodeId(2);
  out.step = "out";
  out.role = "sink";
  out.inputs = {{NodeId(1), 0}};
  out.body = sink;
  plan.nodes = {feed, doubled, out};
  return with_test_world(plan, world);
}

}  // namespace

SmallJob::SmallJob(VirtualEnv& env, int rows, int parallelism,
                   const std::function<void(LogicalPlan&)>& change)
    : env_(env) {
  world->feeds["feed"].partitions = 2;
  world->feeds["feed"].rows.resize(2);
  add_rows(rows);
  ExecutionOptions options;
  options.env = &env;
  options.storage = std::make_shared<MemoryJobStorage>();
  options.parallelism = parallelism;
  options.checkpoint_interval = kMicrosPerSecond;
  options.job_test = true;
  auto plan = std::make_shared<LogicalPlan>(make_plan(world));
  if (change) change(*plan);
  auto started = JobExecution::start(plan, options);
  if (!started.ok()) {
    ADD_FAILURE() << started.status().to_string();
    return;
  }
  execution = *std::move(started);
}

void SmallJob::add_rows(int rows) {
  for (int i = 0; i < rows; ++i, ++added_) {
    TestRow row;
    row.partition = Partition(added_ % 2);
    row.columns = {Value::string("k" + std::to_string(added_ % 10)), Value::int64(added_)};
    row.timestamp = VirtualEnv::kStart + added_ * kMicrosPerSecond;
    world->feeds["feed"].rows[static_cast<size_t>(added_ % 2)].push_back(row);
  }
}

void SmallJob::run(int steps) {
  for (int i = 0; i < steps; ++i) {
    const size_t n = execution->tasks().size();
    const size_t pick = random_() % (n + 2);
    if (pick < n) {
      execution->tasks()[pick]->step();
    } else if (pick == n) {
      env_.step_offload();
    } else {
      execution->pump();
    }
  }
}

}  // namespace rideflow::test
