#include "runtime/worker_job.h"

namespace rideflow {

Result<std::unique_ptr<LocalJob>> LocalJob::start(std::shared_ptr<const LogicalPlan> plan,
                                                  const ExecutionOptions& options) {
  RF_ASSIGN(auto execution, JobExecution::start(std::move(plan), options));
  auto job = std::unique_ptr<LocalJob>(new LocalJob(*options.env, std::move(execution)));
  job->execution_->set_waker(job->sleeper_);
  job->workers_ =
      make_workers(*options.env, job->execution_->graph(), options.parallelism, job->execution_->note());
  for (const auto& worker : job->workers_) worker->start();
  job->control_ = std::thread([raw = job.get()] { raw->control(); });
  return job;
}

LocalJob::~LocalJob() {
  abandon_.store(true);
  sleeper_->wake();
  if (control_.joinable()) control_.join();
}

void LocalJob::control() {
  while (!execution_->over() && !abandon_.load()) {
    if (!execution_->pump()) sleeper_->sleep(execution_->next_pump() - env_.monotonic());
  }
  for (const auto& worker : workers_) worker->stop();
  done_.store(true, std::memory_order_release);
}

Status LocalJob::wait() {
  if (control_.joinable()) control_.join();
  return execution_->result();
}

}  // namespace rideflow
