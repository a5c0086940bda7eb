// LocalJob: a job that runs in this process on threads of its own: workers that step its tasks, and one
// thread that carries out the coordinator's decisions.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/job_execution.h"
#include "runtime/worker.h"

namespace rideflow {

class LocalJob {
 public:
  static Result<std::unique_ptr<LocalJob>> start(std::shared_ptr<const LogicalPlan> plan,
                                                 const ExecutionOptions& options);
  ~LocalJob();

  // Asks for a last checkpoint and a pause. wait() then returns.
  void stop() { execution_->request_stop(); }
  bool over() const { return done_.load(std::memory_order_acquire); }
  // Waits until the job finished, stopped or failed and its threads are gone. Not from its own threads.
  Status wait();  // any number of times, one thread at a time

  JobExecution& execution() { return *execution_; }
  const JobExecution& execution() const { return *execution_; }

 private:
  LocalJob(Env& env, std::unique_ptr<JobExecution> execution) : env_(env), execution_(std::move(execution)) {}
  void control();

  Env& env_;
  std::unique_ptr<JobExecution> execution_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::shared_ptr<Sleeper> sleeper_ = std::make_shared<Sleeper>();  // of control_
  std::thread control_;
  std::atomic<bool> abandon_{false};
  std::atomic<bool> done_{false};
};

}  // namespace rideflow
