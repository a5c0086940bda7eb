// JobRevival: in `dev` a job that failed for a reason that may pass (a full disk, brokers that refuse) is
// started again from its newest checkpoint, after a pause that grows from one second to one minute, and says
// so. One thread.
#pragma once

#include <map>
#include <string>

#include "runtime/hosted_jobs.h"
#include "runtime/job_host.h"

namespace rideflow {

// Whether the same job may go well in a while without anybody's doing.
bool may_pass(const Status& failure);

class JobRevival {
 public:
  JobRevival(Env* env, JobHost* host, HostedJobs* jobs) : env_(env), host_(host), jobs_(jobs) {}
  // Called often. Returns sentences for the person who watches.
  std::vector<std::string> look(const RunOptions& options);
  // True when a job is over now and will be started again.
  bool waits() const { return !waiting_.empty(); }

 private:
  struct Waiting {
    Micros at = 0;  // by the monotonic clock
    std::string why;
  };
  std::string schedule(const std::string& job, const Status& failure);
  std::string start(const HostedJob& job, const RunOptions& options);

  Env* env_;
  JobHost* host_;
  HostedJobs* jobs_;
  std::map<std::string, Waiting> waiting_;
  std::map<std::string, int64_t> pause_;  // the last one of each job that failed
  std::map<std::string, Micros> started_;
};

}  // namespace rideflow
