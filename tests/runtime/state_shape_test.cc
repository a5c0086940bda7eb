#include "runtime/state_shape.h"

#include <gtest/gtest.h>

namespace rideflow {
namespace {

TEST(StateShape, RoundTrip) {
  const StateShapes shapes = {{"a/window", "window\nkey city string\n"}, {"b/session", ""}};
  const auto again = decode_state_shapes(encode_state_shapes(shapes));
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(*again, shapes);
}

TEST(StateShape, CutBytesAreDamage) {
  const std::string bytes = encode_state_shapes({{"a/window", "window\nkey city string\n"}});
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(decode_state_shapes(bytes.substr(0, n)).status().code(), Code::data_loss) << n << " bytes";
  }
}

}  // namespace
}  // namespace rideflow
