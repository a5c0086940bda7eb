#include "engine/task_inputs.h"

#include <gtest/gtest.h>

namespace rideflow {
namespace task_inputs_test {

TEST(TaskInputs, TheLeastWatermarkOfThoseThatCount) {
  TaskInputs inputs(3);
  EXPECT_FALSE(inputs.due());
  inputs.on_watermark(0, 10);
  EXPECT_TRUE(inputs.due());
  EXPECT_EQ(inputs.settle(), kNoTime);  // two have said nothing
  EXPECT_FALSE(inputs.due());
  inputs.on_watermark(1, 20);
  inputs.on_watermark(1, 15);  // it never goes back
  inputs.on_idle(2);
  EXPECT_TRUE(inputs.any_idle());
  EXPECT_EQ(inputs.settle(), 10);
  inputs.on_end(0);
  EXPECT_EQ(inputs.settle(), 20);
}

TEST(TaskInputs, AllIdleGivesNoneAndAllEndedGivesTheEnd) {
  TaskInputs inputs(2);
  inputs.on_watermark(0, 10);
  inputs.on_idle(0);
  inputs.on_idle(1);
  EXPECT_FALSE(inputs.settle().has_value());
  inputs.on_end(0);
  EXPECT_FALSE(inputs.idle(0));
  EXPECT_FALSE(inputs.settle().has_value());  // the other goes on, and is idle
  inputs.on_rows(1);
  EXPECT_FALSE(inputs.any_idle());
  EXPECT_EQ(inputs.settle(), kNoTime);
  inputs.on_end(1);
  EXPECT_TRUE(inputs.all_ended());
  EXPECT_EQ(inputs.settle(), kEndOfTime);
}

TEST(TaskInputs, ABarrierIsWholeOnceAllHaveBroughtItEndedOnesToo) {
  TaskInputs inputs(2);
  inputs.on_end(1);
  EXPECT_FALSE(inputs.on_barrier(1));
  EXPECT_TRUE(inputs.aligned(1));
  EXPECT_TRUE(inputs.on_barrier(0));
  EXPECT_FALSE(inputs.aligned(0));
  EXPECT_FALSE(inputs.aligned(1));
}

}  // namespace task_inputs_test
}  // namespace rideflow
