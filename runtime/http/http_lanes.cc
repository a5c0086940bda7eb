#include "runtime/http/http_lanes.h"

#include <algorithm>
#include <chrono>

namespace rideflow {
namespace {

// How often a request that waits for a turn looks whether it is still wanted.
constexpr auto kLook = std::chrono::milliseconds(50);
constexpr int kMostDoublings = 10;

}  // namespace

Status HttpJob::check() {
  if (lanes_->cancelled_.load(std::memory_order_relaxed)) {
    return Status::external(Code::unavailable, "Rideflow is stopping.");
  }
  if (gone_.load(std::memory_order_relaxed)) {
    return Status::external(Code::aborted, "Whoever asked is gone.");
  }
  return {};
}

Status HttpJob::pause(const std::atomic<bool>& cancelled, Micros deadline) {
  return lanes_->next_turn(*this, cancelled, deadline);
}

HttpLanes::HttpLanes(Env* env, const HttpLanesOptions& options, std::shared_ptr<HttpMeter> meter)
    : env_(env), options_(options), meter_(std::move(meter)) {}

HttpLanes::~HttpLanes() {
  stop();
}

void HttpLanes::count() {
  if (!meter_) return;
  meter_->running.store(light_ + heavy_, std::memory_order_relaxed);
  meter_->waiting.store(static_cast<int64_t>(queue_.size()), std::memory_order_relaxed);
  meter_->paused.store(static_cast<int64_t>(paused_.size()), std::memory_order_relaxed);
}

bool HttpLanes::submit(std::shared_ptr<HttpJob> job) {
  const std::lock_guard lock(mutex_);
  const size_t all = queue_.size() + paused_.size() + static_cast<size_t>(light_ + heavy_);
  if (stopping_ || cancelled_ || all >= static_cast<size_t>(std::max(options_.most, 1))) return false;
  job->lanes_ = this;
  job->ticket_ = ++tickets_;
  queue_.push_back(std::move(job));
  spawn_if_needed();
  work_.notify_one();
  count();
  return true;
}

// Threads for those that may begin now and have none.
void HttpLanes::spawn_if_needed() {
  const int begin = std::min<int>(static_cast<int>(queue_.size()), options_.light - light_);
  for (int missing = begin - idle_; missing > 0; --missing) {
    ++idle_;
    threads_.emplace_back([this] { work(); });
  }
}

void HttpLanes::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopping_ || (!queue_.empty() && light_ < options_.light); });
    if (queue_.empty()) return;
    const std::shared_ptr<HttpJob> job = std::move(queue_.front());
    queue_.pop_front();
    --idle_;
    ++light_;
    count();
    lock.unlock();
    run(job);
    lock.lock();
    leave(*job);
    ++idle_;
    call_next();
    lock.unlock();
    job->done_();
    lock.lock();
  }
}

void HttpLanes::run(const std::shared_ptr<HttpJob>& job) {
  job->running_since_ = env_->monotonic();
  job->response = job->handler_(*job);
  job->handler_ = nullptr;
}

void HttpLanes::leave(HttpJob& job) {
  --(job.heavy_ ? heavy_ : light_);
  count();
}

// Whoever may run now is told.
void HttpLanes::call_next() {
  if (!queue_.empty() && light_ < options_.light) {
    spawn_if_needed();
    work_.notify_one();
  }
  if (!paused_.empty() && heavy_ < options_.heavy) (*paused_.begin())->turn_.notify_one();
}

Status HttpLanes::next_turn(HttpJob& job, const std::atomic<bool>& cancelled, Micros deadline) {
  const Micros now = env_->monotonic();
  const int64_t ran = now - job.running_since_;
  if (ran < options_.quantum_us) return {};
  std::unique_lock lock(mutex_);
  if (job.heavy_) {
    // Those that have used less go first; otherwise its share is used up to the end.
    const int64_t share = options_.quantum_us << std::min(job.turns_, kMostDoublings);
    const bool used_up = job.used_us_ + ran >= share;
    const bool others = !paused_.empty() && (*paused_.begin())->turns_ < job.turns_;
    if (!used_up && !others) return {};
    job.used_us_ = used_up ? 0 : job.used_us_ + ran;
    job.turns_ += used_up ? 1 : 0;
    if (used_up) job.ticket_ = ++tickets_;
  } else {
    job.turns_ = 1;
  }
  leave(job);
  paused_.insert(&job);
  count();
  call_next();
  const auto unwanted = [&] {
    return cancelled.load(std::memory_order_relaxed) || !job.check().ok() || env_->monotonic() >= deadline;
  };
  const auto mine = [&] { return heavy_ < options_.heavy && *paused_.begin() == &job; };
  while (!mine() && !unwanted()) job.turn_.wait_for(lock, kLook);
  // One that is not wanted ends at once: it needs no place for that.
  paused_.erase(&job);
  job.heavy_ = true;
  ++heavy_;
  count();
  call_next();
  job.running_since_ = env_->monotonic();
  return {};
}

void HttpLanes::expire(Micros since, const HttpResponse& answer) {
  std::vector<std::shared_ptr<HttpJob>> over;
  {
    const std::lock_guard lock(mutex_);
    std::deque<std::shared_ptr<HttpJob>> left;
    for (auto& job : queue_) {
      const bool late = job->arrived_ < since || job->gone_.load(std::memory_order_relaxed);
      (late ? over.emplace_back() : left.emplace_back()) = std::move(job);
    }
    queue_ = std::move(left);
    count();
  }
  for (auto& job : over) {
    job->response = answer;
    job->done_();
  }
}

void HttpLanes::cancel_all() {
  std::deque<std::shared_ptr<HttpJob>> waiting;
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    waiting.swap(queue_);
    for (HttpJob* job : paused_) job->turn_.notify_one();
    count();
  }
  for (auto& job : waiting) {
    job->response = error_response(503, "Rideflow is stopping.");
    job->done_();
  }
}

void HttpLanes::stop() {
  cancel_all();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace rideflow
