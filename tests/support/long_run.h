// How much of a family without an end a test tries: a little with every change, much with `./test --long`.
#pragma once

#include <cstdlib>

namespace rideflow::test {

// True under `./test --long`, which sets RIDEFLOW_LONG.
inline bool long_run() {
  return std::getenv("RIDEFLOW_LONG") != nullptr;
}

template <class T>
T long_or(T always, T when_long) {
  return long_run() ? when_long : always;
}

}  // namespace rideflow::test
