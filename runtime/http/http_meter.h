// What the HTTP server counts for /metrics. Any thread adds, any thread reads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rideflow {

struct HttpMeter {
  static constexpr size_t kClasses = 5;
  std::array<std::atomic<int64_t>, kClasses> answers{};  // by the first digit of their status, 1 to 5
  std::atomic<int64_t> queries{0}, queries_failed{0};    // native queries
  std::atomic<int64_t> query_nanos{0};

  std::atomic<int64_t> running{0}, waiting{0}, paused{0}, refused{0};  // requests that may take long
  std::atomic<int64_t> connections{0}, connections_closed_idle{0}, connections_refused{0};

  void count_answer(int status) {
    const auto digit = static_cast<size_t>(status / 100);
    if (digit >= 1 && digit <= kClasses) answers[digit - 1].fetch_add(1, std::memory_order_relaxed);
  }
  void count_query(int status, int64_t nanos) {
    queries.fetch_add(1, std::memory_order_relaxed);
    if (status >= 400) queries_failed.fetch_add(1, std::memory_order_relaxed);
    query_nanos.fetch_add(nanos, std::memory_order_relaxed);
  }
};

}  // namespace rideflow
