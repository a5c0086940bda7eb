// Curves: the cost per event by number of keys, of output columns and of slices in a window. It must stay
// flat, or the reason be known.
#include <fmt/format.h>

#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

// The job's sources and one stream; its sink is replaced by the one in memory.
Result<BenchJob> make_job(const Catalog& catalog, const std::string& stream) {
  return BenchJob::parse(catalog, "curve",
                         fmt::format(R"(
job: curve
sources:
  rides:
    topic: {{name: ride_events}}
    format: json
    schema:
      driver_id: string
      city: string
      status: string
      fare: double?
      ride_timestamp: timestamp
    event_time: {{column: ride_timestamp, out_of_order: 5s}}
streams:
  completed: {{from: rides, where: status = 'ride_completed'}}
  result:
{}
sinks:
  out: {{from: result, discard: {{}}}}
)",
                                     stream));
}

struct Totals {
  int64_t count = 0;
  double sum = 0;
};

Totals totals_of(const std::vector<WindowRow>& rows) {
  Totals all;
  for (const WindowRow& row : rows) {
    all.count += row.count;
    all.sum += row.sum;
  }
  return all;
}

// Sums of two columns of all rows.
Totals totals_of(const std::vector<Batch>& batches, const std::string& count, const std::string& sum) {
  Totals all;
  for (const Batch& batch : batches) {
    const Column& counts = batch.column(*batch.schema->find(count));
    const Column& sums = batch.column(*batch.schema->find(sum));
    for (int32_t i = 0; i < batch.rows; ++i) {
      all.count += counts.values<int64_t>()[i];
      all.sum += sums.is_null(i) ? 0 : sums.values<double>()[i];
    }
  }
  return all;
}

std::string difference(const Totals& got, Totals expected, const Report& report) {
  if (report.options().spoil) expected.count += 1;
  const double error = std::abs(got.sum - expected.sum);
  if (got.count == expected.count && error <= 1e-9 * std::abs(expected.sum)) return {};
  return fmt::format("{} events of {}, expected {} of {}", got.count, got.sum, expected.count, expected.sum);
}

// Without a limit of its own: rows of a curve are compared with each other.
template <class Check>
Status measure(const BenchJob& job, const RideData& data, Row row, Report& report, const Check& check) {
  std::vector<double> rates;
  for (int i = 0; i <= report.options().repeats; ++i) {
    RF_ASSIGN(const RunResult run, job.run(data, {}));
    if (i == 0) {
      row.note = check(run);
    } else {
      rates.push_back(per_second(data.events(), run.cpu_nanos));
    }
  }
  const bool checked = row.note.empty();
  report.add_figure(std::move(row), median(rates), checked);
  return {};
}

std::string short_number(int64_t n) {
  return n >= 1'000'000 ? fmt::format("{}m", n / 1'000'000) : fmt::format("{}k", n / 1'000);
}

}  // namespace

// Every event counts, in one window, so that there are nearly as many keys as drivers.
Status curve_keys(const Catalog& catalog, Report& report) {
  if (loop_skipped("curve_keys", report)) return {};
  RF_ASSIGN(const BenchJob job,
            BenchJob::load(catalog, report.options().root + "/bench/jobs/ride_keys.yaml"));
  for (const int64_t keys : {1'000, 100'000, 1'000'000, 10'000'000}) {
    RideOptions options = ride_options(report, report.options().smoke ? keys / 100 : keys);
    options.in_turn = true;
    options.events = std::max(options.events, options.drivers);
    options.rate = static_cast<double>(options.events) / 10;
    RF_ASSIGN(const RideData data, RideData::make(options));
    const LoopResult loop = ride_keys_loop(data);
    RF_TRY(measure(job, data, row_of("curve_keys_" + short_number(keys), "events/s"), report,
                   [&](const RunResult& run) { return check_against_loop(run, loop, report); }));
  }
  return {};
}

// Column k is the sum of fare + k: every one has to be computed.
Status curve_columns(const Catalog& catalog, Report& report) {
  if (loop_skipped("curve_columns", report)) return {};
  RF_ASSIGN(const RideData data, RideData::make(ride_options(report, 1'000)));
  const Totals loop = totals_of(ride_loop(data).rows);
  for (const int columns : {1, 10, 100}) {
    std::string stream =
        "    from: completed\n    key_by: [driver_id]\n    window: {tumbling: 10s}\n    aggregate:\n"
        "      rides: count()\n";
    for (int k = 1; k <= columns; ++k) stream += fmt::format("      sum_{}: sum(fare + {})\n", k, k);
    RF_ASSIGN(const BenchJob job, make_job(catalog, stream));
    const auto check = [&](const RunResult& run) {
      std::string first;
      for (int k = 1; k <= columns && first.empty(); ++k) {
        const Totals expected = {loop.count, loop.sum + k * static_cast<double>(loop.count)};
        first = difference(totals_of(run.rows, "rides", fmt::format("sum_{}", k)), expected, report);
      }
      return first;
    };
    RF_TRY(measure(job, data, row_of(fmt::format("curve_columns_{}", columns), "events/s"), report, check));
  }
  return {};
}

// Windows that begin every second; an event is in as many as a window has slices.
Status curve_slices(const Catalog& catalog, Report& report) {
  if (loop_skipped("curve_slices", report)) return {};
  RF_ASSIGN(const RideData data, RideData::make(ride_options(report, 1'000)));
  const Totals loop = totals_of(ride_loop(data).rows);
  for (const int slices : {10, 100, 1'000}) {
    RF_ASSIGN(const BenchJob job,
              make_job(catalog, fmt::format("    from: completed\n    key_by: [city]\n"
                                            "    window: {{hopping: {{size: {}s, slide: 1s}}}}\n"
                                            "    aggregate: {{rides: count(), fares: sum(fare)}}\n",
                                            slices)));
    const Totals expected = {loop.count * slices, loop.sum * slices};
    RF_TRY(measure(job, data, row_of(fmt::format("curve_slices_{}", slices), "events/s"), report,
                   [&](const RunResult& run) {
                     return difference(totals_of(run.rows, "rides", "fares"), expected, report);
                   }));
  }
  return {};
}

}  // namespace rideflow::bench
