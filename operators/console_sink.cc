// The sink kind `console`: rows on standard output, for a look at a stream.
#include <fmt/format.h>

#include <cstdio>

#include "engine/catalog.h"

namespace rideflow {
namespace {

class ConsoleSink : public Sink {
 public:
  ConsoleSink(std::shared_ptr<const SinkConfig> config, std::unique_ptr<Encoder> encoder)
      : config_(std::move(config)), encoder_(std::move(encoder)), named_(config_->options.flag("names")) {}

  Status open(const OpenContext& context) override {
    metrics_ = context.metrics;
    return {};
  }

  Status process(int, Batch batch, Output&) override {
    text_.clear();
    for (int32_t row = 0; row < batch.rows; ++row) {
      if (named_) text_ += config_->sink + ": ";
      encoder_->encode(batch, row, /*framed=*/true, text_);
    }
    if (metrics_ != nullptr) metrics_->rows_absorbed.add(batch.rows);
    // One write per batch, so that lines of several tasks do not mix.
    const size_t written = std::fwrite(text_.data(), 1, text_.size(), stdout);
    std::fflush(stdout);
    if (written == text_.size()) return {};
    return Status::external(Code::unavailable, "standard output can't be written");
  }

  Result<Prepared> prepare(Epoch) override { return Prepared{}; }
  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  std::shared_ptr<const SinkConfig> config_;
  std::unique_ptr<Encoder> encoder_;
  bool named_;
  OperatorMetrics* metrics_ = nullptr;
  std::string text_;
};

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(console_sink) {
  using namespace rideflow;
  SinkKind kind;
  kind.name = "console";
  kind.doc = "Rows on standard output. After a restart the last ones may come again.";
  OptionSpec names;
  names.name = "names";
  names.type = OptionType::boolean;
  names.doc = "Begin every line with the sink's name.";
  names.default_value = "true";
  kind.options = {names};
  kind.uses_format = true;
  kind.exactly_once = false;
  kind.modes = {"append", "upsert"};
  kind.make = [](std::shared_ptr<const SinkConfig> config) -> Result<std::unique_ptr<Sink>> {
    RF_ASSIGN(std::unique_ptr<Encoder> encoder, config->make_encoder());
    return std::unique_ptr<Sink>(std::make_unique<ConsoleSink>(std::move(config), std::move(encoder)));
  };
  catalog.add(std::move(kind));
}
