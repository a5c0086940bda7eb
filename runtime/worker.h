// Worker: a thread that steps tasks. It takes no decisions.
//
// It steps those of its tasks that are due (engine/task.h); when none is it spins a little, then sleeps until
// one of them is woken or asked to run. One task is stepped by one worker only.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "engine/task.h"
#include "runtime/worker_sleep.h"

namespace rideflow {

class Worker {
 public:
  // Becomes who runs the tasks. A crash of its thread is noted; null: nowhere.
  Worker(Env& env, std::vector<Task*> tasks, std::shared_ptr<JobNote> note = nullptr);
  ~Worker();  // stops and joins
  void start();
  void stop();

 private:
  void run();
  bool step_due(Micros now);
  Micros next_run() const;

  Env& env_;
  std::vector<Task*> tasks_;
  std::shared_ptr<JobNote> note_;
  std::atomic<bool> stop_{false};
  std::shared_ptr<Sleeper> sleeper_ = std::make_shared<Sleeper>();
  std::thread thread_;
};

// One worker per thread; task (stage, shard) goes to thread shard modulo threads, so that a shard's chain of
// stages stays on one core.
std::vector<std::unique_ptr<Worker>> make_workers(Env& env, const class JobGraph& graph, int threads,
                                                  const std::shared_ptr<JobNote>& note = nullptr);

}  // namespace rideflow
