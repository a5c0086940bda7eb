// CycleClock: wall time in nanoseconds by the processor's own counter, which takes a third of what asking the
// system takes. Where the counter does not run at one speed it asks the system.
//
// For accounts of what took how long, which are right to a thousandth; not for deadlines. Thread-safe.
#pragma once

#include <cstdint>

namespace rideflow {

class CycleClock {
 public:
  CycleClock();  // compares both clocks for a fraction of a millisecond
  int64_t nanos() const;

 private:
  uint64_t begin_cycles_ = 0;
  int64_t begin_nanos_ = 0;
  double nanos_per_cycle_ = 0;  // 0: ask the system
};

}  // namespace rideflow
