// late_split: parts the rows that are late for all their windows from those that a windowed step still takes.
// Rows that are in no window, since they lie between hopping ones, end here: they are filtered, never late.
//
// Which rows are late is a function of the row, its own partition's watermark and the window alone, so this
// stands before the exchange, where the record behind a late row is still known.
#include "engine/rejected.h"
#include "engine/window_overlap.h"
#include "operators/row_routing.h"

namespace rideflow {

namespace {

class LateSplit : public Operator {
 public:
  explicit LateSplit(std::shared_ptr<const StepConfig> config)
      : config_(std::move(config)),
        schema_(late_schema(*config_->input)),
        gaps_(windows_have_gaps(*config_->window)) {}

  Status open(const OpenContext& context) override {
    metrics_ = context.metrics;
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output& out) override {
    const std::vector<LateRow> late = find_late(batch);
    if (late.empty() && !gaps_) {
      out.emit(0, std::move(batch));
      return Progress::done;
    }
    const std::vector<int32_t> rest = rows_for_windows(batch, late);
    const auto kept = static_cast<int32_t>(rest.size());
    const auto parted = static_cast<int32_t>(late.size());
    if (metrics_) metrics_->rows_filtered.add(batch.rows - parted - kept);
    if (parted > 0) out.emit(1, late_rows(batch, late, schema_));
    if (kept == batch.rows) {
      out.emit(0, std::move(batch));
    } else if (kept > 0) {
      out.emit(0, take(batch, rest.data(), kept));
    }
    return Progress::done;
  }

 private:
  bool in_gap(Micros time) const { return gaps_ && is_in_gap(*config_->window, time); }

  std::vector<LateRow> find_late(const Batch& batch) const {
    std::vector<LateRow> late;
    const WindowSpec& spec = *config_->window;
    for (const BehindRow& behind : batch.behind) {
      const Micros time = batch.event_times()[behind.row];
      if (!is_late(spec, time, behind.partition_watermark) || in_gap(time)) continue;
      late.push_back({behind.row, last_window_of(spec, slice_of(spec, time)), behind.reason});
    }
    return late;
  }

  std::vector<int32_t> rows_for_windows(const Batch& batch, const std::vector<LateRow>& late) const {
    std::vector<int32_t> rows;
    auto next = late.begin();
    for (int32_t row = 0; row < batch.rows; ++row) {
      if (next != late.end() && next->row == row) {
        ++next;
      } else if (!in_gap(batch.event_times()[row])) {
        rows.push_back(row);
      }
    }
    return rows;
  }

  std::shared_ptr<const StepConfig> config_;
  SchemaRef schema_;
  const bool gaps_;
  OperatorMetrics* metrics_ = nullptr;
};

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(late_split) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "late_split";
  kind.doc =
      "Parts the rows that come too late for a window from the others; rows between hopping windows end "
      "here.";
  kind.of_clauses = true;
  kind.outputs = {{"late", "rows that are late for all their windows"}};
  kind.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    if (!config.window) return Status::internal("late_split needs a window");
    return std::vector<SchemaRef>{config.input, late_schema(*config.input)};
  };
  kind.make = [](std::shared_ptr<const StepConfig> config) -> Result<std::unique_ptr<Operator>> {
    return std::unique_ptr<Operator>(std::make_unique<LateSplit>(std::move(config)));
  };
  catalog.add(std::move(kind));
}
