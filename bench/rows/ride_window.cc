// ride_window: ride JSON in memory -> decode -> filter -> count and sum by key in windows of 10 s, one
// thread.
#include <fmt/format.h>

#include "bench/rows/memory_job.h"
#include "bench/rows/ride_loop.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

std::vector<WindowRow> rows_of(const std::vector<Batch>& batches) {
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

double per_second(int64_t events, int64_t nanos) {
  return static_cast<double>(events) * 1e9 / static_cast<double>(std::max<int64_t>(nanos, 1));
}

RideOptions ride_options(const Report& report, int64_t drivers) {
  RideOptions options;
  options.events = report.options().smoke ? 40'000 : report.options().events;
  options.drivers = drivers;
  options.rate = static_cast<double>(options.events) / 20;  // two windows
  return options;
}

// The engine and the loop in turn, over the same bytes. Adds the row; the last run's figures are the answer.
Result<RunResult> measure(const MemoryJob& job, const RideData& data, Row row, Report& report,
                          const RunOptions& run_options = {}) {
  row.unit = "events/s";
  std::vector<double> ours;
  std::vector<double> loops;
  RunResult last;
  for (int i = 0; i <= report.options().repeats; ++i) {
    const int64_t begin = thread_cpu_nanos();
    LoopResult loop = ride_loop(data);
    const int64_t loop_nanos = thread_cpu_nanos() - begin;
    RF_ASSIGN(last, job.run(data, run_options));
    if (i == 0) {  // the first pass warms up and is checked
      if (report.options().spoil) loop.rows.back().count += 1;
      row.note = loop.rejected > 0 ? fmt::format("{} records rejected by the plain loop", loop.rejected)
                                   : difference(rows_of(last.rows), std::move(loop.rows));
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

Row row_of(std::string name, Aim aim, double target) {
  Row row;
  row.name = std::move(name);
  row.aim = aim;
  row.target = target;
  return row;
}

void add_figure(Row row, double value, const char* unit, bool checked, Report& report) {
  row.value = value;
  row.unit = unit;
  row.checked = checked && !report.options().spoil;
  report.add(std::move(row));
}

// What twice the events allocate more than once the events: what is paid once, and per window, cancels out.
Status allocations(const MemoryJob& job, int64_t drivers, bool checked, Report& report) {
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
  add_figure(row_of("ride_window_allocations", Aim::at_most, 0.05),
             std::max(0.0, more / static_cast<double>(options.events / 2)), "per event", checked, report);
  return {};
}

Result<MemoryJob> load(const Catalog& catalog, const Report& report) {
  return MemoryJob::load(catalog, report.options().root + "/bench/jobs/ride_window.yaml");
}

bool skipped(const char* name, Report& report) {
  if (ride_loop_runs()) return false;
  report.skip(name, "the plain loop needs a CPU with AVX2");
  return true;
}

}  // namespace

Status ride_window(const Catalog& catalog, Report& report) {
  if (skipped("ride_window", report)) return {};
  RF_ASSIGN(const MemoryJob job, load(catalog, report));
  RF_ASSIGN(const RideData few, RideData::make(ride_options(report, 1'000)));
  RF_ASSIGN(const RunResult small, measure(job, few, row_of("ride_window_1k", Aim::at_least, 1.3), report));
  RF_TRY(allocations(job, 1'000, small.checked, report));
  RF_ASSIGN(const RideData many, RideData::make(ride_options(report, 1'000'000)));
  RF_ASSIGN(const RunResult large, measure(job, many, row_of("ride_window_1m", Aim::at_least, 1.8), report));
  const auto keys = static_cast<double>(std::max<int64_t>(large.state_keys, 1));
  add_figure(row_of("ride_window_state_per_key", Aim::at_most, 100),
             static_cast<double>(large.state_bytes) / keys, "bytes", large.checked && large.state_keys > 0,
             report);
  add_figure(row_of("ride_window_longest_step", Aim::at_most, 10),
             static_cast<double>(large.longest_step_nanos) / 1e6, "ms", large.checked, report);
  return {};
}

Status ride_window_shapes(const Catalog& catalog, Report& report) {
  if (skipped("ride_window_shapes", report)) return {};
  RF_ASSIGN(const MemoryJob job, load(catalog, report));
  for (const char* name : {"ride_window_reordered", "ride_window_optional", "ride_window_escaped"}) {
    RideOptions options = ride_options(report, 1'000);
    const std::string_view kind = name;
    (kind.ends_with("reordered")  ? options.reordered
     : kind.ends_with("optional") ? options.optional
                                  : options.escaped) = 0.1;
    RF_ASSIGN(const RideData data, RideData::make(options));
    RF_ASSIGN(const RunResult run, measure(job, data, row_of(name, Aim::none, 0), report));
  }
  return {};
}

Status ride_window_batches(const Catalog& catalog, Report& report) {
  if (skipped("ride_window_batches", report)) return {};
  RF_ASSIGN(const MemoryJob job, load(catalog, report));
  RF_ASSIGN(const RideData data, RideData::make(ride_options(report, 1'000)));
  for (const int32_t rows : {64, 512, 16'384}) {
    RunOptions run;
    run.batch_rows = rows;
    RF_ASSIGN(
        const RunResult result,
        measure(job, data, row_of(fmt::format("ride_window_batch_{}", rows), Aim::none, 0), report, run));
  }
  return {};
}

}  // namespace rideflow::bench
