#include "bench/rows/window_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace rideflow::bench {

std::string difference(std::vector<WindowRow> got, std::vector<WindowRow> expected) {
  if (expected.empty()) return "nothing to compare with: the expected result is empty";
  if (got.size() != expected.size()) return fmt::format("{} rows, expected {}", got.size(), expected.size());
  const auto before = [](const WindowRow& a, const WindowRow& b) {
    return a.window_start != b.window_start ? a.window_start < b.window_start : a.key < b.key;
  };
  std::sort(got.begin(), got.end(), before);
  std::sort(expected.begin(), expected.end(), before);
  for (size_t i = 0; i < got.size(); ++i) {
    const WindowRow& a = got[i];
    const WindowRow& b = expected[i];
    const bool same = a.window_start == b.window_start && a.key == b.key && a.count == b.count &&
                      std::fabs(a.sum - b.sum) <= 1e-9 * std::max(1.0, std::fabs(b.sum));
    if (same) continue;
    return fmt::format("window {} key {}: {} and {}, expected window {} key {}: {} and {}", a.window_start,
                       a.key, a.count, a.sum, b.window_start, b.key, b.count, b.sum);
  }
  return {};
}

}  // namespace rideflow::bench
