// project: computes the columns of `select`. Event times, lateness and origin go along; a row on which an
// expression fails is rejected.
#include "engine/rejected.h"
#include "operators/row_routing.h"

namespace rideflow {

namespace {

std::vector<ExprRef> roots_of(const StepConfig& config) {
  std::vector<ExprRef> roots;
  for (const NamedExpr& e : config.projection) roots.push_back(e.expr);
  return roots;
}

SchemaRef schema_of(const StepConfig& config) {
  std::vector<Field> fields;
  for (const NamedExpr& e : config.projection) fields.push_back({e.name, e.expr->type, e.expr->nullable});
  return make_schema(std::move(fields));
}

class Project : public Operator {
 public:
  explicit Project(std::shared_ptr<const StepConfig> config)
      : config_(std::move(config)),
        schema_(schema_of(*config_)),
        evaluator_(roots_of(*config_), config_->input) {}

  Status open(const OpenContext& context) override {
    metrics_ = context.metrics;
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output& out) override {
    evaluator_.eval(batch, results_);
    std::vector<const RowErrors*> errors;
    for (size_t i = 0; i < results_.size(); ++i) {
      if (results_[i].errors.empty()) continue;
      RF_TRY(reject(batch, i, errors, out));
      errors.push_back(&results_[i].errors);
    }
    Batch result;
    result.schema = schema_;
    result.rows = batch.rows;
    for (EvalColumn& r : results_) result.columns.push_back(std::move(r.column));
    result.event_time = batch.event_time;
    result.row_kind = batch.row_kind;
    result.behind = std::move(batch.behind);
    result.origin = std::move(batch.origin);
    result.origin_row = batch.origin_row;
    if (errors.empty()) {
      out.emit(0, std::move(result));
      return Progress::done;
    }
    const std::vector<int32_t> good = rows_without(batch.rows, errors);
    if (!good.empty()) out.emit(0, take(result, good.data(), static_cast<int32_t>(good.size())));
    return Progress::done;
  }

 private:
  // Rejects the failures of column i on rows that no earlier column rejected.
  Status reject(const Batch& batch, size_t i, const std::vector<const RowErrors*>& earlier, Output& out) {
    RowErrors fresh;
    const std::vector<int32_t> good = rows_without(batch.rows, earlier);
    for (const RowErrors::Error& e : results_[i].errors.all()) {
      if (std::binary_search(good.begin(), good.end(), e.row)) fresh.fail(e.row, e.reason);
    }
    return route_failed_rows(batch, fresh, "select." + config_->projection[i].name, 1, *config_, metrics_,
                             out);
  }

  std::shared_ptr<const StepConfig> config_;
  SchemaRef schema_;
  Evaluator evaluator_;
  OperatorMetrics* metrics_ = nullptr;
  std::vector<EvalColumn> results_;
};

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(project) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "project";
  kind.doc = "Computes columns from the columns of its input.";
  kind.of_clauses = true;
  kind.names_columns = true;
  kind.outputs = {{"rejected", "rows on which an expression failed"}};
  kind.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    return std::vector<SchemaRef>{schema_of(config), rejected_schema()};
  };
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    return std::unique_ptr<Operator>(std::make_unique<Project>(std::move(config)));
  };
  catalog.add(std::move(kind));
}
