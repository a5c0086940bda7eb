// TapHub: the latest rows of steps, for everybody who looks at once.
//
// A step is tapped from the first request on and until half a minute after the last; while nobody looks it
// costs the job one load per batch. Rows are numbered, so that a reader can ask for what came since.
// Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/job_directory.h"

namespace rideflow {

struct TapRows {
  std::string lines;  // JSON objects, newline-delimited, oldest first
  int64_t next = 0;   // ask for rows from here on
};

class TapHub {
 public:
  static constexpr size_t kRows = 1000;
  static constexpr Micros kUnusedFor = 30 * kMicrosPerSecond;

  // The newest `limit` rows numbered `from` or higher; with `from` 0 the newest at all. not_found (user) when
  // the job has no such step, failed_precondition when it does not run.
  Result<TapRows> rows(const JobEntry& job, const std::string& step, int64_t limit, int64_t from,
                       Micros monotonic);
  // Ends the taps that nobody asked for of late.
  void tick(Micros monotonic);

 private:
  struct Tap {
    std::weak_ptr<JobExecution> execution;
    std::deque<std::string> rows;
    int64_t next = 0;  // number of the next row
    Micros asked_at = 0;
  };
  static void drain(Tap& tap, TapBuffer& buffer);

  std::mutex mutex_;
  std::map<std::pair<std::string, int32_t>, Tap> taps_;  // by job and node
};

// The node whose main output is what the step gives: of a sink, the node that feeds it.
Result<NodeId> tapped_node(const LogicalPlan& plan, const std::string& step);

}  // namespace rideflow
