// What it takes to write a million changed keys in a checkpoint, and to start from it.
#include <fmt/format.h>

#include "bench/rows/quiet_env.h"
#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"
#include "bench/rows/sorted_run.h"

namespace rideflow::bench {
namespace {

constexpr double kMostTimesToWrite = 2;
constexpr double kMostTimesToRead = 3;
constexpr int64_t kValueBytes = 24;  // of a cell of the job: a count, a sum, and what stands between them

struct Costs {
  std::vector<double> write, write_limit, read, read_limit;
  std::string note;
};

// One attempt up to its checkpoint, which ends as a crash would; another one from there to the end. Together
// they give every row once: nothing was read behind the barrier.
Status measure(const BenchJob& job, const RideData& data, int64_t drivers, const std::string& dir,
               Costs& costs, const LoopResult& loop, const Report& report) {
  PosixEnv env(quiet());
  RunOptions run;
  RF_ASSIGN(run.storage, disk_storage(env, dir));
  run.checkpoint_at = drivers * 98 / 100;
  run.end_at_checkpoint = true;
  RF_ASSIGN(const RunResult first, job.run(data, run));
  run = RunOptions();
  RF_ASSIGN(run.storage, disk_storage(env, dir));
  RF_ASSIGN(RunResult second, job.run(data, run));
  RF_ASSIGN(const SortedRun limit, sorted_run(dir + "/run", drivers, kValueBytes));
  second.rows.insert(second.rows.end(), first.rows.begin(), first.rows.end());
  costs.note = check_against_loop(second, loop, report);
  if (!first.checkpointed) costs.note = "no checkpoint was durable before the stream's end";
  costs.write.push_back(to_ms(first.checkpoint_nanos));
  costs.read.push_back(to_ms(second.start_nanos));
  costs.write_limit.push_back(to_ms(limit.write_nanos));
  costs.read_limit.push_back(to_ms(limit.read_nanos));
  return {};
}

void add(const char* name, const std::vector<double>& values, const std::vector<double>& limits, double times,
         const std::string& note, Report& report) {
  Row row = row_of(name, "ms", Aim::at_most, times);
  row.limit = median(limits);
  row.note = note;
  report.add_figure(std::move(row), median(values), note.empty());
}

}  // namespace

Status state_costs(const Catalog& catalog, Report& report) {
  if (loop_skipped("state_costs", report)) return {};
  RF_ASSIGN(const BenchJob job,
            BenchJob::load(catalog, report.options().root + "/bench/jobs/ride_keys.yaml"));
  const RideOptions options = million_keys(report);
  RF_ASSIGN(const RideData data, RideData::make(options));
  const LoopResult loop = ride_keys_loop(data);
  Costs costs;
  for (int i = 0; i < report.options().repeats && costs.note.empty(); ++i) {
    const std::string dir = fmt::format("{}/state_costs_{}", report.options().work_dir, i);
    RF_TRY(measure(job, data, options.drivers, dir, costs, loop, report));
  }
  add("checkpoint_1m_keys_duration", costs.write, costs.write_limit, kMostTimesToWrite, costs.note, report);
  add("restore_1m_keys", costs.read, costs.read_limit, kMostTimesToRead, costs.note, report);
  return {};
}

}  // namespace rideflow::bench
