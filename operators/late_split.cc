// late_split: parts the rows that are late for all their windows from those that a windowed step still takes.
//
// Which rows are late is a function of the row, its own partition's watermark and the window alone, so this
// stands before the exchange, where the record behind a late row is still known.
#include "engine/rejected.h"
#include "operators/row_routing.h"

namespace rideflow {

namespace {

class LateSplit : public Operator {
 public:
  explicit LateSplit(std::shared_ptr<const StepConfig> config)
      : config_(std::move(config)), schema_(late_schema(*config_->input)) {}

  Status process(int, Batch batch, Output& out) override {
    const std::vector<LateRow> late = find_late(batch);
    if (late.empty()) {
      out.emit(0, std::move(batch));
      return {};
    }
    std::vector<int32_t> rest;
    auto next = late.begin();
    for (int32_t row = 0; row < batch.rows; ++row) {
      if (next != late.end() && next->row == row) {
        ++next;
      } else {
        rest.push_back(row);
      }
    }
    out.emit(1, late_rows(batch, late, schema_));
    if (!rest.empty()) out.emit(0, take(batch, rest.data(), static_cast<int32_t>(rest.size())));
    return {};
  }

 private:
  std::vector<LateRow> find_late(const Batch& batch) const {
    std::vector<LateRow> late;
    const WindowSpec& spec = *config_->window;
    for (const BehindRow& behind : batch.behind) {
      const Micros time = batch.event_times()[behind.row];
      if (!is_late(spec, time, behind.partition_watermark)) continue;
      late.push_back({behind.row, last_window_of(spec, slice_of(spec, time)), behind.reason});
    }
    return late;
  }

  std::shared_ptr<const StepConfig> config_;
  SchemaRef schema_;
};

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(late_split) {
  using namespace rideflow;
  OperatorKind kind;
  kind.name = "late_split";
  kind.doc = "Parts the rows that come too late for a window from the others.";
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
