#include "runtime/worker_job.h"

#include <chrono>

namespace rideflow {

Result<std::unique_ptr<LocalJob>> LocalJob::start(std::shared_ptr<const LogicalPlan> plan,
                                                  const ExecutionOptions& options) {
  RF_ASSIGN(auto execution, JobExecution::start(std::move(plan), options));
  auto job = std::unique_ptr<LocalJob>(new LocalJob(std::move(execution)));
  job->workers_ = make_workers(job->execution_->graph(), options.parallelism);
  for (const auto& worker : job->workers_) worker->start();
  job->control_ = std::thread([raw = job.get()] { raw->control(); });
  return job;
}

LocalJob::~LocalJob() {
  abandon_.store(true);
  if (control_.joinable()) control_.join();
}

void LocalJob::control() {
  while (!execution_->over() && !abandon_.load()) {
    if (!execution_->pump()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (const auto& worker : workers_) worker->stop();
  done_.store(true, std::memory_order_release);
}

Status LocalJob::wait() {
  if (control_.joinable()) control_.join();
  return execution_->result();
}

}  // namespace rideflow
