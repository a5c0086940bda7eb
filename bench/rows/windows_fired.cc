// Windows that hold one event each: what a window costs, from its first row to its being gone.
#include <fmt/format.h>

#include <set>

#include "bench/rows/quiet_env.h"
#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {
constexpr double kLeastWindows = 200'000;  // a second of CPU
constexpr double kLongestFiringStepMs = 10;
}  // namespace

// A checkpoint in the middle; most windows begin and end between two. The CPU time is that of all threads, so
// that what is written to RocksDB counts.
Status windows_fired(const Catalog& catalog, Report& report) {
  if (loop_skipped("windows_fired", report)) return {};
  RF_ASSIGN(const BenchJob job,
            BenchJob::load(catalog, report.options().root + "/bench/jobs/ride_keys.yaml"));
  RideOptions options;
  options.events = report.options().smoke ? 5'000 : 500'000;
  options.rate = 0.05;  // windows have 10 s, so that most events are alone
  RF_ASSIGN(const RideData data, RideData::make(options));
  const LoopResult loop = ride_keys_loop(data);
  std::set<int64_t> windows;
  for (const WindowRow& row : loop.rows) windows.insert(row.window_start);

  std::vector<double> rates;
  std::vector<double> longest;
  std::string note;
  for (int i = 0; i < report.options().repeats && note.empty(); ++i) {
    PosixEnv env(quiet());
    const std::string dir = fmt::format("{}/windows_fired_{}", report.options().work_dir, i);
    RunOptions run;
    RF_ASSIGN(run.storage, disk_storage(env, dir));
    run.checkpoint_at = options.events / 2;
    RF_ASSIGN(const RunResult result, job.run(data, run));
    note = check_against_loop(result, loop, report);
    if (note.empty() && !result.checkpointed) note = "no checkpoint was durable before the stream's end";
    rates.push_back(per_second(static_cast<int64_t>(windows.size()), result.process_cpu_nanos));
    longest.push_back(static_cast<double>(result.longest_step_nanos) / 1e6);
  }
  Row row = row_of("windows_fired", "windows/s", Aim::at_least, kLeastWindows);
  Row step = row_of("windows_fired_longest_step", "ms", Aim::at_most, kLongestFiringStepMs);
  row.note = step.note = note;
  report.add_figure(std::move(row), median(rates), note.empty());
  report.add_figure(std::move(step), median(longest), note.empty());
  return {};
}

}  // namespace rideflow::bench
