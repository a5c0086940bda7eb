// filter: hands on the rows whose condition is true. Null counts as false; a row on which the condition
// fails is rejected.
#include "engine/rejected.h"
#include "operators/row_routing.h"

namespace rideflow {

namespace {

class Filter : public Operator {
 public:
  explicit Filter(std::shared_ptr<const StepConfig> config)
      : config_(std::move(config)), evaluator_({config_->condition}, config_->input) {}

  Status open(const OpenContext& context) override {
    metrics_ = context.metrics;
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output& out) override {
    evaluator_.eval(batch, results_);
    const EvalColumn& condition = results_[0];
    RF_TRY(route_failed_rows(batch, condition.errors, "where", 1, *config_, metrics_, out));
    select(condition, batch.rows);
    const auto passed = static_cast<int32_t>(rows_.size());
    int32_t failed = 0;
    if (!condition.errors.empty()) {
      failed = batch.rows - static_cast<int32_t>(rows_without(batch.rows, {&condition.errors}).size());
    }
    if (metrics_) metrics_->rows_filtered.add(batch.rows - passed - failed);
    batch.key_hash = {};  // the hash of another step's key
    if (passed == batch.rows) {
      out.emit(0, std::move(batch));
    } else if (passed > 0) {
      out.emit(0, take(batch, rows_.data(), passed));
    }
    return Progress::done;
  }

 private:
  void select(const EvalColumn& condition, int32_t n) {
    const Column& column = condition.column;
    rows_.resize(static_cast<size_t>(n));
    size_t kept = 0;
    for (int32_t row = 0; row < n; ++row) {
      rows_[kept] = row;
      kept += column.boolean(row) && !column.is_null(row) ? 1 : 0;
    }
    rows_.resize(kept);
    if (condition.errors.empty()) return;
    std::vector<bool> bad(static_cast<size_t>(n));
    for (const RowErrors::Error& e : condition.errors.all()) bad[static_cast<size_t>(e.row)] = true;
    std::erase_if(rows_, [&](int32_t row) { return bad[static_cast<size_t>(row)]; });
  }

  std::shared_ptr<const StepConfig> config_;
  Evaluator evaluator_;
  OperatorMetrics* metrics_ = nullptr;
  std::vector<EvalColumn> results_;
  std::vector<int32_t> rows_;
};

Result<std::vector<SchemaRef>> schemas(const StepConfig& config) {
  if (!config.condition || config.condition->type.kind != Kind::boolean) {
    return Status::user(Code::invalid_argument,
                        "A filter needs a condition that is true or false, such as fare > 10.");
  }
  return std::vector<SchemaRef>{config.input, rejected_schema()};
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(filter) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "filter";
  kind.doc = "Hands on the rows whose condition is true.";
  kind.of_clauses = true;
  kind.outputs = {{"rejected", "rows on which the condition failed"}};
  kind.output_schemas = schemas;
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    return std::unique_ptr<Operator>(std::make_unique<Filter>(std::move(config)));
  };
  catalog.add(std::move(kind));
}
