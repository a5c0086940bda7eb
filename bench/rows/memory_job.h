// A job file run over events in memory, on the calling thread, by the planner, decoder, operators and task
// loop that every job runs on. Only the connectors at both ends are the benchmark's: a reader that hands out
// the bytes that are there, and a sink that keeps or counts the rows.
#pragma once

#include <memory>
#include <string>

#include "bench/rows/ride_data.h"
#include "engine/catalog.h"
#include "engine/plan.h"

namespace rideflow::bench {

struct RunOptions {
  int32_t batch_rows = 2048;
  bool keep_rows = true;  // of the sink
};

struct RunResult {
  bool checked = false;     // by who ran it
  std::vector<Batch> rows;  // that reached the sink
  int64_t rows_out = 0;
  int64_t cpu_nanos = 0;           // of the calling thread, from the first step to the last
  int64_t longest_step_nanos = 0;  // of CPU time
  int64_t allocations = 0;         // of the calling thread
  int64_t state_keys = 0;          // when there were most
  int64_t state_bytes = 0;         // at that time
};

class MemoryJob {
 public:
  static Result<MemoryJob> load(const Catalog& catalog, const std::string& file);

  // From the first event to the end of the stream; every source reads `data`. No checkpoint but the first.
  Result<RunResult> run(const RideData& data, const RunOptions& options) const;

 private:
  std::shared_ptr<const LogicalPlan> plan_;
};

}  // namespace rideflow::bench
