// How much of a family without an end a test tries: a little with every change, much with `./test --long`,
// little under sanitizers, which judge the same code in every member and take ten times as long.
#pragma once

#include <cstdlib>

namespace rideflow::test {

// True under `./test --long`, which sets RIDEFLOW_LONG.
inline bool long_run() {
  return std::getenv("RIDEFLOW_LONG") != nullptr;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

template <class T>
T long_or(T always, T when_long) {
  return long_run() ? when_long : always;
}

}  // namespace rideflow::test
