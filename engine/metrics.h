// Live counters of the engine: written by one task, read by anybody.
//
// Relaxed atomics written once per batch. The table of all metrics with unit and help is engine/metrics.cc's
// metric_table(); Prometheus text, the console and the reference page are made from it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/ids.h"

namespace rideflow {

class Counter {
 public:
  void add(int64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void set(int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void raise(int64_t v) {
    if (v > get()) set(v);
  }
  int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// What an operator waits for that is not in this process (a broker, the reader of a pipe). Set by its task,
// read by anybody: the job goes on waiting, and says so.
class WaitNote {
 public:
  struct View {
    std::string what;
    Micros since = kNoTime;  // by the wall clock
  };
  void set(std::string what, Micros since);
  void clear();
  bool waits() const { return waits_.load(std::memory_order_relaxed); }
  std::optional<View> get() const;

 private:
  std::atomic<bool> waits_{false};
  mutable std::mutex mutex_;
  View view_;
};

// The account of one operator in one task: in = out (or absorbed) + filtered + late + rejected + held.
struct OperatorMetrics {
  Counter rows_in, rows_out, batches_in;
  Counter rows_filtered;  // by the operator: a condition was not true
  Counter rows_absorbed;  // by the operator: went into an aggregate or out to a sink
  Counter rows_late;      // left by a late port
  Counter rows_rejected;  // left by a rejected port, or skipped by `bad_records: skip`
  Counter rows_held;      // gauge: rows inside, neither out nor absorbed yet
  Counter busy_nanos;
  Counter longest_nanos;            // gauge: the longest time that it kept its thread at once
  Counter watermark;                // gauge, Micros; kNoTime before the first
  Counter state_keys, state_bytes;  // gauges
  WaitNote waits_for;
};

struct TaskMetrics {
  Counter busy_nanos, idle_nanos, blocked_nanos;  // wall time of the task's steps by what they did
  Counter longest_nanos;                          // gauge: of one step
  Counter input_watermark;
};

struct SourceMetrics {
  Counter polled, decoded, rejected, bytes;
  Counter set_aside;  // of the rejected ones: records at which the job failed again and again
  Counter late_idle, late_new_partition;
};

struct MetricInfo {
  std::string_view name;  // Prometheus name, unit last
  std::string_view type;  // counter | gauge
  std::string_view unit;
  std::string_view help;
};
std::span<const MetricInfo> metric_table();

}  // namespace rideflow
