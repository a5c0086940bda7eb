#include "rollup/query_control.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {

bool QueryMemory::take(size_t bytes) {
  size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ || used > limit_ - bytes) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

QueryControl::QueryControl(Env* env, const QueryLimits& limits, std::shared_ptr<QueryMemory> memory,
                           QueryTurn* turn)
    : env_(env),
      limits_(limits),
      memory_(std::move(memory)),
      turn_(turn),
      started_(turn ? turn->arrived() : env->monotonic()),
      deadline_(started_ + limits.timeout_us) {}

QueryControl::~QueryControl() {
  memory_->give(held_);
}

void QueryControl::fail(Status status) {
  if (stopped_) return;
  stopped_ = true;
  status_ = std::move(status);
}

bool QueryControl::look() {
  work_ = 0;
  if (stopped_) return false;
  const bool in_time = env_->monotonic() < deadline_;
  if (cancelled_.load(std::memory_order_relaxed)) {
    fail(Status::external(Code::aborted, "Query was cancelled."));
    return false;
  }
  if (!in_time) {
    fail(Status::external(Code::aborted, "Query did not complete within configured timeout period."));
    return false;
  }
  if (turn_ == nullptr) return true;
  Status gone = turn_->check();
  if (gone.ok()) gone = turn_->pause(cancelled_, deadline_);
  if (!gone.ok()) {
    fail(std::move(gone));
  } else if (cancelled_.load(std::memory_order_relaxed) || env_->monotonic() >= deadline_) {
    return look();  // it changed while it waited
  }
  return !stopped_;
}

bool QueryControl::hold(size_t bytes) {
  if (stopped_) return false;
  if (bytes > limits_.max_memory_bytes || held_ > limits_.max_memory_bytes - bytes) {
    fail(Status::user(
        Code::resource_exhausted,
        fmt::format("The query needs more than {} MiB of memory: ask for fewer groups, columns or "
                    "values, or raise --query-memory.",
                    limits_.max_memory_bytes >> 20)));
    return false;
  }
  if (!memory_->take(bytes)) {
    fail(Status::user(
        Code::resource_exhausted,
        fmt::format("All queries together need more than {} MiB of memory: try again when others "
                    "have ended, or raise --queries-memory.",
                    memory_->limit() >> 20)));
    return false;
  }
  held_ += bytes;
  most_held_ = std::max(most_held_, held_);
  return true;
}

void QueryControl::release(size_t bytes) {
  held_ -= bytes;
  memory_->give(bytes);
}

std::shared_ptr<MemoryShare> QueryControl::keep(size_t bytes) {
  const size_t kept = std::min(bytes, held_);
  held_ -= kept;
  return std::make_shared<MemoryShare>(memory_, kept);
}

bool HeldBytes::set(size_t bytes) {
  if (bytes > bytes_ && !control_->hold(bytes - bytes_)) return false;
  if (bytes < bytes_) control_->release(bytes_ - bytes);
  bytes_ = bytes;
  return true;
}

}  // namespace rideflow
