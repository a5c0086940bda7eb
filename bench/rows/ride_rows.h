// What the rows about ride_window share: its job, its events, its limit, and how a run is checked.
#pragma once

#include <string>
#include <vector>

#include "bench/rows/bench_job.h"
#include "bench/rows/report.h"
#include "bench/rows/ride_loop.h"

namespace rideflow::bench {

Result<BenchJob> load_ride_window(const Catalog& catalog, const Report& report);
// The report's number of events over two windows.
RideOptions ride_options(const Report& report, int64_t drivers);
// A million keys in every window of bench/jobs/ride_keys.yaml.
RideOptions million_keys(const Report& report);
// What reached the sink of ride_window, or of a job with the same columns.
std::vector<WindowRow> window_rows(const std::vector<Batch>& batches);
// Empty when the run gave what the plain loop gives; what is expected is made wrong where the report says so.
std::string check_against_loop(const RunResult& run, LoopResult loop, const Report& report);
// True, and the row is skipped, where the plain loop can't run.
bool loop_skipped(const char* name, Report& report);

// The engine and the loop in turn, over the same bytes. Adds the row; the last run's figures are the answer.
Result<RunResult> measure_against_loop(const BenchJob& job, const RideData& data, Row row, Report& report,
                                       const RunOptions& run_options = {});

}  // namespace rideflow::bench
