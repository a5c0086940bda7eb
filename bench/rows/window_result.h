// Rows of ride_window's result, from the engine and from the plain loop, and how they are compared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rideflow::bench {

struct WindowRow {
  int64_t window_start = 0;  // microseconds
  std::string key;
  int64_t count = 0;
  double sum = 0;
};

// Empty when both hold the same rows, in whatever order; else the first difference. Sums may differ in the
// last digits: the plain loop adds in order of arrival, the engine exactly.
std::string difference(std::vector<WindowRow> got, std::vector<WindowRow> expected);

}  // namespace rideflow::bench
