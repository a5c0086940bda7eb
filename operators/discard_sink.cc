// The sink kind `discard`: counts rows and forgets them, for measurements and for streams of no interest.
#include "engine/catalog.h"

namespace rideflow {
namespace {

class DiscardSink : public Sink {
 public:
  Status open(const OpenContext& context) override {
    metrics_ = context.metrics;
    return {};
  }
  Result<Progress> process(int, Batch& batch, Output&) override {
    if (metrics_ != nullptr) metrics_->rows_absorbed.add(batch.rows);
    return Progress::done;
  }
  Result<Prepared> prepare(Epoch) override { return Prepared{}; }
  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  OperatorMetrics* metrics_ = nullptr;
};

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(discard_sink) {
  using namespace rideflow;
  SinkKind kind;
  kind.name = "discard";
  kind.doc = "Counts rows and forgets them.";
  kind.modes = {"append", "upsert"};
  kind.make = [](std::shared_ptr<const SinkConfig>) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(std::make_unique<DiscardSink>());
  };
  catalog.add(std::move(kind));
}
