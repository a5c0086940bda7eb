// What a watermark that fires and drops many small windows costs: few batches, and no step that does it all.
#include <gtest/gtest.h>

#include "engine/builder.h"
#include "engine/expr.h"
#include "engine/virtual_env.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace window_firing_test {

constexpr Micros kSecond = kMicrosPerSecond;
constexpr int64_t kWindows = 5'000;  // of 10 s, with one row each
constexpr int32_t kBatchRows = 2'048;

WindowSpec tumbling() {
  WindowSpec window;
  window.kind = WindowKind::tumbling;
  window.size.micros = 10 * kSecond;
  return window;
}

std::shared_ptr<StepConfig> config_of(const WindowSpec& window) {
  auto config = std::make_shared<StepConfig>();
  config->step = "step";
  config->input = make_schema({{"key", Kind::string, true}});
  config->keys = {0};
  config->window = std::make_shared<const WindowSpec>(window);
  AggregateCall call;
  call.name = "n";
  call.aggregate = *full_catalog().find_aggregate("count")->make({});
  config->aggregates = {call};
  return config;
}

class Kept : public Output {
 public:
  void emit(int port, Batch batch) override {
    if (port == 0) {
      batches.push_back(std::move(batch));
    } else {
      rows_late += batch.rows;
    }
  }
  bool has_room() const override { return true; }
  std::vector<Batch> batches;
  int64_t rows_late = 0;
};

class WindowFiring : public testing::Test {
 protected:
  void open(const WindowSpec& window) {
    config_ = config_of(window);
    OpenContext context;
    context.env = &env_;
    context.metrics = &metrics_;
    context.batch_rows = kBatchRows;
    op_ = *full_catalog().find_operator("window")->make(config_);
    ASSERT_TRUE(op_->open(context).ok());
    add(kWindows);
  }
  // A row for each of the first `windows`.
  void add(int64_t windows) {
    ColumnBuilder key(Kind::string), time(Kind::timestamp);
    for (int64_t i = 0; i < windows; ++i) {
      key.append_string("k");
      time.append(i * 10 * kSecond);
    }
    Batch batch;
    batch.schema = config_->input;
    batch.rows = static_cast<int32_t>(windows);
    batch.columns.push_back(key.finish());
    batch.event_time = time.finish().data;
    ASSERT_TRUE(op_->process(0, batch, out_).ok());
  }
  // The number of calls until it was done.
  int64_t advance(Micros watermark) {
    for (int64_t calls = 1;; ++calls) {
      const Result<Progress> progress = op_->on_watermark(watermark, out_);
      EXPECT_TRUE(progress.ok());
      if (!progress.ok() || *progress == Progress::done) return calls;
    }
  }

  VirtualEnv env_;
  OperatorMetrics metrics_;
  std::shared_ptr<StepConfig> config_;
  std::unique_ptr<Operator> op_;
  Kept out_;
};

TEST_F(WindowFiring, WindowsThatFireTogetherShareBatches) {
  open(tumbling());
  EXPECT_GE(advance(kWindows * 10 * kSecond), 10) << "one step fires them all";
  ASSERT_EQ(out_.batches.size(), static_cast<size_t>(kWindows / kBatchRows + 1));
  int64_t window = 0;
  for (const Batch& batch : out_.batches) {
    for (int32_t row = 0; row < batch.rows; ++row, ++window) {
      ASSERT_EQ(batch.column(1).values<Micros>()[row], window * 10 * kSecond);
      ASSERT_EQ(batch.event_times()[row], (window + 1) * 10 * kSecond - 1);
    }
  }
  EXPECT_EQ(window, kWindows);
}

TEST_F(WindowFiring, WhatAWatermarkFiresIsOutBeforeItIsDone) {
  open(tumbling());
  advance(20 * kSecond);
  ASSERT_EQ(out_.batches.size(), 1U) << "the watermark overtook the results";
  EXPECT_EQ(out_.batches[0].rows, 2);
}

TEST_F(WindowFiring, WindowsExpireInPieces) {
  WindowSpec window = tumbling();
  window.emit = Emit::updates;
  window.allowed_lateness = 1'000'000 * kSecond;
  open(window);
  advance(kWindows * 10 * kSecond);
  out_.batches.clear();
  add(1);
  EXPECT_EQ(out_.batches.size(), 1U) << "no window waits for late rows";
  EXPECT_GE(advance(2'000'000 * kSecond), 5) << "one step drops them all";
  add(1);
  EXPECT_EQ(out_.rows_late, 1) << "a window is left";
}

}  // namespace window_firing_test
}  // namespace rideflow::test
