#include "runtime/posix_cycles.h"

#include <cpuid.h>
#include <immintrin.h>
#include <time.h>

namespace rideflow {
namespace {

constexpr int64_t kCompareNanos = 300'000;
constexpr int kTries = 8;  // of reading both clocks without being interrupted between

int64_t system_nanos() {
  timespec t = {};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

bool runs_at_one_speed() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1U << 8)) != 0;
}

struct Reading {
  uint64_t cycles = 0;
  int64_t nanos = 0;
};

// The closest of a few.
Reading read_both() {
  Reading best;
  uint64_t closest = UINT64_MAX;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t before = __rdtsc();
    const int64_t nanos = system_nanos();
    const uint64_t after = __rdtsc();
    if (after - before >= closest) continue;
    closest = after - before;
    best = {before + closest / 2, nanos};
  }
  return best;
}

}  // namespace

CycleClock::CycleClock() {
  const Reading begin = read_both();
  begin_cycles_ = begin.cycles;
  begin_nanos_ = begin.nanos;
  if (!runs_at_one_speed()) return;
  while (system_nanos() - begin.nanos < kCompareNanos) continue;
  const Reading end = read_both();
  if (end.cycles <= begin.cycles) return;
  nanos_per_cycle_ =
      static_cast<double>(end.nanos - begin.nanos) / static_cast<double>(end.cycles - begin.cycles);
}

int64_t CycleClock::nanos() const {
  if (nanos_per_cycle_ == 0) return system_nanos();
  const uint64_t cycles = __rdtsc() - begin_cycles_;
  return begin_nanos_ + static_cast<int64_t>(static_cast<double>(cycles) * nanos_per_cycle_);
}

}  // namespace rideflow
