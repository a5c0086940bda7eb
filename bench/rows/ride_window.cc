// ride_window: ride JSON in memory -> decode -> filter -> count and sum by key in windows of 10 s, one
// thread.
#include <fmt/format.h>

#include "bench/rows/memory_job.h"
#include "bench/rows/ride_loop.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

struct Case {
  const char* name;
  int64_t drivers;
  double target;
};
constexpr Case kCases[] = {{"ride_window_1k", 1'000, 1.3}, {"ride_window_1m", 1'000'000, 1.8}};

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

Status measure(const MemoryJob& job, const Case& c, Report& report) {
  RideOptions options;
  options.events = report.options().smoke ? 40'000 : 2'000'000;
  options.drivers = c.drivers;
  options.rate = report.options().smoke ? 2'000 : 100'000;
  RF_ASSIGN(const RideData data, RideData::make(options));
  Row row;
  row.name = c.name;
  row.unit = "events/s";
  row.aim = Aim::at_least;
  row.target = c.target;
  std::vector<double> ours;
  std::vector<double> loops;
  for (int i = 0; i <= report.options().repeats; ++i) {
    const int64_t begin = thread_cpu_nanos();
    LoopResult loop = ride_loop(data);
    const int64_t loop_nanos = thread_cpu_nanos() - begin;
    RF_ASSIGN(const RunResult run, job.run(data, {}));
    if (i == 0) {  // the first pass warms up and is checked
      if (report.options().spoil) loop.rows.back().count += 1;
      row.note = loop.rejected > 0 ? fmt::format("{} records rejected by the plain loop", loop.rejected)
                                   : difference(rows_of(run.rows), std::move(loop.rows));
      row.checked = row.note.empty();
      continue;
    }
    loops.push_back(per_second(data.events(), loop_nanos));
    ours.push_back(per_second(data.events(), run.cpu_nanos));
  }
  row.value = median(ours);
  row.limit = median(loops);
  report.add(std::move(row));
  return {};
}

}  // namespace

Status ride_window(const Catalog& catalog, Report& report) {
  if (!ride_loop_runs()) {
    report.skip("ride_window", "the plain loop needs a CPU with AVX2");
    return {};
  }
  RF_ASSIGN(const MemoryJob job,
            MemoryJob::load(catalog, report.options().root + "/bench/jobs/ride_window.yaml"));
  for (const Case& c : kCases) RF_TRY(measure(job, c, report));
  return {};
}

}  // namespace rideflow::bench
