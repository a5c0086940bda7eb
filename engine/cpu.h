// What this CPU can do beyond plain x86-64: who calls into a *_v3.cc file asks here first.
#pragma once

namespace rideflow {

// What x86-64-v3 has and those files use.
inline bool cpu_has_v3() {
  static const bool yes = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                          __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
  return yes;
}

}  // namespace rideflow
