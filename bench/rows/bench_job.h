// A job file run over the benchmark's events by the planner, decoder, operators and task loop that every job
// runs on. Only what stands at both ends may be the benchmark's: a reader that hands out bytes that are in
// memory, and a sink that keeps or counts the rows. Sources and sinks of the job's own can be kept instead.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "bench/rows/ride_data.h"
#include "engine/catalog.h"
#include "engine/plan.h"
#include "runtime/job_storage.h"

namespace rideflow::bench {

struct RunOptions {
  int32_t batch_rows = 2048;
  bool keep_rows = true;  // of the sink
  // Events in memory, by name of the source. A source that is not here reads what its own connector has when
  // the job starts, and then ends.
  std::map<std::string, const RideData*> memory;
  bool own_sinks = false;                // instead of the one in memory
  const Resources* resources = nullptr;  // of the job's own sources and sinks
  std::string data_dir;
  // 0: on the calling thread, where CPU time and allocations are counted. Else tasks a stage, each on a
  // thread of its own, and only wall time means something.
  int threads = 0;
  std::shared_ptr<JobStorage> storage;  // null: in memory
  int64_t checkpoint_at = 0;            // asks for a checkpoint after so many events; 0: never
  bool end_at_checkpoint = false;       // as a crash would, once it is durable; nothing is read meanwhile
};

struct RunResult {
  bool checked = false;     // by who ran it
  std::vector<Batch> rows;  // that reached the sink
  int64_t rows_out = 0;
  int64_t cpu_nanos = 0;           // of the calling thread, from the first step to the last
  int64_t wall_nanos = 0;          // of the same
  int64_t process_cpu_nanos = 0;   // of all threads, in the same time
  int64_t longest_step_nanos = 0;  // of CPU time
  int64_t allocations = 0;         // of the calling thread
  int64_t state_keys = 0;          // when there were most
  int64_t state_bytes = 0;         // at that time
  // From checkpoint_at until the checkpoint was durable:
  bool checkpointed = false;
  int64_t checkpoint_longest_step_nanos = 0;       // of CPU time
  int64_t checkpoint_longest_step_wall_nanos = 0;  // waiting for locks included
  int64_t checkpoint_bytes = 0;
  int64_t checkpoint_nanos = 0;               // of wall time, from the barrier until it is published
  int64_t start_nanos = 0;                    // of wall time, until the job is built and restored
  std::map<std::string, int64_t> busy_nanos;  // by step of the job: wall time without what it called
};

// Checkpoints and state of a job on disk, in a directory of their own. `env` outlives it.
Result<std::shared_ptr<JobStorage>> disk_storage(Env& env, const std::string& dir);

class BenchJob {
 public:
  static Result<BenchJob> load(const Catalog& catalog, const std::string& file);
  static Result<BenchJob> parse(const Catalog& catalog, const std::string& name, const std::string& text);

  // From the first event to the end of the stream. Every source reads `data`.
  Result<RunResult> run(const RideData& data, RunOptions options) const;
  // The same, as `options` say. No checkpoint but the first, the last and the one asked for.
  Result<RunResult> run(const RunOptions& options) const;

 private:
  std::shared_ptr<const LogicalPlan> plan_;
};

}  // namespace rideflow::bench
