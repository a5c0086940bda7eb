// ride_window: ride JSON in memory -> decode -> filter -> count and sum by key in windows of 10 s, one
// thread.
#include <fmt/format.h>

#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

constexpr double kLeastRatio1k = 1.3;  // to the plain loop
constexpr double kLeastRatio1m = 1.8;
constexpr double kMostAllocationsPerEvent = 0.05;
constexpr double kMostBytesPerKey = 100;

// What twice the events allocate more than once the events: what is paid once, and per window, cancels out.
Status allocations(const BenchJob& job, int64_t drivers, bool checked, Report& report) {
  RideOptions options = ride_options(report, drivers);
  int64_t counts[2];
  for (const int i : {0, 1}) {
    options.events = ride_options(report, drivers).events / (2 - i);
    RF_ASSIGN(const RideData data, RideData::make(options));
    RunOptions run;
    run.keep_rows = false;
    RF_ASSIGN(const RunResult result, job.run(data, run));
    counts[i] = result.allocations;
  }
  const auto more = static_cast<double>(counts[1] - counts[0]);
  report.add_figure(row_of("ride_window_allocations", "per event", Aim::at_most, kMostAllocationsPerEvent),
                    std::max(0.0, more / static_cast<double>(options.events / 2)), checked);
  return {};
}

}  // namespace

Status ride_window(const Catalog& catalog, Report& report) {
  if (loop_skipped("ride_window", report)) return {};
  RF_ASSIGN(const BenchJob job, load_ride_window(catalog, report));
  RF_ASSIGN(const RideData few, RideData::make(ride_options(report, 1'000)));
  RF_ASSIGN(const RunResult small,
            measure_against_loop(job, few, row_of("ride_window_1k", "events/s", Aim::at_least, kLeastRatio1k),
                                 report));
  RF_TRY(allocations(job, 1'000, small.checked, report));
  RF_ASSIGN(const RideData many, RideData::make(ride_options(report, 1'000'000)));
  RF_ASSIGN(const RunResult large,
            measure_against_loop(job, many,
                                 row_of("ride_window_1m", "events/s", Aim::at_least, kLeastRatio1m), report));
  const auto keys = static_cast<double>(std::max<int64_t>(large.state_keys, 1));
  report.add_figure(row_of("ride_window_state_per_key", "bytes", Aim::at_most, kMostBytesPerKey),
                    static_cast<double>(large.state_bytes) / keys, large.checked && large.state_keys > 0);
  report.add_figure(row_of("ride_window_longest_step", "ms", Aim::at_most, kLongestStepMs),
                    static_cast<double>(large.longest_step_nanos) / 1e6, large.checked);
  return {};
}

Status ride_window_shapes(const Catalog& catalog, Report& report) {
  if (loop_skipped("ride_window_shapes", report)) return {};
  RF_ASSIGN(const BenchJob job, load_ride_window(catalog, report));
  for (const char* name : {"ride_window_reordered", "ride_window_optional", "ride_window_escaped"}) {
    RideOptions options = ride_options(report, 1'000);
    const std::string_view kind = name;
    (kind.ends_with("reordered")  ? options.reordered
     : kind.ends_with("optional") ? options.optional
                                  : options.escaped) = 0.1;
    RF_ASSIGN(const RideData data, RideData::make(options));
    RF_ASSIGN(const RunResult run, measure_against_loop(job, data, row_of(name, "events/s"), report));
  }
  return {};
}

Status ride_window_batches(const Catalog& catalog, Report& report) {
  if (loop_skipped("ride_window_batches", report)) return {};
  RF_ASSIGN(const BenchJob job, load_ride_window(catalog, report));
  RF_ASSIGN(const RideData data, RideData::make(ride_options(report, 1'000)));
  for (const int32_t rows : {64, 512, 16'384}) {
    RunOptions run;
    run.batch_rows = rows;
    const Row row = row_of(fmt::format("ride_window_batch_{}", rows), "events/s");
    RF_ASSIGN(const RunResult result, measure_against_loop(job, data, row, report, run));
  }
  return {};
}

}  // namespace rideflow::bench
