// Progress of jobs on stderr: one line rewritten in place on a terminal, plain lines now and then in a pipe.
#pragma once

#include <string>

#include "runtime/job_monitor.h"

namespace rideflow {

// "ride_metrics  running  rows 120,000 (2,000/s)  watermark 2026-01-01T12:00:00Z  lag 0  checkpoint 4"
std::string progress_line(const JobView& view);
// What a run did, at its end: rows by source and step, late, rejected, checkpoints.
std::string summary(const JobView& view);

class ProgressDisplay {
 public:
  explicit ProgressDisplay(bool terminal) : terminal_(terminal) {}
  // Shows the jobs; call about twice a second. `now` is monotonic.
  void show(const std::vector<JobView>& jobs, Micros now);
  // Ends a rewritten line, before other output.
  void clear();

 private:
  bool terminal_;
  bool open_line_ = false;
  Micros next_ = 0;
};

}  // namespace rideflow
