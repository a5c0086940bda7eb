// split: each row goes to the branch whose condition is the first that is true; null counts as false; `else`
// takes the rest. Output ports: the branches in order, then "rejected".
#include "engine/rejected.h"
#include "operators/row_routing.h"

namespace rideflow {

namespace {

std::vector<ExprRef> conditions_of(const StepConfig& config) {
  std::vector<ExprRef> roots;
  for (const NamedExpr& branch : config.branches) {
    if (branch.expr) roots.push_back(branch.expr);
  }
  return roots;
}

class Split : public Operator {
 public:
  explicit Split(std::shared_ptr<const StepConfig> config)
      : config_(std::move(config)), evaluator_(conditions_of(*config_), config_->input) {}

  Status open(const OpenContext& context) override {
    metrics_ = context.metrics;
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output& out) override {
    evaluator_.eval(batch, results_);
    const size_t branches = config_->branches.size();
    rows_.assign(branches, {});
    RowErrors failed;
    int64_t dropped = 0;
    const std::vector<std::vector<std::pair<int32_t, const std::string*>>> errors = sorted_errors();
    for (int32_t row = 0; row < batch.rows; ++row) {
      const int branch = branch_of(row, errors, failed);
      if (branch >= 0) {
        rows_[static_cast<size_t>(branch)].push_back(row);
      } else if (branch == kNoBranch) {
        ++dropped;
      }
    }
    if (metrics_) metrics_->rows_filtered.add(dropped);
    RF_TRY(route_failed_rows(batch, failed, "split", static_cast<int>(branches), *config_, metrics_, out));
    batch.key_hash = {};
    for (size_t b = 0; b < branches; ++b) {
      const auto n = static_cast<int32_t>(rows_[b].size());
      if (n > 0) out.emit(static_cast<int>(b), n == batch.rows ? batch : take(batch, rows_[b].data(), n));
    }
    return Progress::done;
  }

 private:
  static constexpr int kNoBranch = -1;
  static constexpr int kFailed = -2;
  using Errors = std::vector<std::pair<int32_t, const std::string*>>;

  std::vector<Errors> sorted_errors() const {
    std::vector<Errors> all(results_.size());
    for (size_t i = 0; i < results_.size(); ++i) {
      for (const RowErrors::Error& e : results_[i].errors.all()) all[i].emplace_back(e.row, &e.reason);
      std::sort(all[i].begin(), all[i].end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    return all;
  }

  // Conditions after the first true one are not asked, so their failures do not count.
  int branch_of(int32_t row, const std::vector<Errors>& errors, RowErrors& failed) const {
    size_t condition = 0;
    for (size_t b = 0; b < config_->branches.size(); ++b) {
      if (!config_->branches[b].expr) return static_cast<int>(b);
      const size_t c = condition++;
      const auto less = [](const auto& e, int32_t r) { return e.first < r; };
      const auto error = std::lower_bound(errors[c].begin(), errors[c].end(), row, less);
      if (error != errors[c].end() && error->first == row) {
        failed.fail(row, *error->second);
        return kFailed;
      }
      const Column& column = results_[c].column;
      if (!column.is_null(row) && column.boolean(row)) return static_cast<int>(b);
    }
    return kNoBranch;
  }

  std::shared_ptr<const StepConfig> config_;
  Evaluator evaluator_;
  OperatorMetrics* metrics_ = nullptr;
  std::vector<EvalColumn> results_;
  std::vector<std::vector<int32_t>> rows_;
};

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(split) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "split";
  kind.doc = "Sends each row to the first branch whose condition is true; else takes the rest.";
  kind.of_clauses = true;
  kind.in_pictures = true;
  kind.outputs = {{"rejected", "rows on which a condition failed"}};
  kind.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    std::vector<SchemaRef> schemas(config.branches.size(), config.input);
    schemas.push_back(rejected_schema());
    return schemas;
  };
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    return std::unique_ptr<Operator>(std::make_unique<Split>(std::move(config)));
  };
  catalog.add(std::move(kind));
}
