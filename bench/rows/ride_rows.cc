#include "bench/rows/ride_rows.h"

#include <fmt/format.h>

namespace rideflow::bench {

Result<BenchJob> load_ride_window(const Catalog& catalog, const Report& report) {
  return BenchJob::load(catalog, report.options().root + "/bench/jobs/ride_window.yaml");
}

RideOptions ride_options(const Report& report, int64_t drivers) {
  RideOptions options;
  options.events = report.options().smoke ? 40'000 : report.options().events;
  options.drivers = drivers;
  options.rate = static_cast<double>(options.events) / 20;  // two windows
  return options;
}

RideOptions million_keys(const Report& report) {
  RideOptions options;
  options.drivers = report.options().smoke ? 20'000 : 1'000'000;
  options.in_turn = true;
  options.events = options.drivers * 5 / 2;
  options.rate = static_cast<double>(options.drivers) / 10;  // every driver once a window
  return options;
}

std::vector<WindowRow> window_rows(const std::vector<Batch>& batches) {
  std::vector<WindowRow> rows;
  for (const Batch& batch : batches) {
    const auto column = [&](std::string_view name) -> const Column& {
      return batch.column(*batch.schema->find(std::string(name)));
    };
    const Column& key = column("driver_id");
    const Column& fares = column("fares");
    for (int32_t i = 0; i < batch.rows; ++i) {
      WindowRow row;
      row.window_start = column("window_start").values<int64_t>()[i];
      row.key = std::string(key.string(i));
      row.count = column("rides").values<int64_t>()[i];
      row.sum = fares.is_null(i) ? 0 : fares.values<double>()[i];
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::string check_against_loop(const RunResult& run, LoopResult loop, const Report& report) {
  if (loop.rejected > 0) return fmt::format("{} records rejected by the plain loop", loop.rejected);
  if (report.options().spoil) loop.rows.back().count += 1;
  return difference(window_rows(run.rows), std::move(loop.rows));
}

bool loop_skipped(const char* name, Report& report) {
  if (ride_loop_runs()) return false;
  report.skip(name, "the plain loop needs a CPU with AVX2");
  return true;
}

Result<RunResult> measure_against_loop(const BenchJob& job, const RideData& data, Row row, Report& report,
                                       const RunOptions& run_options) {
  std::vector<double> ours;
  std::vector<double> loops;
  RunResult last;
  for (int i = 0; i <= report.options().repeats; ++i) {
    const int64_t begin = thread_cpu_nanos();
    LoopResult loop = ride_loop(data);
    const int64_t loop_nanos = thread_cpu_nanos() - begin;
    RF_ASSIGN(last, job.run(data, run_options));
    if (i == 0) {  // the first pass warms up and is checked
      row.note = check_against_loop(last, std::move(loop), report);
      row.checked = row.note.empty();
      continue;
    }
    loops.push_back(per_second(data.events(), loop_nanos));
    ours.push_back(per_second(data.events(), last.cpu_nanos));
  }
  last.rows.clear();
  row.value = median(ours);
  row.limit = median(loops);
  last.checked = row.checked;
  report.add(std::move(row));
  return last;
}

}  // namespace rideflow::bench
