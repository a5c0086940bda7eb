// A window of a million keys: how long the stream stands still while it fires, and while it is checkpointed.
#include <fmt/format.h>

#include "bench/rows/quiet_env.h"
#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

constexpr int64_t kLeastBytesPerKey = 4;  // of the checkpoint, where cells are compressed

struct Steps {
  std::vector<double> firing;
  std::vector<double> checkpoint;
  std::vector<double> checkpoint_wall;
};

std::string check(const RunResult& run, const LoopResult& loop, int64_t drivers, const Report& report) {
  const std::string difference = check_against_loop(run, loop, report);
  if (!difference.empty()) return difference;
  if (!run.checkpointed) return "no checkpoint was durable before the stream's end";
  if (run.checkpoint_bytes >= kLeastBytesPerKey * drivers) return {};
  return fmt::format("the checkpoint of {} keys has {} bytes", drivers, run.checkpoint_bytes);
}

}  // namespace

Status ride_keys(const Catalog& catalog, Report& report) {
  if (loop_skipped("ride_keys", report)) return {};
  RF_ASSIGN(const BenchJob job,
            BenchJob::load(catalog, report.options().root + "/bench/jobs/ride_keys.yaml"));
  const RideOptions options = million_keys(report);
  RF_ASSIGN(const RideData data, RideData::make(options));
  const LoopResult loop = ride_keys_loop(data);

  Steps steps;
  std::string note;
  for (int i = 0; i < report.options().repeats && note.empty(); ++i) {
    PosixEnv env(quiet());
    const std::string dir = fmt::format("{}/ride_keys_{}", report.options().work_dir, i);
    RunOptions run;
    RF_ASSIGN(run.storage, disk_storage(env, dir));
    run.checkpoint_at = options.drivers * 98 / 100;  // just before the first window fires
    RF_ASSIGN(const RunResult result, job.run(data, run));
    note = check(result, loop, options.drivers, report);
    steps.firing.push_back(to_ms(result.longest_step_nanos));
    steps.checkpoint.push_back(to_ms(result.checkpoint_longest_step_nanos));
    steps.checkpoint_wall.push_back(to_ms(result.checkpoint_longest_step_wall_nanos));
  }
  const std::pair<const char*, const std::vector<double>*> rows[] = {
      {"firing_1m_keys", &steps.firing},
      {"checkpoint_1m_keys", &steps.checkpoint},
      {"checkpoint_1m_keys_wall", &steps.checkpoint_wall}};
  for (const auto& [name, values] : rows) {
    Row row = row_of(name, "ms", Aim::at_most, kLongestStepMs);
    row.note = note;
    report.add_figure(std::move(row), median(*values), note.empty());
  }
  return {};
}

}  // namespace rideflow::bench
