// Worker: a thread that steps tasks. It takes no decisions.
//
// It goes round its tasks; when none of them worked it spins a little, then parks until somebody wakes it or
// a short time passes (sources are polled, not notified). One task is stepped by one worker only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/task.h"

namespace rideflow {

class Worker : public Waker {
 public:
  explicit Worker(std::vector<Task*> tasks);
  ~Worker() override;  // stops and joins
  void start();
  void stop();
  void wake() override;

 private:
  void run();
  void park();

  std::vector<Task*> tasks_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> parked_{false};
  bool woken_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

// One worker per thread; task (stage, shard) goes to thread shard modulo threads, so that a shard's chain of
// stages stays on one core. Sets the wakers of all channels between tasks.
std::vector<std::unique_ptr<Worker>> make_workers(const class JobGraph& graph, int threads);

}  // namespace rideflow
