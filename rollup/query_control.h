// QueryControl: what a running query asks whether it may go on: its time, its memory, and those who want it
// to stop.
//
// Every loop whose length a client or the data decides calls step() once a round, with the round's cost in
// units of about a microsecond at most; every array that grows with the data is held. A refusal sticks:
// step() and hold() stay false, status() says why, and whoever called returns. So kernels that return nothing
// simply break off, and the scan above them passes the status on.
//
// One thread runs a query and calls this; only cancel() may come from others.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/env.h"
#include "engine/status.h"
#include "rollup/query_limits.h"

namespace rideflow {

// The bytes that all queries of a process hold. Thread-safe.
class QueryMemory {
 public:
  explicit QueryMemory(size_t limit) : limit_(limit) {}
  bool take(size_t bytes);
  void give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }

 private:
  const size_t limit_;
  std::atomic<size_t> used_{0};
};

// Bytes taken from a QueryMemory, given back at the end: an answer's text on its way to the client.
class MemoryShare {
 public:
  MemoryShare(std::shared_ptr<QueryMemory> memory, size_t bytes)
      : memory_(std::move(memory)), bytes_(bytes) {}
  ~MemoryShare() { memory_->give(bytes_); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

 private:
  std::shared_ptr<QueryMemory> memory_;
  size_t bytes_;
};

// Where a query runs, seen by the query: the server that gives it a thread.
class QueryTurn {
 public:
  virtual ~QueryTurn() = default;
  // When the request came, on Env::monotonic(): waiting for a thread counts as time.
  virtual Micros arrived() const = 0;
  // An error when nobody waits for the answer any more. Asked often.
  virtual Status check() = 0;
  // A query that has run for a while lets others run: may block, and then only as long as check() and `stop`
  // allow it. An error ends the query.
  virtual Status pause(const std::atomic<bool>& cancelled, Micros deadline) = 0;
};

class QueryControl {
 public:
  // All must outlive it; `turn` may be null. The deadline is the limit's until set_deadline().
  QueryControl(Env* env, const QueryLimits& limits, std::shared_ptr<QueryMemory> memory, QueryTurn* turn);
  ~QueryControl();
  QueryControl(const QueryControl&) = delete;
  QueryControl& operator=(const QueryControl&) = delete;

  // Counts work; false once the query has to stop.
  bool step(size_t units = 1) {
    work_ += units;
    return work_ < kLookEvery ? !stopped_ : look();
  }
  // The same, looking at once.
  Status check() {
    look();
    return status_;
  }
  const Status& status() const { return status_; }
  bool stopped() const { return stopped_; }
  void fail(Status status);

  // More bytes, or fewer again. False, and nothing taken, when they are too many.
  bool hold(size_t bytes);
  void release(size_t bytes);
  size_t held() const { return held_; }
  size_t most_held() const { return most_held_; }
  // What is held of an answer's text outlives the query.
  std::shared_ptr<MemoryShare> keep(size_t bytes);

  Micros started() const { return started_; }
  void set_deadline(Micros deadline) { deadline_ = deadline; }
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  const std::atomic<bool>& cancelled() const { return cancelled_; }
  const QueryLimits& limits() const { return limits_; }

 private:
  static constexpr size_t kLookEvery = 1024;
  bool look();

  Env* env_;
  const QueryLimits& limits_;
  std::shared_ptr<QueryMemory> memory_;
  QueryTurn* turn_;
  size_t work_ = 0;
  bool stopped_ = false;
  size_t held_ = 0;
  size_t most_held_ = 0;
  Micros started_;
  Micros deadline_;
  Status status_;
  std::atomic<bool> cancelled_{false};
};

// Bytes that one thing holds, which change; given back at its end.
class HeldBytes {
 public:
  explicit HeldBytes(QueryControl& control) : control_(&control) {}
  ~HeldBytes() { control_->release(bytes_); }
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;
  // False, and all stays as it was, when there may not be so many.
  bool set(size_t bytes);
  // Many small ones: taken 64 KiB at a time.
  bool add(size_t bytes) {
    wanted_ += bytes;
    return wanted_ <= bytes_ || set(wanted_ + kStep);
  }

 private:
  static constexpr size_t kStep = size_t{64} << 10;
  QueryControl* control_;
  size_t bytes_ = 0;
  size_t wanted_ = 0;
};

}  // namespace rideflow
