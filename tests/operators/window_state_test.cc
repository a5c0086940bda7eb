// What windowed steps refuse: damaged state, configurations and rows that no planner should make.
#include <gmock/gmock.h>

#include "engine/expr.h"
#include "engine/memory_state_table.h"
#include "tests/support/cells.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace window_state_test {

std::shared_ptr<StepConfig> config_of(WindowKind kind, const Type& key = Kind::string) {
  auto config = std::make_shared<StepConfig>();
  config->step = "step";
  config->input = make_schema({{"key", key, true}, {"n", Kind::int64, true}, {"flag", Kind::boolean, true}});
  config->keys = {0};
  WindowSpec window;
  window.kind = kind;
  window.size.micros = 60 * kMicrosPerSecond;
  window.slide.micros = 20 * kMicrosPerSecond;
  window.gap.micros = 60 * kMicrosPerSecond;
  config->window = std::make_shared<const WindowSpec>(window);
  AggregateCall call;
  call.name = "n";
  const ArgInfo arg = {Kind::int64, true, nullptr};
  call.args = {make_column(*config->input, 1)};
  call.aggregate = *full_catalog().find_aggregate("sum")->make({&arg, 1});
  config->aggregates = {call};
  return config;
}

const OperatorKind& kind_of(const StepConfig& config) {
  const bool session = config.window->kind == WindowKind::session;
  return *full_catalog().find_operator(session ? "session" : "window");
}

std::unique_ptr<Operator> make(const std::shared_ptr<StepConfig>& config) {
  auto made = kind_of(*config).make(config);
  EXPECT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_TRUE((*made)->open(OpenContext()).ok());
  return *std::move(made);
}

void put(MemoryStateTable& cells, int64_t slice, const std::string& key, const std::string& value) {
  const std::vector<test::OwnedChange> change = {{KeyGroup(3), slice, key, value}};
  ASSERT_TRUE(test::apply(cells, change).ok());
}

class WindowState : public testing::TestWithParam<WindowKind> {};
INSTANTIATE_TEST_SUITE_P(, WindowState,
                         testing::Values(WindowKind::tumbling, WindowKind::hopping, WindowKind::session));

TEST_P(WindowState, DamagedCellsAreDataLoss) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{{"", "x"},
                                                                                   {"?key", "x"},
                                                                                   {"pkey", "x"},
                                                                                   {"skey", "x"},
                                                                                   {"hkey", "\x05"},
                                                                                   {"lkey", "x"},
                                                                                   {"vkey", "x"}}) {
    MemoryStateTable cells;
    put(cells, 0, key, value);
    EXPECT_EQ(make(config_of(GetParam()))->restore(cells).code(), Code::data_loss) << key;
  }
}

TEST_P(WindowState, DamagedSmallStateIsDataLoss) {
  const std::vector<std::string> blobs = {"short"};
  EXPECT_EQ(make(config_of(GetParam()))->restore_small_state(blobs).code(), Code::data_loss);
}

TEST_P(WindowState, KeysMustBePlainValues) {
  const auto config = config_of(GetParam(), Type::list(Kind::int64));
  EXPECT_THAT(kind_of(*config).output_schemas(*config).status().message(),
              testing::HasSubstr("list(int64?) cannot be a key"));
  EXPECT_FALSE(kind_of(*config).make(config).ok());
}

TEST_P(WindowState, ArgumentsMustBeColumns) {
  auto config = config_of(GetParam());
  Expr e;
  e.op = ExprOp::not_;
  e.type = Kind::boolean;
  e.args = {make_column(*config->input, 2)};
  const auto computed = std::make_shared<const Expr>(e);
  config->aggregates[0].filter = computed;
  EXPECT_EQ(kind_of(*config).make(config).status().code(), Code::internal);
  config->aggregates[0].filter = nullptr;
  config->aggregates[0].args = {computed};
  EXPECT_EQ(kind_of(*config).make(config).status().code(), Code::internal);
}

TEST_P(WindowState, RowsNeedEventTime) {
  struct Nowhere : Output {
    void emit(int, Batch) override {}
    bool has_room() const override { return true; }
  } out;
  const auto config = config_of(GetParam());
  Batch batch;
  batch.schema = config->input;
  batch.rows = 1;
  for (const Field& field : config->input->fields()) batch.columns.push_back(null_column(field.type, 1));
  EXPECT_EQ(make(config)->process(0, batch, out).status().code(), Code::internal);
  Batch none;
  EXPECT_TRUE(make(config)->process(0, none, out).ok());
}

TEST(WindowConfig, WhatDoesNotFitIsRefused) {
  auto config = config_of(WindowKind::hopping);
  const OperatorKind& plain = *full_catalog().find_operator("window");
  const OperatorKind& session = *full_catalog().find_operator("session");
  EXPECT_FALSE(plain.output_schemas(*config_of(WindowKind::session)).ok());
  EXPECT_FALSE(session.output_schemas(*config_of(WindowKind::tumbling)).ok());
  config->window = nullptr;
  EXPECT_FALSE(plain.output_schemas(*config).ok());
  EXPECT_FALSE(session.output_schemas(*config).ok());
  EXPECT_FALSE(full_catalog().find_operator("late_split")->output_schemas(*config).ok());
}

TEST(WindowConfig, WatermarksAreHandedOnLessTheAllowedLateness) {
  auto config = config_of(WindowKind::tumbling);
  WindowSpec window = *config->window;
  window.allowed_lateness = 10;
  config->window = std::make_shared<const WindowSpec>(window);
  EXPECT_EQ(make(config)->output_watermark(100), 90);
  EXPECT_EQ(make(config)->output_watermark(kNoTime), kNoTime);
}

}  // namespace window_state_test
}  // namespace rideflow::test
