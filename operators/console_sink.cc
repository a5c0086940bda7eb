// The sink kind `console`: rows on standard output, for a look at a stream.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "engine/catalog.h"

namespace rideflow {
namespace {

constexpr size_t kRoomBytes = 1 << 20;
constexpr Micros kSlow = 3 * kMicrosPerSecond;  // then the job says that it waits

// What the writing beside the task has done.
struct ConsoleAccount {
  std::atomic<int64_t> written{0};
  std::atomic<bool> failed{false};
};

class ConsoleWritten : public Completion {
 public:
  ConsoleWritten(std::shared_ptr<ConsoleAccount> account, int64_t bytes)
      : account_(std::move(account)), bytes_(bytes) {}
  bool done() const override { return account_->failed.load() || account_->written.load() >= bytes_; }
  Status status() const override { return {}; }  // a failure ends the task by itself

 private:
  std::shared_ptr<ConsoleAccount> account_;
  int64_t bytes_;
};

// Whoever reads standard output may stop reading (a pager, a stopped terminal): the rows wait, and with them
// this job's checkpoints, but no thread of the job's.
class ConsoleSink : public Sink {
 public:
  ConsoleSink(std::shared_ptr<const SinkConfig> config, std::unique_ptr<Encoder> encoder)
      : config_(std::move(config)), encoder_(std::move(encoder)), named_(config_->options.flag("names")) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    metrics_ = context.metrics;
    waker_ = context.waker;
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output&) override {
    const size_t before = text_.size();
    for (int32_t row = 0; row < batch.rows; ++row) {
      if (named_) text_ += config_->sink + ": ";
      encoder_->encode(batch, row, /*framed=*/true, text_);
    }
    accepted_ += static_cast<int64_t>(text_.size() - before);
    if (metrics_ != nullptr) metrics_->rows_absorbed.add(batch.rows);
    RF_TRY(write());
    return Progress::done;
  }

  bool ready() override {
    if (!text_.empty()) (void)write();  // an error is told by the next call that can
    return text_.size() < kRoomBytes;
  }

  Status on_tick(Micros now, Output&) override {
    RF_TRY(write());
    if (metrics_ == nullptr) return {};
    if (writing_ == nullptr) {
      metrics_->waits_for.clear();
    } else if (env_->monotonic() - since_ >= kSlow && !metrics_->waits_for.waits()) {
      metrics_->waits_for.set("the reader of standard output", now - (env_->monotonic() - since_));
    }
    return {};
  }

  Result<Prepared> prepare(Epoch) override {
    RF_TRY(write());
    Prepared prepared;
    if (account_->written.load() < accepted_)
      prepared.durable = std::make_shared<ConsoleWritten>(account_, accepted_);
    return prepared;
  }
  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  // Hands out what there is, one piece at a time: whole rows, so that lines of several tasks do not mix.
  Status write() {
    if (writing_ != nullptr && writing_->done()) writing_ = nullptr;
    if (account_->failed.load())
      return Status::external(Code::failed_precondition, "standard output can't be written");
    if (writing_ != nullptr || text_.empty()) return {};
    since_ = env_->monotonic();
    writing_ = env_->offload(
        [account = account_, text = std::move(text_)] {
          if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
            account->failed = true;
          account->written.fetch_add(static_cast<int64_t>(text.size()));
          return Status();
        },
        Lane::others);
    writing_->wake_when_done(waker_);
    text_ = {};
    return {};
  }

  std::shared_ptr<const SinkConfig> config_;
  std::unique_ptr<Encoder> encoder_;
  bool named_;
  Env* env_ = nullptr;
  OperatorMetrics* metrics_ = nullptr;
  WakerRef waker_;
  std::shared_ptr<ConsoleAccount> account_ = std::make_shared<ConsoleAccount>();
  int64_t accepted_ = 0;
  std::string text_;
  std::shared_ptr<Completion> writing_;  // null: nothing is being written
  Micros since_ = 0;                     // when that began
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
